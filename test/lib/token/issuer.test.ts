import { test } from 'tap'
import { createIntrospectionIssuer, createJwtIssuer } from '../../../lib/token/issuer.ts'
import type { Introspected } from '../../../lib/token/from-introspection.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
import { alwaysCurrent } from '../../../lib/token/token-cache.ts'
import type { CacheValidity } from '../../../lib/token/token-cache.ts'
import { createTestClock } from '../../support/clock.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const clock = createTestClock()
const validity = { isCurrent: () => true }

test('an issuer of JWTs', async t => {
  const fake = await createFakeIssuer({ clock })
  const checked: string[] = []
  const issuer = createJwtIssuer(createExpectedToken({ foreignAudiences: 'report' }), {
    async verifySignature ({ signingInput }) { checked.push(signingInput); return validity }
  }, clock)
  t.equal(issuer.opaquePrefix, null)
  const token = await fake.token({ aud: ['https://api.example.com', 'other'] })
  t.match(await issuer.verify(token, parseJwt(token)), {
    accessToken: { subject: 'user-1' }, validity, maxAgeMs: undefined, brokenRules: ['foreignAudiences']
  })
  const expired = await fake.token({ exp: 1 })
  t.equal(await reasonOfAsync(async () => await issuer.verify(expired, parseJwt(expired))), 'token_expired')
  t.equal(await reasonOfAsync(async () => await issuer.verify('opaque', null)), 'token_malformed', 'has no other tokens')
  t.strictSame(checked, [token.slice(0, token.lastIndexOf('.'))])
})

test('a token is remembered for as long as its key is current and its status list is', async t => {
  const fake = await createFakeIssuer({ clock })
  const token = await fake.token({ status: {} })
  const verified = async (key: CacheValidity, status: CacheValidity | Promise<CacheValidity>): Promise<CacheValidity> => {
    const issuer = createJwtIssuer(createExpectedToken(), { verifySignature: () => key }, clock, { required: false, check: () => status })
    return (await issuer.verify(token, parseJwt(token))).validity
  }
  for (const isKeyCurrent of [true, false]) {
    for (const isListCurrent of [true, false]) {
      const [key, list] = [{ isCurrent: () => isKeyCurrent }, { isCurrent: () => isListCurrent }]
      const title = `the key ${isKeyCurrent}, the list ${isListCurrent}`
      t.equal((await verified(key, list)).isCurrent(), isKeyCurrent && isListCurrent, title)
      t.equal((await verified(key, Promise.resolve(list))).isCurrent(), isKeyCurrent && isListCurrent, `${title}, which had to be requested`)
    }
  }
  t.equal(await verified(validity, alwaysCurrent), validity, 'and by its key alone where no list has it')
})

test('a status is looked for where the token has one, and where it must have one', async t => {
  const fake = await createFakeIssuer({ clock })
  for (const [status, required, isChecked] of [[undefined, false, false], [{}, false, true], [undefined, true, true], [null, false, true]] as const) {
    let isAsked = false
    const check = (): CacheValidity => { isAsked = true; return alwaysCurrent }
    const issuer = createJwtIssuer(createExpectedToken(), { verifySignature: () => validity }, clock, { required, check })
    const token = await fake.token({ status })
    await issuer.verify(token, parseJwt(token))
    t.equal(isAsked, isChecked, `${JSON.stringify(status)}, required: ${required}`)
  }
})

test('an issuer that is asked about its tokens, whatever they look like', async t => {
  const asked: string[] = []
  const introspected = { accessToken: { subject: 'user-1' }, brokenRules: ['foreignAudiences'] } as unknown as Introspected
  const issuer = createIntrospectionIssuer(createExpectedToken(), {
    async introspect (token) { asked.push(token); return introspected }
  }, 'tok_', 10_000)
  t.equal(issuer.opaquePrefix, 'tok_')
  const verified = await issuer.verify('tok_1', null)
  t.match(verified, { ...introspected, maxAgeMs: 10_000 })
  t.equal(verified.validity.isCurrent(), true)
  await issuer.verify('a.b.c', { signingInput: 'a.b', signature: Buffer.of(1), header: {}, claims: { sub: 'somebody else' } })
  t.strictSame(asked, ['tok_1', 'a.b.c'])
})
