import { test } from 'tap'
import { InvalidTokenError } from '../../../lib/errors/errors.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { IssuerKeys } from '../../../lib/token/issuer-keys.ts'
import type { Issuer } from '../../../lib/token/issuer.ts'
import type { RevocationStore } from '../../../lib/stores/revocations/revocation-store.ts'
import type { DpopRequirement, Presentation } from '../../../lib/token/confirmation.ts'
import { createJwtIssuer } from '../../../lib/token/issuer.ts'
import { createTokenCache, digestOf, digestOn, noteTokenOn } from '../../../lib/token/token-cache.ts'
import { createTokenRouter } from '../../../lib/token/verifier.ts'
import { createVerifier } from '../../../lib/token/verifier.ts'
import { createTestClock } from '../../support/clock.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { createPossessionCheck } from '../../../lib/proof/check-possession.ts'
import { reasonOf, reasonOfAsync } from '../../support/reason.ts'

const checkPossession = createPossessionCheck({ checkProof: null, readsCertificates: false, requiresCertificates: false })

/** An issuer whose signatures are all good, until its keys change. */
function trusting (identifier: string, clock: Clock): Issuer & { checked: string[], change (): void } {
  let keys = {}
  const checked: string[] = []
  const issuerKeys: IssuerKeys = {
    async verifySignature ({ signingInput, signature }) {
      checked.push(`${signingInput}.${Buffer.from(signature).toString('base64url')}`)
      const now = keys
      return { isCurrent: () => keys === now }
    }
  }
  const issuer = createJwtIssuer(createExpectedToken({ issuer: identifier }), issuerKeys, clock)
  return { ...issuer, checked, change () { keys = {} } }
}

async function setup (cached = true, revocations: RevocationStore | null = null) {
  const clock = createTestClock()
  const [a, b] = [await createFakeIssuer({ clock, issuer: 'https://a.example' }), await createFakeIssuer({ clock, issuer: 'https://b.example' })]
  const issuers = [trusting(a.issuer, clock), trusting(b.issuer, clock)] as const
  const cache = cached ? createTokenCache({ maxEntries: 10, maxBytes: 10_000, maxAgeMs: 60_000 }, clock) : null
  const verifier = createVerifier({ route: createTokenRouter(issuers, null), cache, revocations, checkPossession, requiresCertificates: false, lookupTimeoutMs: 20, report: () => {} })
  return { clock, a, b, issuers, verifier }
}

test('each token is checked by the issuer that it names', async t => {
  const { a, b, issuers: [issuerA, issuerB], verifier } = await setup()
  const [tokenA, tokenB] = [await a.token(), await b.token()]
  t.match(await verifier.verify(tokenA), { issuer: a.issuer, subject: 'user-1' })
  t.match(await verifier.verify(tokenB), { issuer: b.issuer, subject: 'user-1' })
  t.strictSame([issuerA.checked, issuerB.checked], [[tokenA], [tokenB]])
})

test('an issuer that is not one of ours', async t => {
  const { a, issuers, verifier } = await setup()
  for (const iss of ['https://c.example', 'https://a.example/', 'HTTPS://a.example', '', undefined, null, 7, ['https://a.example'], '__proto__']) {
    t.equal(reasonOf(() => verifier.verify('')), 'token_malformed')
    const token = await a.token({ iss })
    t.equal(reasonOf(() => verifier.verify(token)), 'issuer_unknown', JSON.stringify(iss))
  }
  t.strictSame(issuers.map(({ checked }) => checked), [[], []])
})

test('what fails a check does not get as far as the keys', async t => {
  const { a, issuers: [issuer], verifier } = await setup()
  const cases: Array<[Record<string, unknown>, Record<string, unknown>, string]> = [
    [{}, { alg: 'RS256' }, 'algorithm_refused'],
    [{ exp: 1 }, {}, 'token_expired'],
    [{ aud: 'other' }, {}, 'audience_foreign']
  ]
  const token = await a.token()
  for (const [claims, header, reason] of cases) {
    const given = Object.keys(header).length === 0 ? await a.token(claims) : replaceHeader(token, header)
    t.equal(await reasonOfAsync(async () => await verifier.verify(given)), reason, reason)
  }
  t.strictSame(issuer.checked, [])
})

test('a token that is known is answered at once, without a promise', async t => {
  const { a, issuers: [issuer], verifier } = await setup()
  const token = await a.token()
  const first = verifier.verify(token)
  t.ok(first instanceof Promise)
  const accessToken = await first
  const again = verifier.verify(token)
  t.equal(again, accessToken)
  t.equal(issuer.checked.length, 1)
  t.ok(isFrozen(accessToken), 'and nobody can change what all of them share')
})

test('how long it is known', async t => {
  await t.test('not past its own expiry, leeway or not', async t => {
    const { a, clock, issuers: [issuer], verifier } = await setup()
    const token = await a.token({ exp: clock.now() / 1000 + 10 })
    await verifier.verify(token)
    clock.advance(9.999)
    t.notOk(verifier.verify(token) instanceof Promise)
    clock.advance(0.001)
    for (let i = 0; i < 2; i++) await verifier.verify(token)
    t.equal(issuer.checked.length, 3, 'in the leeway each request is checked anew')
    clock.advance(5)
    t.equal(await reasonOfAsync(async () => await verifier.verify(token)), 'token_expired')
  })
  await t.test('not past the age of the cache', async t => {
    const { a, clock, issuers: [issuer], verifier } = await setup()
    const token = await a.token()
    await verifier.verify(token)
    clock.advance(60)
    await verifier.verify(token)
    t.equal(issuer.checked.length, 2)
  })
  await t.test('not with keys that changed, those of its own issuer', async t => {
    const { a, issuers: [issuerA, issuerB], verifier } = await setup()
    const token = await a.token()
    await verifier.verify(token)
    issuerB.change()
    t.notOk(verifier.verify(token) instanceof Promise)
    issuerA.change()
    t.ok(verifier.verify(token) instanceof Promise)
  })
  await t.test('not at all without a cache', async t => {
    const { a, issuers: [issuer], verifier } = await setup(false)
    const token = await a.token()
    for (let i = 0; i < 3; i++) await verifier.verify(token)
    t.equal(issuer.checked.length, 3)
  })
})

test('a token that is no good is not remembered', async t => {
  const { a, issuers: [issuer], verifier } = await setup()
  const token = await a.token({ scope: 7 })
  for (let i = 0; i < 2; i++) await t.rejects(async () => await verifier.verify(token), { message: 'The access token is invalid' })
  t.equal(issuer.checked.length, 2)
})

test('a claim named __proto__ is a claim like any other', async t => {
  const { a, verifier } = await setup()
  const token = await a.token(JSON.parse('{"__proto__":{"admin":true,"cnf":{}}}') as Record<string, unknown>)
  const { claims } = await verifier.verify(token)
  t.equal(claims.admin, undefined)
  t.equal(({} as AccessToken['claims']).admin, undefined)
})

test('what was revoked is asked about each token, each time', async t => {
  const cases: Array<[answer: () => unknown, reason: string | null]> = [
    [() => false, null], [async () => false, null], [() => ({ then: (done: (value: boolean) => void) => done(false) }), null],
    [() => true, 'token_revoked'], [async () => true, 'token_revoked'],
    ...[undefined, null, 0, 1, '', 'false', {}].flatMap((value): Array<[() => unknown, string]> =>
      [[() => value, 'revocations_unavailable'], [async () => value, 'revocations_unavailable']]),
    [() => { throw new Error('down') }, 'revocations_unavailable'], [async () => { throw new Error('down') }, 'revocations_unavailable'],
    [() => new Promise<never>(() => {}), 'revocations_unavailable'],
    [() => { throw new InvalidTokenError('token_unverified') }, 'revocations_unavailable']
  ]
  for (const [answer, reason] of cases) {
    let isRevoked: () => unknown = () => false
    const { a, issuers: [issuer], verifier } = await setup(true, { isRevoked: () => isRevoked() as boolean })
    const token = await a.token()
    const verify = async (): Promise<AccessToken> => await verifier.verify(token)
    await verify()
    for (const isKnown of [true, false]) {
      isRevoked = answer
      t.equal(await reasonOfAsync(isKnown ? verify : async () => await verifier.verify(await a.token())), reason, `${String(answer)} ${isKnown}`)
    }
    isRevoked = () => false
    t.equal(await reasonOfAsync(verify), null, 'and nothing of it is kept')
    t.equal(issuer.checked.length, reason === 'token_revoked' ? 3 : 2, 'a revoked token leaves the cache at once')
  }
})

test('a revoked token is refused without a cache, too', async t => {
  const { a, verifier } = await setup(false, { isRevoked: () => true })
  t.equal(await reasonOfAsync(async () => await verifier.verify(await a.token())), 'token_revoked')
})

test('the store is handed the token, after it was verified', async t => {
  const asked: unknown[] = []
  const { a, verifier } = await setup(true, { isRevoked: token => { asked.push(token); return false } })
  t.equal(reasonOf(() => verifier.verify('nonsense')), 'token_malformed')
  t.equal(await reasonOfAsync(async () => await verifier.verify(await a.token({ aud: 'x' }))), 'audience_foreign')
  t.strictSame(asked, [])
  const token = await a.token({ sid: 's' })
  const accessToken = await verifier.verify(token)
  t.equal(verifier.verify(token), accessToken, 'at once, where the store answers at once')
  t.strictSame(asked, [accessToken, accessToken])
  t.match(accessToken, { sessionId: 's' })
})

test('rules of the host\'s own, enforced or told of, once for each verification', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  const told: string[] = []
  const rule = createExpectedToken({
    foreignAudiences: 'report',
    tokenRules: [
      { name: 'has a session', check: ({ sessionId }) => sessionId !== null, reportOnly: true },
      { name: 'is ann', check: ({ subject }) => subject === 'ann', reportOnly: false }
    ]
  })
  const issuer = createJwtIssuer(rule, { verifySignature: async () => ({ isCurrent: () => true }) }, clock)
  const verifier = createVerifier({
    route: createTokenRouter([issuer], null), cache: createTokenCache({ maxEntries: 10, maxBytes: 10_000, maxAgeMs: 60_000 }, clock), revocations: null, lookupTimeoutMs: 20,
    checkPossession,
    requiresCertificates: false,
    report: ({ rule, accessToken }) => told.push(`${accessToken.subject} ${rule}`)
  })
  t.equal(await reasonOfAsync(async () => await verifier.verify(await fake.token())), 'token_rule_broken')
  t.strictSame(told, [], 'what is refused is not told of')
  const token = await fake.token({ sub: 'ann', aud: ['https://api.example.com', 'other'] })
  for (let i = 0; i < 3; i++) await verifier.verify(token)
  t.strictSame(told, ['ann foreignAudiences', 'ann has a session'])
  await verifier.verify(await fake.token({ sub: 'ann', sid: 's' }))
  t.equal(told.length, 2)
})

function replaceHeader (token: string, header: object): string {
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...token.split('.').slice(1)].join('.')
}

function isFrozen (value: unknown): boolean {
  return Object.isFrozen(value) && (typeof value !== 'object' || value === null || Object.values(value).every(isFrozen))
}

test('what is remembered is known by a digest, and never by the token (R7662-11)', async t => {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock, issuer: 'https://a.example' })
  const keys: string[] = []
  const verifier = createVerifier({
    route: createTokenRouter([trusting(issuer.issuer, clock)], null),
    cache: { find (digest) { keys.push(digest); return null }, remember (digest) { keys.push(digest) }, forget () {} },
    revocations: null,
    lookupTimeoutMs: 20,
    checkPossession,
    requiresCertificates: false,
    report: () => {}
  })
  const token = await issuer.token()
  await verifier.verify(token)
  t.strictSame(keys, [digestOf(token), digestOf(token)])
  t.notOk(keys.some(key => key.includes(token)))
})

test('a connection keeps the token that was good on it, and nothing of one that was refused', async t => {
  const { a, verifier } = await setup()
  const connection = {}
  const [good, bad] = [await a.token(), await a.token({ exp: 1 })]
  noteTokenOn(connection, 'earlier', 'kept')
  t.equal(reasonOf(() => verifier.verify(bad, undefined, connection)), 'token_expired')
  t.equal(reasonOf(() => verifier.verify('x'.repeat(9000), undefined, connection)), 'token_malformed')
  await verifier.verify(good, undefined, connection)
  t.equal(digestOn(connection, 'earlier'), 'kept', 'and not one that came once')
  t.match(await verifier.verify(good, undefined, connection), { subject: 'user-1' })
  t.equal(digestOn(connection, 'earlier'), digestOf('earlier'))
  t.match(await verifier.verify(good, undefined, null), { subject: 'user-1' }, 'a host may say that there is no connection')
})

test('possession is not checked where a bearer token will do, and else by the digest of the token', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  const [unbound, bound] = [await fake.token(), await fake.token({ cnf: { jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' } })]
  const as = (scheme: Presentation['scheme'], requirement: DpopRequirement): Presentation =>
    ({ scheme, requirement, method: 'GET', proofs: [], targetUris: [], certificateThumbprint: null, provideNonce () {} })
  const cases: Array<[token: string, presentation: Presentation | undefined, requiresCertificates: boolean, isAsked: boolean]> = [
    [unbound, undefined, false, false], [unbound, as('Bearer', 'off'), false, false], [unbound, as('Bearer', 'allowed'), false, false],
    [unbound, as('Bearer', 'required'), false, true], [unbound, as('DPoP', 'allowed'), false, true],
    [unbound, undefined, true, true], [unbound, as('Bearer', 'off'), true, true],
    [bound, undefined, false, true], [bound, as('Bearer', 'off'), false, true]
  ]
  for (const cached of [true, false]) {
    for (const [token, presentation, requiresCertificates, isAsked] of cases) {
      const asked: unknown[] = []
      const verifier = createVerifier({
        route: createTokenRouter([trusting(fake.issuer, clock)], null),
        cache: cached ? createTokenCache({ maxEntries: 10, maxBytes: 10_000, maxAgeMs: 60_000 }, clock) : null,
        revocations: null,
        lookupTimeoutMs: 20,
        checkPossession (_accessToken, digest, presented) { asked.push([digest, presented]) },
        requiresCertificates,
        report () {}
      })
      await verifier.verify(token, presentation)
      t.strictSame(asked, isAsked ? [[digestOf(token), presentation]] : [], JSON.stringify([cached, token === bound, presentation, requiresCertificates]))
    }
  }
})
