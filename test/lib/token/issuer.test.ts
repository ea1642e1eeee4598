import { test } from 'tap'
import { createIntrospectionIssuer, createJwtIssuer } from '../../../lib/token/issuer.ts'
import type { Introspected } from '../../../lib/token/from-introspection.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
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
