import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import { parseChallenges } from '../../lib/challenge/parse.ts'
import { createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer, { createMemoryReplayStore } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'

const url = `${resource}/mcp`
const algs = 'ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256'
const pointer = `resource_metadata="${resource}/.well-known/oauth-protected-resource"`

function world () {
  const clock = createTestClock()
  const issuer = createTestIssuer({ resource, clock })
  const client = createTestClient({ clock })
  return { clock, issuer, client, token: issuer.token({ boundTo: client }) }
}

type World = ReturnType<typeof world>

async function start (t: Test, { issuer, clock }: World, options: Partial<OAuthResourceServerOptions> = { dpop: 'allowed' }): Promise<{ app: FastifyInstance, handled: () => number }> {
  const app = await createApp(t, { ...issuer.options, clock, ...options })
  let handled = 0
  app.route({ method: ['GET', 'POST'], url: '/mcp', handler: async request => { handled++; return { subject: request.accessToken!.subject } } })
  return { app, handled: () => handled }
}

interface Answer {
  statusCode: number
  headers: Record<string, unknown>
}

/** The errors of the challenges, by scheme. */
function errorsOf ({ headers }: Answer): Record<string, string | undefined> {
  const lines = [headers['www-authenticate'] ?? []].flat() as string[]
  return Object.fromEntries(lines.flatMap(parseChallenges).map(({ scheme, parameters }) => [scheme, parameters.get('error')]))
}

test('RFC 9449 7.1 a bound token with its proof is accepted, once [R9449-16, R9449-17, R9449-37]', async t => {
  const at = world()
  const { app, handled } = await start(t, at)
  const headers = at.client.headers({ url, token: at.token })
  const first = await app.inject({ url: '/mcp', headers })
  t.equal(first.statusCode, 200)
  t.strictSame(first.json(), { subject: 'user-1' })
  const again = await app.inject({ url: '/mcp', headers })
  t.strictSame([again.statusCode, errorsOf(again)], [401, { Bearer: undefined, DPoP: 'invalid_dpop_proof' }])
  t.equal(handled(), 1)
  t.equal((await app.inject({ url: '/mcp', headers: at.client.headers({ url, token: at.token }) })).statusCode, 200, 'with a new proof')
})

test('RFC 9449 4.3 what is wrong with a proof, each refused before the handler runs [R9449-01 to R9449-18, R9449-20, R9449-37]', async t => {
  const at = world()
  const { app, handled } = await start(t, at)
  const now = at.clock.now() / 1000
  const { client, token } = at
  const proofWith = (claims: object, header: object = {}): string => client.proof({ url, token, claims: claims as Record<string, unknown>, header: header as Record<string, unknown> })
  const [header, payload, signature] = proofWith({}).split('.') as [string, string, string]
  const cases: Record<string, string | string[] | undefined> = {
    '4.3(1) two headers [R9449-01]': [proofWith({}), proofWith({})],
    '7.1 none [R9449-20]': undefined,
    '4.3(2) no JWT [R9449-02]': 'junk',
    '4.3(3) no jti [R9449-03]': proofWith({ jti: undefined }),
    '4.3(3) no htm [R9449-03]': proofWith({ htm: undefined }),
    '4.3(3) no htu [R9449-03]': proofWith({ htu: undefined }),
    '4.3(3) no iat [R9449-03]': proofWith({ iat: undefined }),
    '4.3(4) another type [R9449-04]': proofWith({}, { typ: 'JWT' }),
    '4.3(5) a symmetric algorithm [R9449-05]': proofWith({}, { alg: 'HS256' }),
    '4.3(5) no algorithm [R9449-05]': proofWith({}, { alg: 'none' }),
    '4.3(5) an algorithm that is not listed [R9449-05]': proofWith({}, { alg: 'PS512' }),
    '4.3(6) the signature of another text [R9449-06]': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    '4.3(7) a private key [R9449-07]': proofWith({}, { jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' } }),
    '4.3(8) another method [R9449-08]': proofWith({ htm: 'POST' }),
    '4.3(8) the method in lower case [R9449-08]': proofWith({ htm: 'get' }),
    '4.3(9) another path [R9449-09]': proofWith({ htu: `${url}/` }),
    '4.3(9) another host [R9449-09]': proofWith({ htu: 'https://evil.example/mcp' }),
    '4.3(9) another scheme [R9449-09]': proofWith({ htu: url.replace('https', 'http') }),
    '4.3(11) too old [R9449-13]': proofWith({ iat: now - 301 }),
    '4.3(11) in the future [R9449-14]': proofWith({ iat: now + 6 }),
    '4.3(12) no ath [R9449-15]': proofWith({ ath: undefined }),
    '4.3(12) ath of another token [R9449-15]': client.proof({ url, token: 'another' }),
    '4.3(12) another key [R9449-16]': createTestClient({ clock: at.clock }).proof({ url, token }),
    '11.1 a jti of 10 kB [R9449-18]': proofWith({ jti: 'x'.repeat(10_000) })
  }
  for (const [title, dpop] of Object.entries(cases)) {
    const response = await app.inject({ url: '/mcp', headers: { authorization: `DPoP ${token}`, ...dpop !== undefined && { dpop } } as Record<string, string> })
    t.strictSame([response.statusCode, errorsOf(response)], [401, { Bearer: undefined, DPoP: 'invalid_dpop_proof' }], title)
    t.equal(response.headers['dpop-nonce'], undefined)
  }
  t.equal(handled(), 0)
})

test('RFC 9449 4.3 what is right with a proof [R9449-08, R9449-09, R9449-10, R9449-14]', async t => {
  const at = world()
  const { app } = await start(t, at)
  const { client, token, clock } = at
  const claims = { iat: clock.now() / 1000 + 4 }
  for (const [title, path, headers, method] of [
    ['the query of the request does not matter', '/mcp?a=b', client.headers({ url, token }), 'GET'],
    ['htu is normalized', '/mcp', client.headers({ url: 'HTTPS://API.example.com:443/%6Dcp', token }), 'GET'],
    ['a clock that is a little ahead', '/mcp', client.headers({ url, token, claims }), 'GET'],
    ['POST has its own method', '/mcp', client.headers({ url, token, method: 'POST' }), 'POST'],
    ['HEAD has its own method', '/mcp', client.headers({ url, token, method: 'HEAD' }), 'HEAD'],
    ['the scheme has no case', '/mcp', { ...client.headers({ url, token }), authorization: `dpop ${token}` }, 'GET']
  ] as const) t.equal((await app.inject({ url: path, headers, method })).statusCode, 200, title)
})

test('RFC 9449 4.3(9) the target URI is that of the configuration, whatever Host and forwarding headers say [R9449-11]', async t => {
  const at = world()
  const { app } = await start(t, at)
  const { client, token } = at
  const spoofed = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  t.equal((await app.inject({ url: '/mcp', headers: { ...client.headers({ url: 'https://evil.example/mcp', token }), ...spoofed } })).statusCode, 401)
  t.equal((await app.inject({ url: '/mcp', headers: { ...client.headers({ url, token }), ...spoofed } })).statusCode, 200)

  const { app: behind } = await start(t, at, { dpop: { publicBaseUrl: 'https://gateway.example/team/' } })
  t.equal((await behind.inject({ url: '/mcp', headers: client.headers({ url: 'https://gateway.example/team/mcp', token }) })).statusCode, 200)
  t.equal((await behind.inject({ url: '/mcp', headers: client.headers({ url, token }) })).statusCode, 401)
})

test('RFC 9449 7.2 a token that is bound to a key is no bearer token [R9449-21]', async t => {
  for (const dpop of ['allowed', 'required', undefined] as const) {
    const at = world()
    const { app, handled } = await start(t, at, dpop === undefined ? {} : { dpop })
    const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${at.token}`, dpop: at.client.proof({ url, token: at.token }) } })
    t.equal(response.statusCode, 401)
    t.equal(errorsOf(response)[dpop === 'required' ? 'DPoP' : 'Bearer'], 'invalid_token')
    t.equal(handled(), 0)
  }
})

test('RFC 9449 7.1 a token without a key is refused under the DPoP scheme [R9449-22]', async t => {
  const at = world()
  const { app } = await start(t, at)
  const token = at.issuer.token()
  const response = await app.inject({ url: '/mcp', headers: at.client.headers({ url, token }) })
  t.strictSame([response.statusCode, errorsOf(response)], [401, { Bearer: undefined, DPoP: 'invalid_token' }])
})

test('RFC 9449 7 a stray DPoP header changes nothing about a bearer token, and required refuses it [R9449-23]', async t => {
  const at = world()
  const headers = { ...at.issuer.headers(), dpop: 'junk' }
  t.equal((await (await start(t, at)).app.inject({ url: '/mcp', headers })).statusCode, 200)
  const refused = await (await start(t, at, { dpop: 'required' })).app.inject({ url: '/mcp', headers })
  t.strictSame([refused.statusCode, errorsOf(refused)], [401, { DPoP: 'invalid_token' }])
})

test('RFC 9449 7.1 the challenges of a request without credentials [R9449-24, R9449-25]', async t => {
  const at = world()
  for (const [dpop, challenges] of [
    ['allowed', [`Bearer ${pointer}`, `DPoP ${pointer}, algs="${algs}"`]], ['required', `DPoP ${pointer}, algs="${algs}"`]
  ] as const) {
    const { app } = await start(t, at, { dpop })
    app.get('/scoped', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
    const response = await app.inject('/mcp')
    t.equal(response.statusCode, 401)
    t.strictSame(response.headers['www-authenticate'], challenges)
    const document = (await app.inject('/.well-known/oauth-protected-resource')).json()
    t.strictSame(document.dpop_signing_alg_values_supported, algs.split(' '), 'the document says the same')
    t.equal(document.dpop_bound_access_tokens_required, dpop === 'required' ? true : undefined)
    const scoped = [(await app.inject('/scoped')).headers['www-authenticate']].flat()
    t.ok(scoped.every(line => line!.includes('scope="read"')), 'scopes are in each')
  }
  const { app } = await start(t, at, { dpop: { algorithms: ['ES256'] } })
  t.match((await app.inject('/mcp')).headers['www-authenticate']![1], /algs="ES256"$/)
})

test('RFC 9449 7.2 the error is in the challenge of the scheme that was used, and in both for a request with two [R9449-26, R9449-27]', async t => {
  const at = world()
  const { app } = await start(t, at)
  app.get('/other-party', async (_request, reply) => await reply.code(401).send())
  const bearer = await app.inject({ url: '/mcp', headers: { authorization: 'Bearer nonsense' } })
  t.strictSame(errorsOf(bearer), { Bearer: 'invalid_token', DPoP: undefined })
  const dpop = await app.inject({ url: '/mcp', headers: { authorization: 'DPoP nonsense' } })
  t.strictSame(errorsOf(dpop), { Bearer: undefined, DPoP: 'invalid_token' })
  const scope = await app.inject({ url: '/other-party', headers: at.client.headers({ url: `${resource}/other-party`, token: at.token }) })
  t.strictSame(errorsOf(scope), { Bearer: undefined, DPoP: 'invalid_token' }, 'a 401 of another party')
  const malformed = await app.inject({ url: '/mcp', headers: { authorization: 'DPoP a b' } })
  t.strictSame([malformed.statusCode, errorsOf(malformed)], [400, { Bearer: undefined, DPoP: 'invalid_request' }])
  const both = await app.inject({ url: '/mcp', headers: { authorization: ['DPoP a', 'Bearer b'] } as never })
  t.strictSame([both.statusCode, errorsOf(both)], [400, { Bearer: 'invalid_request', DPoP: 'invalid_request' }])
})

test('RFC 9449 9 a demand for a nonce, and what follows [R9449-12, R9449-28, R9449-29, R9449-30, R9449-31, R9449-33]', async t => {
  const at = world()
  const { client, token, clock } = at
  const { app, handled } = await start(t, at, { dpop: { nonce: true } })
  const origin = { origin: 'https://app.example' }
  const demand = await app.inject({ url: '/mcp', headers: { ...client.headers({ url, token }), ...origin } })
  t.strictSame([demand.statusCode, errorsOf(demand), handled()], [401, { Bearer: undefined, DPoP: 'use_dpop_nonce' }, 0])
  t.equal(demand.headers['cache-control'], 'no-store')
  t.equal(demand.headers['access-control-expose-headers'], 'WWW-Authenticate, DPoP-Nonce')
  const nonce = demand.headers['dpop-nonce'] as string
  t.match(nonce, /^[\x21\x23-\x5b\x5d-\x7e]{22,}$/, 'one value of the grammar')

  const good = await app.inject({ url: '/mcp', headers: client.headers({ url, token, nonce }) })
  t.strictSame([good.statusCode, good.headers['dpop-nonce']], [200, undefined])
  t.equal((await app.inject({ url: '/mcp', headers: client.headers({ url, token }) })).statusCode, 401, 'none is never enough')
  t.equal((await app.inject({ url: '/mcp', headers: client.headers({ url, token, nonce: 'wrong' }) })).statusCode, 401)

  clock.advance(300)
  const renewed = (): string => at.issuer.token({ boundTo: client })
  const fresh = renewed()
  const older = await app.inject({ url: '/mcp', headers: { ...client.headers({ url, token: fresh, nonce }), ...origin } })
  t.equal(older.statusCode, 200)
  t.strictSame([older.headers['cache-control'], older.headers['access-control-expose-headers']], ['no-store', 'DPoP-Nonce'])
  const next = older.headers['dpop-nonce'] as string
  t.not(next, nonce)
  const plain = await app.inject({ url: '/mcp', headers: client.headers({ url, token: fresh, nonce }) })
  t.strictSame([plain.headers['dpop-nonce'], plain.headers['access-control-expose-headers']], [next, undefined])
  const missing = await app.inject({ url: '/nowhere', headers: client.headers({ url: `${resource}/nowhere`, token: fresh, nonce }) })
  t.strictSame([missing.statusCode, missing.headers['dpop-nonce']], [404, undefined])

  clock.advance(300)
  const stale = renewed()
  t.strictSame(errorsOf(await app.inject({ url: '/mcp', headers: client.headers({ url, token: stale, nonce }) })), { Bearer: undefined, DPoP: 'use_dpop_nonce' })
  t.equal((await app.inject({ url: '/mcp', headers: client.headers({ url, token: stale, nonce: next }) })).statusCode, 200)
})

test('RFC 9449 9 servers with one secret accept the nonces of each other [R9449-29]', async t => {
  const at = world()
  const { client, token } = at
  const secret = randomBytes(32)
  const [one, other] = [await start(t, at, { dpop: { nonce: { secret } } }), await start(t, at, { dpop: { nonce: { secret } } })]
  const nonce = (await one.app.inject({ url: '/mcp', headers: client.headers({ url, token }) })).headers['dpop-nonce'] as string
  t.equal((await other.app.inject({ url: '/mcp', headers: client.headers({ url, token, nonce }) })).statusCode, 200)
})

test('RFC 9449 11.1 servers with one replay store accept a proof once [R9449-19, R9700-05]', async t => {
  const at = world()
  const replayStore = createMemoryReplayStore({ clock: at.clock })
  const headers = at.client.headers({ url, token: at.token })
  const servers = [await start(t, at, { dpop: { replayStore } }), await start(t, at, { dpop: { replayStore: { seen: async (key, untilMs) => replayStore.seen(key, untilMs) } } })]
  const responses = await Promise.all(servers.map(async ({ app }) => await app.inject({ url: '/mcp', headers })))
  t.strictSame(responses.map(({ statusCode }) => statusCode).sort(), [200, 401])
  const { app } = await start(t, at, { dpop: { replayStore: false } })
  for (let i = 0; i < 2; i++) t.equal((await app.inject({ url: '/mcp', headers })).statusCode, 200, 'without a store')
  const { app: failing } = await start(t, at, { dpop: { replayStore: { seen: () => { throw new Error('down') } } } })
  t.equal((await failing.inject({ url: '/mcp', headers })).statusCode, 503)
})

test('RFC 9449 6.2 and RFC 7662: the binding of an introspected token counts [R9449-34, R7662-07]', async t => {
  const at = world()
  const { client, issuer } = at
  const { app } = await start(t, at, { ...issuer.introspectionOptions, dpop: 'allowed' })
  const token = issuer.opaqueToken({ boundTo: client })
  t.equal((await app.inject({ url: '/mcp', headers: client.headers({ url, token }) })).statusCode, 200)
  t.equal((await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })).statusCode, 401)
  const wrong = issuer.opaqueToken({ boundTo: client, claims: { token_type: 'Bearer' } })
  t.equal((await app.inject({ url: '/mcp', headers: client.headers({ url, token: wrong }) })).statusCode, 401)
})

test('RFC 9449 7.3 and 11.1: a valid proof is used up by its request, also when the route answers 403 [R9449-17]', async t => {
  const at = world()
  const { app } = await start(t, at)
  app.get('/scoped', { config: { oauth: { scopes: ['write'] } } }, async () => 'in')
  const path = `${resource}/scoped`
  const headers = at.client.headers({ url: path, token: at.token })
  const refused = await app.inject({ url: '/scoped', headers })
  t.strictSame([refused.statusCode, errorsOf(refused)], [403, { Bearer: undefined, DPoP: 'insufficient_scope' }])
  const wider = at.issuer.token({ boundTo: at.client, scopes: ['write'] })
  t.equal((await app.inject({ url: '/scoped', headers: at.client.headers({ url: path, token: wider }) })).statusCode, 200)
  t.strictSame(errorsOf(await app.inject({ url: '/scoped', headers })), { Bearer: undefined, DPoP: 'invalid_dpop_proof' }, 'the first check that fails is that of the proof')
})

test('RFC 9449 7.3: a request whose token or proof is refused does not use up the proof', async t => {
  const at = world()
  const { app } = await start(t, at)
  const headers = at.client.headers({ url, token: at.token })
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 401, 'another method')
  t.equal((await app.inject({ url: '/mcp', headers: { ...headers, authorization: `DPoP ${at.issuer.token({ boundTo: at.client })}` } })).statusCode, 401, 'another token')
  t.equal((await app.inject({ url: '/mcp', headers })).statusCode, 200)
})

test('RFC 9449 4.3(9): a server with several public hosts accepts proofs for each of them, and each proof once [R9449-09, R9449-11, R9449-17, F38]', async t => {
  const at = world()
  const { client, token } = at
  const { app } = await start(t, at, { dpop: { publicBaseUrl: [resource, 'https://internal.example/team'] } })
  for (const base of [resource, 'https://internal.example/team']) {
    const headers = client.headers({ url: `${base}/mcp`, token })
    t.equal((await app.inject({ url: '/mcp', headers: { ...headers, host: 'evil.example' } })).statusCode, 200, base)
    t.equal((await app.inject({ url: '/mcp', headers })).statusCode, 401, 'used')
  }
  const { statusCode } = await app.inject({ url: '/mcp', headers: { ...client.headers({ url: 'https://evil.example/mcp', token }), host: 'evil.example' } })
  t.equal(statusCode, 401, 'no other host')
})

test('RFC 9449 4.3(9): each resource of a server has public hosts of its own [F38]', async t => {
  const at = world()
  const root = Fastify() as unknown as FastifyInstance
  t.teardown(() => root.close())
  const hosts = { a: ['https://a.example', 'https://a.internal.example'], b: ['https://b.example'] }
  for (const [name, bases] of Object.entries(hosts)) {
    await root.register(async scope => {
      await scope.register(oauthResourceServer, { ...at.issuer.options, resource: `https://${name}.example/${name}`, clock: at.clock, dpop: { publicBaseUrl: bases } })
      scope.get(`/${name}`, async () => name)
    })
  }
  const { client, issuer } = at
  const ask = async (name: string, base: string): Promise<number> => {
    const token = issuer.token({ boundTo: client, claims: { aud: `https://${name}.example/${name}` } })
    return (await root.inject({ url: `/${name}`, headers: client.headers({ url: `${base}/${name}`, token }) })).statusCode
  }
  for (const base of [...hosts.a, ...hosts.b]) {
    t.strictSame([await ask('a', base), await ask('b', base)], hosts.a.includes(base) ? [200, 401] : [401, 200], base)
  }
})
