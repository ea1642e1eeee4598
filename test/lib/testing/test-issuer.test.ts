import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import oauthResourceServer from 'fastify-oauth-resource-server'
import type { OAuthResourceServerOptions } from 'fastify-oauth-resource-server'
import { createTestClient, createTestIssuer, createTestPrincipals } from 'fastify-oauth-resource-server/testing'
import type { BrokenToken, TestAlgorithm } from 'fastify-oauth-resource-server/testing'
import { createMemoryOrganizationDirectory } from 'fastify-oauth-resource-server/impersonation'
import type { PresetName } from '../../../lib/config/presets.ts'
import { issuerPresets } from '../../../lib/config/presets.ts'
import { brokenTokens } from '../../../lib/testing/broken-tokens.ts'
import { createTestClock } from '../../support/clock.ts'

const resource = 'https://api.example.com'

async function createApp (options: OAuthResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(oauthResourceServer, options)
  app.get('/', async ({ accessToken }) => accessToken)
  app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async () => 'projects')
  return app
}

test('a good token in one line, for each algorithm', async t => {
  const algorithms: TestAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA']
  for (const algorithm of algorithms) {
    const issuer = createTestIssuer({ resource, algorithm })
    const app = await createApp(issuer.options)
    const { statusCode } = await app.inject({ url: '/projects', headers: issuer.headers({ scopes: ['projects:read'] }) })
    t.equal(statusCode, 200, algorithm)
    t.equal((await app.inject({ url: '/projects', headers: issuer.headers() })).statusCode, 403, algorithm)
    await app.close()
  }
})

test('what a test says of a token is in it', async t => {
  const issuer = createTestIssuer({ resource, issuer: 'https://issuer.test/tenant' })
  const app = await createApp(issuer.options)
  const headers = issuer.headers({ subject: 'ann', scopes: ['a', 'b'], clientId: 'app', actor: 'sam', expiresInSeconds: 60, claims: { roles: ['admin'] }, header: { kid: undefined } })
  t.match((await app.inject({ url: '/', headers })).json(), {
    issuer: 'https://issuer.test/tenant', subject: 'ann', clientId: 'app', scopes: ['a', 'b'], actor: { subject: 'sam' }, roles: ['admin']
  })
  t.same(issuer.requests, ['https://issuer.test/.well-known/oauth-authorization-server/tenant', 'https://issuer.test/tenant/jwks'])
  await app.close()
})

test('each broken token is refused with 401, for the reason that its name says', async t => {
  const expected: Readonly<Record<BrokenToken, RegExp>> = {
    expired: /token_expired/, not_yet_valid: /token_not_yet_valid/, issued_in_the_future: /token_not_yet_valid/, wrong_issuer: /issuer_unknown/,
    wrong_audience: /audience_foreign/, no_audience: /audience_missing/, no_subject: /claim_missing/, no_expiry: /claim_missing/,
    unknown_key: /key_unknown/, foreign_key: /signature_invalid/, bad_signature: /signature_invalid/, no_signature: /token_malformed/,
    alg_none: /token_malformed|algorithm_refused/, symmetric: /algorithm_refused/, critical_header: /critical_header_refused/,
    id_token: /type_refused/, other_type: /type_refused/, bound_to_a_key: /proof_missing/, bound_to_a_certificate: /proof_missing/,
    encrypted: /token_malformed|encrypted/, truncated: /token_malformed|signature_invalid/, not_a_jwt: /token_malformed/, repeated_claim: /token_malformed/
  }
  t.same(Object.keys(expected).sort(), Object.keys(brokenTokens).sort())
  for (const [kind, reason] of Object.entries(expected) as Array<[BrokenToken, RegExp]>) {
    // Of its own each time: a signature that is wrong may make the next ones wait for new keys.
    const issuer = createTestIssuer({ resource })
    const app = await createApp({ ...issuer.options, errorDescriptions: 'reason' })
    t.equal((await app.inject({ url: '/', headers: issuer.headers() })).statusCode, 200)
    const refused = await app.inject({ url: '/', headers: { authorization: `Bearer ${issuer.brokenToken(kind)}` } })
    t.equal(refused.statusCode, 401, kind)
    t.match(refused.headers['www-authenticate'], reason, kind)
    await app.close()
  }
})

test('keys that are rotated, and an outage', async t => {
  const clock = createTestClock()
  const issuer = createTestIssuer({ resource, clock })
  const app = await createApp({ ...issuer.options, clock })
  const old = issuer.headers()
  t.equal((await app.inject({ url: '/', headers: old })).statusCode, 200)
  issuer.rotateKeys({ keepOld: true })
  t.equal((await app.inject({ url: '/', headers: issuer.headers() })).statusCode, 200)
  t.equal((await app.inject({ url: '/', headers: old })).statusCode, 200)
  clock.advance(60)
  issuer.rotateKeys()
  issuer.setOutage(true)
  t.equal((await app.inject({ url: '/', headers: issuer.headers() })).statusCode, 503)
  issuer.setOutage(false)
  clock.advance(60)
  t.equal((await app.inject({ url: '/', headers: issuer.headers() })).statusCode, 200)
  await app.close()
})

test('opaque tokens that are introspected, and revoked', async t => {
  const issuer = createTestIssuer({ resource })
  const app = await createApp(issuer.introspectionOptions)
  const token = issuer.opaqueToken({ subject: 'ann', scopes: ['projects:read'] })
  const headers = { authorization: `Bearer ${token}` }
  t.equal((await app.inject({ url: '/projects', headers })).statusCode, 200)
  issuer.revoke(token)
  t.equal((await app.inject({ url: '/projects', headers })).statusCode, 401)
  const expired = issuer.opaqueToken({ expiresInSeconds: 0 })
  t.equal((await app.inject({ url: '/', headers: { authorization: `Bearer ${expired}` } })).statusCode, 401)
  t.equal((await issuer.fetch('https://issuer.test/nothing', {})).status, 404)
  t.equal((await (await issuer.fetch('https://issuer.test/introspect', { body: '' })).json() as { active: boolean }).active, false)
  await app.close()
})

test('a principal without any token of an issuer', async t => {
  const principals = createTestPrincipals()
  const app = await createApp({ resource, authorizationServers: ['https://issuer.test'], customTokens: [principals.customTokens] })
  t.match((await app.inject({ url: '/', headers: principals.headers({ subject: 'ann', roles: ['admin'] }) })).json(), { subject: 'ann', roles: ['admin'] })
  t.match((await app.inject({ url: '/', headers: principals.headers() })).json(), { subject: 'user-1' })
  t.equal((await app.inject({ url: '/projects', headers: principals.headers({ scopes: ['projects:read'] }) })).statusCode, 200)
  t.equal((await app.inject({ url: '/', headers: { authorization: `Bearer ${principals.customTokens.prefix}guess` } })).statusCode, 401)
  await app.close()
})

test('a client with a key of its own makes proofs', t => {
  const client = createTestClient()
  const issuer = createTestIssuer({ resource })
  const token = issuer.token({ boundTo: client })
  const partsOf = (jwt: string): Array<Record<string, unknown>> =>
    jwt.split('.').slice(0, 2).map(part => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)
  t.same(partsOf(token)[1]!.cnf, { jkt: client.thumbprint })
  const { authorization, dpop } = client.headers({ method: 'POST', url: `${resource}/a?b#c`, token, nonce: 'n', claims: { jti: 'j' } })
  t.equal(authorization, `DPoP ${token}`)
  const [header, claims] = partsOf(dpop)
  t.match(header, { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: 'EC' } })
  t.same(Object.keys(header!.jwk as object).sort(), ['crv', 'kty', 'x', 'y'])
  t.match(claims, { htm: 'POST', htu: `${resource}/a`, nonce: 'n', jti: 'j', ath: /^[\w-]{43}$/ })
  t.notOk('nonce' in partsOf(client.proof({ url: resource, token }))[1]!)
  t.end()
})

test('each product: the tokens of the kit are accepted with the options of the kit, its ID tokens are not [F52 F87]', async t => {
  for (const product of Object.keys(issuerPresets) as PresetName[]) {
    const issuer = createTestIssuer({ resource, product })
    const app = await createApp({ ...issuer.options, errorDescriptions: 'reason' })
    const user = await app.inject({ url: '/', headers: issuer.headers({ scopes: ['projects:read'] }) })
    t.equal(user.statusCode, 200, product)
    t.match(user.json(), { issuer: issuer.issuer, ...!machinesOnly.includes(product) && { principalType: 'user', subject: 'user-1' } }, product)
    if (!withoutScopes.includes(product)) t.equal((await app.inject({ url: '/projects', headers: issuer.headers({ scopes: ['projects:read'] }) })).statusCode, 200, product)
    t.equal((await app.inject({ url: '/projects', headers: issuer.headers() })).statusCode, 403, product)
    if (withoutClients.includes(product)) {
      t.throws(() => issuer.token({ principalType: 'client' }), { message: /issues no access tokens to clients/ }, product)
    } else {
      const client = await app.inject({ url: '/', headers: issuer.headers({ principalType: 'client' }) })
      t.match(client.json(), { principalType: 'client' }, product)
    }
    const [header, value] = Object.entries(issuer.headers())[0]!
    const idToken = issuer.brokenToken('id_token')
    t.equal((await app.inject({ url: '/', headers: { [header]: value.startsWith('Bearer ') ? `Bearer ${idToken}` : idToken } })).statusCode, 401, product)
    await app.close()
  }
})

test('a token by RFC 9068 of a client that acts for itself', async t => {
  const issuer = createTestIssuer({ resource })
  const app = await createApp(issuer.options)
  t.match((await app.inject({ url: '/', headers: issuer.headers({ principalType: 'client', clientId: 'nightly' }) })).json(), {
    principalType: 'client', subject: 'nightly', clientId: 'nightly'
  })
  await app.close()
})

test('delegation: the actors of a token, the current one first [RFC 8693 4.1]', t => {
  const issuer = createTestIssuer({ resource })
  t.same(claimsOf(issuer.token({ actor: ['agent', 'gateway'] })).act, { sub: 'agent', act: { sub: 'gateway' } })
  t.same(claimsOf(issuer.token({ actor: 'agent' })).act, { sub: 'agent' })
  t.notOk('act' in claimsOf(issuer.token()))
  t.end()
})

test('impersonation: a token that a member of staff made is found by the server, and the customer\'s own is not', async t => {
  const issuer = createTestIssuer({ resource })
  const directory = createMemoryOrganizationDirectory({ organizations: [{ id: 'globex', aiApproved: false }], memberships: [{ customer: 'ann', organization: 'globex' }] })
  const app = await createApp({ ...issuer.options, impersonatedTokens: { directory } })
  const own = await app.inject({ url: '/', headers: issuer.headers({ subject: 'ann' }) })
  t.equal(own.statusCode, 200)
  const staff = await app.inject({ url: '/', headers: issuer.headers({ subject: 'ann', impersonatedBy: { staff: 'sam', readOnly: true } }) })
  t.equal(staff.statusCode, 403)
  t.match(claimsOf(issuer.token({ subject: 'ann', impersonatedBy: { staff: 'sam', readOnly: true } })), {
    sub: 'ann', act: { sub: 'sam' }, impersonation: { actor: { sub: 'sam' }, read_only: true }
  })
  await app.close()
})

test('an endpoint that answers differently: a failure is 503, and it recovers', async t => {
  const clock = createTestClock()
  const issuer = createTestIssuer({ resource, clock })
  const app = await createApp({ ...issuer.introspectionOptions, clock })
  const headers = { authorization: `Bearer ${issuer.opaqueToken()}` }
  issuer.respond('introspection', () => new Response('busy', { status: 500 }))
  t.equal((await app.inject({ url: '/', headers })).statusCode, 503)
  issuer.respond('introspection', null)
  clock.advance(60)
  t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
  await app.close()
})

/** Products whose tokens all belong to machines. */
const machinesOnly: readonly PresetName[] = ['google', 'githubActions', 'kubernetes']
/** Products that issue no access tokens to clients that act for themselves. */
const withoutClients: readonly PresetName[] = ['clerk', 'supabase', 'cloudflareAccess']
/** Products whose tokens have no scopes: of a WorkOS session the permissions are roles. */
const withoutScopes: readonly PresetName[] = [...machinesOnly, ...withoutClients, 'workos']

function claimsOf (token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>
}
