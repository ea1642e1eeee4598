import { test } from 'tap'
import { parseJwt } from '../../../lib/token/jwt.ts'
import type { CustomToken } from '../../../lib/token/custom-tokens.ts'
import { createCustomTokenIssuer } from '../../../lib/token/custom-tokens.ts'
import { createTestClock } from '../../support/clock.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const resource = 'https://api.example.com'
const clock = createTestClock()
const now = clock.now() / 1000

function issuerOf (verify: (token: string) => unknown) {
  const rule = { issuer: 'https://keys.example', prefix: 'pat_', verify: verify as () => CustomToken, maxAgeMs: 7000 }
  return createCustomTokenIssuer(rule, { resource, lookupTimeoutMs: 20, clock })
}

test('what is said of a token, and what is not (F34)', async t => {
  const issuer = issuerOf(() => ({ subject: 'ann' }))
  t.match(issuer, { opaquePrefix: 'pat_', expected: { issuer: 'https://keys.example', tokenRules: [] } })
  const verified = await issuer.verify('pat_1', null)
  t.equal(verified.maxAgeMs, 7000)
  t.strictSame(verified.brokenRules, [])
  t.equal(verified.validity.isCurrent(), true)
  t.strictSame(verified.accessToken, {
    issuer: 'https://keys.example', subject: 'ann', audience: [resource], principalType: 'user', clientId: null, scopes: [], actor: null,
    tokenId: null, expiresAt: null, issuedAt: null, roles: [], organizations: null, teams: null, sessionId: null, grantId: null,
    authenticationContext: null, authenticatedAt: null, authorizationDetails: [], confirmation: null, claims: {}
  })

  const all = {
    subject: 'ann', principalType: 'client', clientId: 'cli', scopes: ['read'], actor: { issuer: 'https://a.example', subject: 'sam' }, tokenId: 'key-1',
    expiresAt: now + 1, issuedAt: now - 1, roles: ['r'], organizations: ['acme'], teams: ['red'], sessionId: 's', grantId: 'g',
    authenticationContext: 'gold', authenticatedAt: now - 2, authorizationDetails: [{ type: 'payment', limit: 5 }], claims: { plan: { name: 'pro' } }
  }
  t.strictSame((await issuerOf(async () => all).verify('pat_1', null)).accessToken, { ...all, confirmation: null, issuer: 'https://keys.example', audience: [resource] })
  const nulls = Object.fromEntries(['clientId', 'actor', 'tokenId', 'expiresAt', 'issuedAt', 'organizations', 'teams', 'sessionId', 'grantId',
    'authenticationContext', 'authenticatedAt'].map(name => [name, null]))
  t.equal(await reasonOfAsync(async () => await issuerOf(() => ({ subject: 'ann', ...nulls })).verify('pat_1', null)), null)
  const { accessToken } = await issuerOf(() => ({ subject: 'ann', scopes: undefined, claims: undefined })).verify('pat_1', null)
  t.match(accessToken, { scopes: [], claims: {} }, 'undefined is not said')
})

test('what is given is copied and frozen, all the way down (F34)', async t => {
  const given = { subject: 'ann', scopes: ['read'], claims: { plan: { name: 'pro' } } }
  const { accessToken } = await issuerOf(() => given).verify('pat_1', null)
  given.scopes.push('write')
  given.claims.plan.name = 'free'
  t.match(accessToken, { scopes: ['read'], claims: { plan: { name: 'pro' } } })
  t.equal(accessToken.scopes.length, 1)
  t.ok(Object.isFrozen(accessToken) && Object.isFrozen(accessToken.scopes) && Object.isFrozen((accessToken.claims as typeof given.claims).plan))
})

test('what is no good, and what could not be found out (F34)', async t => {
  const unavailable = 'custom_tokens_unavailable'
  const cases: Array<[given: () => unknown, reason: string | null]> = [
    [() => null, 'token_unverified'], [() => undefined, 'token_unverified'], [async () => null, 'token_unverified'],
    [() => ({ subject: 'ann', expiresAt: now }), 'token_expired'], [() => ({ subject: 'ann', expiresAt: now - 1 }), 'token_expired'],
    [() => ({ subject: 'ann', expiresAt: now + 0.001 }), null],
    [() => ({ subject: 'ann', principalType: 'user', actor: { subject: 'sam', issuer: 'https://a.example' } }), null],
    [() => { throw new Error('down') }, unavailable], [async () => { throw new Error('down') }, unavailable], [() => new Promise(() => {}), unavailable],
    ...[false, true, 7, 'ann', [], {}, { subject: '' }, { subject: 7 }, { subject: 'ann', scope: 'read' }, { subject: 'ann', scopes: 'read' },
      { subject: 'ann', scopes: [7] }, ...['scopes', 'roles', 'organizations', 'teams'].map(name => ({ subject: 'ann', [name]: ['read', 7, 'write'] })),
      { subject: 'ann', authorizationDetails: [{ type: 'payment' }, {}] }, { subject: 'ann', authorizationDetails: [{ type: '' }] }, { subject: 'ann', principalType: 'staff' }, { subject: 'ann', expiresAt: '9' }, { subject: 'ann', expiresAt: NaN },
      { subject: 'ann', actor: { subject: 'sam' } }, { subject: 'ann', actor: { subject: '', issuer: 'a' } }, { subject: 'ann', actor: 'sam' },
      { subject: 'ann', actor: { subject: 'sam', issuer: 'https://a.example', admin: true } }, { subject: 'ann', organizations: 'acme' }, { subject: 'ann', claims: 7 },
      { subject: 'ann', issuer: 'https://login.example.com' }, { subject: 'ann', audience: ['x'] }, { subject: 'ann', authorizationDetails: [{}] }
    ].map((given): [() => unknown, string] => [Object.assign(() => given, { toString: () => JSON.stringify(given) }), unavailable])
  ]
  for (const [given, reason] of cases) {
    t.equal(await reasonOfAsync(async () => await issuerOf(given).verify('pat_1', null)), reason, String(given))
  }
})

test('the log learns what is wrong, and not the token (F34)', async t => {
  await t.rejects(Promise.resolve(issuerOf(token => ({ subject: 'ann', scopes: token })).verify('pat_secret', null)), {
    statusCode: 503, retryAfterSeconds: 5, cause: { name: 'TypeError', message: 'verify must return a list of strings as scopes' }, detail: { received: '"verify must return a list of strings as scopes"' }
  } as never)
  await t.rejects(Promise.resolve(issuerOf(token => token).verify('pat_secret', null)), { cause: { message: 'verify must return an object, or null' } } as never)
})

test('the log learns why a token is refused (F34)', async t => {
  const detailOf = async (given: unknown): Promise<unknown> => await Promise.resolve(issuerOf(() => given).verify('pat_secret', null)).catch((error: unknown) => (error as { detail: unknown }).detail)
  t.strictSame(await detailOf(null), { expected: 'a token that customTokens knows', received: 'verify returned null' })
  t.strictSame(await detailOf({ subject: 'ann', expiresAt: now }), { expected: `expiresAt is after ${now}, now`, received: `expiresAt is ${now}` })
})

test('a JWT that names the host as its issuer is none of its tokens (F34)', async t => {
  const fake = await createFakeIssuer({ clock, issuer: 'https://keys.example' })
  const token = await fake.token()
  const issuer = issuerOf(() => { throw new Error('asked') })
  await t.rejects(Promise.resolve(issuer.verify(token, parseJwt(token))), {
    reason: 'issuer_unknown', detail: { expected: 'a token that is not a JWT: customTokens has this issuer', received: 'iss is "https://keys.example"' }
  } as never)
})

/** An entity of an ORM: its columns are accessors of the class. */
class ApiKey {
  readonly #row: Record<string, unknown>
  readonly table = 'keys'
  constructor (row: Record<string, unknown>) { this.#row = row }
  get subject (): unknown { return this.#row.subject }
  get expiresAt (): unknown { return this.#row.expiresAt }
  get organizations (): unknown { return this.#row.organizations }
  get claims (): unknown { return this.#row.claims }
}

test('accessors of a class count as members (F34, D6)', async t => {
  const given = new ApiKey({ subject: 'ann', expiresAt: now + 60, organizations: ['acme'] })
  const { accessToken } = await issuerOf(() => given).verify('pat_1', null)
  t.match(accessToken, { subject: 'ann', expiresAt: now + 60, organizations: ['acme'], claims: {} })
  t.notOk('table' in accessToken, 'and nothing else of it is copied')
  t.equal(await reasonOfAsync(async () => await issuerOf(() => new ApiKey({ subject: 'ann', expiresAt: 1000 })).verify('pat_1', null)), 'token_expired')
  t.equal(await reasonOfAsync(async () => await issuerOf(() => new ApiKey({ subject: 7 })).verify('pat_1', null)), 'custom_tokens_unavailable')
  t.equal(await reasonOfAsync(async () => await issuerOf(() => Object.create({ subject: 'ann' })).verify('pat_1', null)), null)
  let reads = 0
  const changing = { get subject () { return reads++ === 0 ? 'ann' : 'root' } }
  t.equal((await issuerOf(() => changing).verify('pat_1', null)).accessToken.subject, 'ann', 'what was checked is what is used')
})

function nested (levels: number): Record<string, unknown> {
  return levels === 0 ? {} : { in: nested(levels - 1) }
}

test('what is plain data is copied: 64 levels, and objects without a prototype (F34)', async t => {
  const bare = Object.assign(Object.create(null), { plan: 'pro' }) as object
  for (const claims of [nested(64), bare]) {
    t.same((await issuerOf(() => ({ subject: 'ann', claims })).verify('pat_1', null)).accessToken.claims, claims)
  }
})

test('what cannot be copied is 503, and nothing of the host is in the error (F34, D6)', async t => {
  const ring: Record<string, unknown> = {}
  ring.self = ring
  const list: unknown[] = []
  list.push(list)
  const itself = { toJSON: (): unknown => itself }
  const cases: Array<[claims: unknown, said: string]> = [
    [{ save: async () => { throw new Error('secret in source') } }, 'claims.save, which is a function'],
    [{ when: Symbol('x') }, 'claims.when, which is a symbol'],
    [{ size: 1n }, 'claims.size, which is a bigint'],
    [{ owner: new ApiKey({}) }, 'claims.owner, which is not plain data'],
    [{ list: [{ of: new Map() }] }, 'claims.list.0.of, which is not plain data'],
    [{ bytes: new Uint8Array(3) }, 'claims.bytes, which is not plain data'],
    [ring, 'nested too deeply'], [{ list }, 'nested too deeply'], [{ itself }, 'claims.itself, which is nested too deeply'], [nested(65), 'nested too deeply']
  ]
  for (const [claims, said] of cases) {
    const error = await Promise.resolve(issuerOf(() => ({ subject: 'ann', claims })).verify('pat_1', null)).catch((failure: unknown) => failure) as Error
    t.match(error, { statusCode: 503, retryAfterSeconds: 5 })
    t.ok((error.cause as Error).message.includes(said), said)
    t.notMatch(JSON.stringify(error) + error.message, /secret|ApiKey/)
  }
  const throwing = { get subject (): string { throw new Error('no connection') } }
  t.equal(await reasonOfAsync(async () => await issuerOf(() => throwing).verify('pat_1', null)), 'custom_tokens_unavailable')
  const { accessToken } = await issuerOf(() => ({ subject: 'ann', claims: { at: new Date(0), none: undefined } })).verify('pat_1', null)
  t.match(accessToken.claims, { at: '1970-01-01T00:00:00.000Z', none: undefined }, 'what says what it is by toJSON is copied')
})
