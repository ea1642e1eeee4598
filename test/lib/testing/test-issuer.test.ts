import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import oauthResourceServer from 'fastify-oauth-resource-server'
import type { OAuthResourceServerOptions } from 'fastify-oauth-resource-server'
import { createTestClient, createTestIssuer, createTestPrincipals } from 'fastify-oauth-resource-server/testing'
import type { BrokenToken, TestAlgorithm } from 'fastify-oauth-resource-server/testing'
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
  for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519'] as TestAlgorithm[]) {
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
