import fastifyAuth from '@fastify/auth'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import type { OAuthResourceServerOptions, SecurityEvent } from '../../plugins/index.ts'
import type { ImpersonatedTokenOptions, OrganizationDirectory } from '../../plugins/entry-points/impersonation.ts'
import oauthResourceServer, { auditEntry, authenticate, challenge, config, createMemoryRevocationStore, metadata } from '../../plugins/index.ts'
import {
  createImpersonationRecord, createMemoryOrganizationDirectory, endImpersonation, impersonatedTokens, impersonationClaims
} from '../../plugins/entry-points/impersonation.ts'
import { bearer, optionsFor } from '../support/app.ts'
import type { TestClock } from '../support/clock.ts'
import { createTestClock } from '../support/clock.ts'
import { bearerOf, pointer } from '../support/hint.ts'
import { createIntrospectionServer } from '../support/introspection.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { call, createMcpTestServer } from '../support/mcp-server.ts'

interface Teardown { teardown (close: () => unknown): unknown }
interface Line { level: number, msg: string, audit?: SecurityEvent, err?: { message: string } }

/** A directory that counts, of one customer in one organization that tests let change its mind. */
function createDirectory (clock: TestClock) {
  const inner = createMemoryOrganizationDirectory({
    organizations: [{ id: 'acme-secret-name', aiApproved: true }], memberships: [{ customer: 'user-1', organization: 'acme-secret-name' }]
  }, { clock })
  const lookups: string[] = []
  const directory: OrganizationDirectory = {
    report (customer, reach) {
      lookups.push(customer)
      return inner.report(customer, reach)
    }
  }
  return { directory, lookups, setApproval: (value: boolean) => { inner.setApproval('acme-secret-name', value) } }
}

interface Setup extends ReturnType<typeof createDirectory> {
  app: FastifyInstance
  clock: TestClock
  issuer: FakeIssuer
  lines: Line[]
  entries: () => SecurityEvent[]
  handled: string[]
}

async function setup (t: Teardown, given: ImpersonatedTokenOptions = {}, options: Partial<OAuthResourceServerOptions> = {}): Promise<Setup> {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const acme = createDirectory(clock)
  const lines: Line[] = []
  const handled: string[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Line) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { clock, impersonatedTokens: { directory: acme.directory, ...given }, ...options }))
  const handler = async (request: { url: string }): Promise<string> => {
    handled.push(request.url)
    return 'in'
  }
  app.get('/', handler)
  app.post('/', handler)
  app.get('/write', { config: { oauth: { scopes: ['write'] } } }, handler)
  app.get('/optional', { config: { oauth: { token: 'optional' } } }, handler)
  app.get('/open', { config: { oauth: false } }, handler)
  app.get('/own-hook', { config: { oauth: false }, preHandler: (request, reply, next) => app.verifyAccessToken(request, reply, next) }, handler)
  app.get('/who', async request => ({ impersonation: request.impersonation, entry: auditEntry(request) }))
  return { app, clock, issuer, lines, handled, entries: () => lines.flatMap(({ audit }) => audit ?? []), ...acme }
}

const marked = (clock: TestClock, said: object = {}) => ({ act: { sub: 'sam' }, impersonation: { granted_at: clock.now(), ...said } })

test('a withdrawal is seen by the next request, and old tokens stay dead (G17, G18, G21, H3)', async t => {
  const { app, clock, issuer, handled, setApproval } = await setup(t)
  const [staff, customer] = [await issuer.token(marked(clock)), await issuer.token()]
  const get = (token: string, url = '/') => app.inject({ url, headers: bearer(token) })
  t.equal((await get(staff)).statusCode, 200)

  clock.advance(1)
  setApproval(false)
  for (const url of ['/', '/optional', '/own-hook']) {
    const response = await get(staff, url)
    t.equal(response.statusCode, 403, url)
    t.notOk(response.headers['www-authenticate'], 'no scope would help')
    t.match(response.json(), { code: 'FST_OAUTH_ACCESS_DENIED', message: 'This authorization is not allowed' })
    t.notMatch(response.body + JSON.stringify(response.headers), /acme/)
  }
  t.equal((await app.inject({ method: 'POST', url: '/', headers: bearer(staff), payload: { a: 1 } })).statusCode, 403)
  t.equal((await get(staff, '/open')).statusCode, 200, 'what is for everybody is')
  t.equal((await get(customer)).statusCode, 200, 'the customer\'s own lives on')
  t.same(handled, ['/', '/open', '/'])

  clock.advance(1)
  setApproval(true)
  t.equal((await get(staff)).statusCode, 403, 'what was made before stays dead')
  t.equal((await get(await issuer.token(marked(clock)))).statusCode, 200, 'what is made now is good')
})

test('a customer\'s token, and a delegate\'s, cost no look-up (F59)', async t => {
  const { app, issuer, lookups, entries } = await setup(t)
  for (const claims of [{}, { act: { sub: 'agent' } }]) {
    t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token(claims)) })).statusCode, 200)
  }
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal((await app.inject('/nowhere')).statusCode, 404)
  t.same(lookups, [])
  t.match(entries(), [{ kind: 'refusal', reason: 'token_missing' }])
})

/** Routes that may be entered in several ways, with a function of each kind. */
async function setupWays (t: Teardown, given: ImpersonatedTokenOptions = {}) {
  const all = await setup(t, given)
  const { app } = all
  await app.register(fastifyAuth)
  const passes = async (): Promise<void> => {}
  const fails = async (): Promise<void> => { throw new Error('not this way') }
  const verify = app.verifyAccessToken as never
  const ways = {
    '/once': [verify],
    '/twice': [verify, verify],
    '/with-checks': [[verify, fails], [verify, passes]],
    '/other-way': [verify, passes],
    '/second-check': [[verify, fails], passes]
  } satisfies Record<string, unknown>
  for (const [url, functions] of Object.entries(ways)) {
    app.get(url, { config: { oauth: false }, preHandler: app.auth(functions as never) }, async ({ accessToken, impersonation }) => ({ accessToken, impersonation }))
  }
  return { ...all, get: async (url: string, token: string) => await app.inject({ url, headers: bearer(token) }) }
}

test('a token that is refused is no better for being asked for twice (F59, G17)', async t => {
  const { clock, issuer, lookups, entries, setApproval, get } = await setupWays(t)
  const token = await issuer.token(marked(clock))
  for (const url of ['/once', '/twice', '/with-checks']) t.equal((await get(url, token)).statusCode, 200, url)
  setApproval(false)
  lookups.length = 0
  for (const url of ['/once', '/twice', '/with-checks']) {
    const response = await get(url, token)
    t.equal(response.statusCode, 403, url)
    t.match(response.json(), { code: 'FST_OAUTH_ACCESS_DENIED' })
  }
  t.equal(lookups.length, 3, 'one look-up for each request')
  t.match(entries(), [{ route: 'GET /once' }, { route: 'GET /twice' }, { route: 'GET /with-checks' }], 'and one entry')
  t.equal(entries().length, 3)
})

test('a token that is refused is not there for whoever comes in by other means (F59, G17)', async t => {
  const { clock, issuer, setApproval, get } = await setupWays(t)
  const token = await issuer.token(marked(clock))
  t.match((await get('/other-way', token)).json(), { accessToken: { subject: 'user-1' }, impersonation: { staff: 'sam' } })
  setApproval(false)
  t.strictSame((await get('/other-way', token)).json(), { accessToken: null, impersonation: null })
  const customers = await issuer.token()
  t.match((await get('/second-check', customers)).json(), { accessToken: { subject: 'user-1' }, impersonation: null }, 'what was verified is there')
})

test('what asks for one token at the same time waits for one verdict (F59)', async t => {
  const { app, clock, issuer, lookups, handled, setApproval } = await setup(t, { sessionIsActive: async () => await new Promise(resolve => setImmediate(resolve, true)) })
  app.get('/parallel', { config: { oauth: false } }, async (request, reply) => {
    const ask = async (): Promise<string> => await new Promise(resolve => {
      app.verifyAccessToken(request, reply, error => { resolve(error === undefined ? 'in' : String((error as { code?: string }).code)) })
    })
    handled.push(...await Promise.all([ask(), ask()]))
    return request.accessToken?.subject ?? null
  })
  const token = await issuer.token(marked(clock))
  const get = async () => await app.inject({ url: '/parallel', headers: bearer(token) })
  // Verified for the first time, so that both are asked about the token that the cache gives.
  await get()
  handled.length = lookups.length = 0
  t.equal((await get()).body, 'user-1')
  t.same(handled, ['in', 'in'])
  t.equal(lookups.length, 1)
  setApproval(false)
  t.equal((await get()).statusCode, 200)
  t.same(handled, ['in', 'in', 'FST_OAUTH_ACCESS_DENIED', 'FST_OAUTH_ACCESS_DENIED'])
})

test('an audit that fails lets nobody in (F59)', async t => {
  const { app, clock, issuer, setApproval, get } = await setupWays(t)
  await app.register(async child => {
    child.decorate('oauthAudit', { getter: () => ({ record () { throw new Error('disk full') } }) } as never)
    for (const [url, functions] of [['/failing', [child.verifyAccessToken]], ['/failing-other-way', [child.verifyAccessToken, async () => {}]]] as const) {
      child.get(url, { config: { oauth: false }, preHandler: app.auth(functions as never) }, async ({ accessToken, impersonation }) => ({ accessToken, impersonation }))
    }
  })
  setApproval(false)
  const token = await issuer.token(marked(clock))
  t.equal((await get('/failing', token)).statusCode, 401, 'in the words of @fastify/auth')
  t.strictSame((await get('/failing-other-way', token)).json(), { accessToken: null, impersonation: null })
})

test('what the route asks for comes first, and a look-up is made once', async t => {
  const { app, clock, issuer, lookups } = await setup(t)
  const token = await issuer.token(marked(clock))
  t.match((await app.inject({ url: '/write', headers: bearer(token) })).headers, { 'www-authenticate': /insufficient_scope/ })
  t.same(lookups, [])
  await app.inject({ url: '/', headers: bearer(token) })
  await app.inject({ url: '/own-hook', headers: bearer(token) })
  t.equal(lookups.length, 2)
})

test('each refusal is one entry, with whoever it is about (G22, S17)', async t => {
  const { app, clock, issuer, entries, lines, setApproval } = await setup(t)
  const token = await issuer.token(marked(clock))
  await app.inject({ url: '/', headers: bearer(token) })
  t.same(entries(), [], 'a use that is allowed is told by nobody')
  setApproval(false)
  await app.inject({ url: '/?secret=1', headers: bearer(token) })
  t.same(entries(), [{
    kind: 'grant-decision', reason: 'not_approved', allowed: false, code: 'FST_OAUTH_ACCESS_DENIED', statusCode: 403, route: 'GET /',
    staff: 'sam', customer: 'user-1', step: 'use', grantedTo: 'client-1', access: { level: 'all' }, organizations: ['acme-secret-name'],
    issuer: issuer.issuer, subject: 'user-1', actor: { issuer: issuer.issuer, subject: 'sam' }, clientId: 'client-1', tokenId: 'token-1', scheme: 'Bearer', time: clock.now()
  }])
  t.match(lines.find(({ audit }) => audit !== undefined), { level: 40, msg: 'use of an impersonated token refused' })
  t.match(app.oauthCounters, { accepted: 1, refused: [{ reason: 'not_approved', count: 1 }], grants: [] })
})

test('whoever wants to hears of each use (S17)', async t => {
  const { app, clock, issuer, entries } = await setup(t, { audit: 'all' })
  const token = await issuer.token(marked(clock))
  await app.inject({ url: '/', headers: bearer(token) })
  t.match(entries(), [{ kind: 'grant-decision', allowed: true, reason: 'approved', step: 'use', staff: 'sam', customer: 'user-1', grantedTo: 'client-1', code: null }])
  t.match(app.oauthCounters, { accepted: 1, refused: [] })
})

test('what is done by an impersonated token is put down to staff and customer (F59, S17)', async t => {
  const { app, clock, issuer } = await setup(t)
  const who = async (claims: object) => (await app.inject({ url: '/who', headers: bearer(await issuer.token(claims as Record<string, unknown>)) })).json() as object
  t.match(await who(marked(clock, { session: 's-1' })), {
    impersonation: { staff: 'sam', customer: 'user-1', sessionId: 's-1', grantedAt: clock.now() },
    entry: { route: 'GET /who', subject: 'user-1', actor: { subject: 'sam' }, staff: 'sam', impersonated: true }
  })
  t.match(await who({ impersonation: true }), { entry: { staff: null, impersonated: true } })
  t.match(await who({ act: { sub: 'agent' } }), { impersonation: null, entry: { actor: { subject: 'agent' }, staff: null, impersonated: false } })
})

test('what could not be found out is 503 with a time, and logged (G19)', async t => {
  const { app, clock, issuer, lines, entries, handled } = await setup(t, { directory: { report: async () => { throw new Error('database down') } } })
  const response = await app.inject({ url: '/', headers: bearer(await issuer.token(marked(clock))) })
  t.match(response, { statusCode: 503, headers: { 'retry-after': '5' } })
  t.notMatch(response.body, /database/)
  t.match(entries(), [{ kind: 'grant-decision', allowed: false, reason: 'impersonation_unavailable', statusCode: 503, staff: 'sam' }])
  t.match(lines.find(({ audit }) => audit !== undefined), { level: 40, err: { message: 'database down' } })
  t.match(app.oauthCounters, { unavailable: [{ reason: 'impersonation_unavailable', count: 1 }] })
  t.same(handled, [])
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).statusCode, 200, 'customers are not kept waiting')
})

test('a session that is over leaves a dead token, and the hint to go on with (G30, H35)', async t => {
  let alive = true
  const { app, clock, issuer, entries } = await setup(t, { sessionIsActive: () => alive })
  const get = async (said: object) => await app.inject({ url: '/', headers: bearer(await issuer.token(marked(clock, said))) })
  t.equal((await get({ ends_at: clock.now() + 1000 })).statusCode, 200)
  alive = false
  const idle = await get({})
  alive = true
  for (const response of [idle, await get({ ends_at: clock.now() })]) {
    t.equal(response.statusCode, 401)
    t.match(bearerOf(response), { error: 'invalid_token', resource_metadata: pointer })
    t.match(response.json(), { code: 'FST_OAUTH_TOKEN_INVALID' })
  }
  t.match(entries(), Array(2).fill({ kind: 'grant-decision', reason: 'impersonation_over', statusCode: 401, staff: 'sam', customer: 'user-1' }))
})

test('marks of the issuer\'s own (R8693-14)', async t => {
  const { app, issuer, setApproval } = await setup(t, { markers: [{ claim: ['ext', 'impersonator'] }, { actorSubject: /^staff-/ }] })
  setApproval(false)
  const status = async (claims: Record<string, unknown>) => (await app.inject({ url: '/', headers: bearer(await issuer.token(claims)) })).statusCode
  t.equal(await status({ ext: { impersonator: 'sam' } }), 403)
  t.equal(await status({ act: { sub: 'staff-1' } }), 403)
  t.equal(await status({ act: { sub: 'agent' } }), 200)
  t.equal(await status({ impersonation: {} }), 403, 'beside that of our own')
})

test('opaque tokens alike, by what their issuer says of them (R8693-09, R8693-14, G17)', async t => {
  const clock = createTestClock()
  const { directory, lookups, setApproval } = createDirectory(clock)
  const { endpoint, get } = await createIntrospectionServer(t, { cacheSeconds: 60 },
    { options: { impersonatedTokens: { directory }, clock }, issuer: { clock } })
  const [staff, customer] = [endpoint.issue(marked(clock)), endpoint.issue()]
  for (const token of [staff, customer]) t.equal((await get(token)).statusCode, 200)
  t.same(lookups, ['user-1'])
  setApproval(false)
  t.equal((await get(staff)).statusCode, 403, 'though the answer is remembered')
  t.equal((await get(customer)).statusCode, 200)
})

test('the next call of a tool is refused, in the words of the protocol (G17, G21)', async t => {
  const clock = createTestClock()
  const { directory, setApproval } = createDirectory(clock)
  const { app, issuer, handled } = await createMcpTestServer(t, { options: { impersonatedTokens: { directory }, clock } })
  const post = async (claims: Record<string, unknown>) => await app.inject({
    method: 'POST', url: '/mcp', headers: bearer(await issuer.token({ iat: 1_800_000_000, exp: 1_800_000_300, ...claims })), payload: call('whoami', 7)
  })
  t.equal((await post(marked(clock))).statusCode, 200)
  setApproval(false)
  const response = await post(marked(clock))
  t.equal(response.statusCode, 403)
  t.notOk(response.headers['www-authenticate'])
  // The body was not read yet, so nobody knows the id of the call.
  t.same(response.json(), { jsonrpc: '2.0', error: { code: -32000, message: 'This authorization is not allowed' }, id: null })
  t.equal((await post({})).statusCode, 200, 'the customer\'s own client goes on')
  t.equal(handled.length, 2)
})

test('a scope within a scope has its own rules', async t => {
  const { app, clock, issuer, lookups, setApproval } = await setup(t)
  const inner = createDirectory(clock)
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(issuer, { clock, resource: 'https://api.example.com/inner', impersonatedTokens: { directory: inner.directory } }))
    child.get('/inner', async () => 'in')
  })
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(issuer, { clock, resource: 'https://api.example.com/without' }))
    child.get('/without', async () => 'in')
  })
  setApproval(false)
  const status = async (url: string, aud: string) =>
    (await app.inject({ url, headers: bearer(await issuer.token({ ...marked(clock), aud })) })).statusCode
  t.equal(await status('/inner', 'https://api.example.com/inner'), 200)
  inner.setApproval(false)
  t.equal(await status('/inner', 'https://api.example.com/inner'), 403)
  t.equal(inner.lookups.length, 2, 'the hooks of both, one look-up')
  t.equal(await status('/without', 'https://api.example.com/without'), 200)
  t.same(lookups, [])
})

test('it stands on its own parts, without our audit', async t => {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const { directory, setApproval } = createDirectory(clock)
  const lines: Line[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Line) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(config, optionsFor(issuer, { clock, impersonatedTokens: { directory } }))
  for (const part of [challenge, metadata, authenticate, impersonatedTokens]) await app.register(part)
  app.setNotFoundHandler({ preHandler: app.verifyAccessToken }, async (_request, reply) => await reply.code(404).send('nothing'))
  const token = await issuer.token(marked(clock))
  t.equal((await app.inject({ url: '/x', headers: bearer(token) })).statusCode, 404)
  setApproval(false)
  t.equal((await app.inject({ url: '/x', headers: bearer(token) })).statusCode, 403)
  t.match(lines.flatMap(({ audit }) => audit ?? []), [{ kind: 'grant-decision', step: 'use', route: null, staff: 'sam' }])
})

test('where nothing is configured the plugin does nothing', async t => {
  const issuer = await createFakeIssuer()
  const app = Fastify() as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(config, optionsFor(issuer))
  for (const part of [challenge, metadata, authenticate, impersonatedTokens]) await app.register(part)
  app.get('/', async request => ({ impersonation: request.impersonation }))
  const response = await app.inject({ url: '/', headers: bearer(await issuer.token({ impersonation: {} })) })
  t.same(response.json(), { impersonation: null })
})

test('staff with the identifier of the customer: the revocation of the pair and the audit see the actor [D2]', async t => {
  const clock = createTestClock()
  const revocations = createMemoryRevocationStore({ clock })
  const { app, issuer, entries } = await setup(t, { audit: 'all' }, { clock, revocations })
  const record = (staff: string) => createImpersonationRecord({ staff, customer: 'user-1' }, { grantedAt: clock.now() })
  const get = async (claims: object) => (await app.inject({ url: '/', headers: bearer(await issuer.token({ iat: Math.floor(clock.now() / 1000), ...claims })) })).statusCode
  const claims = impersonationClaims(record('user-1'))
  t.equal(await get(claims), 200)
  t.match(entries(), [{ staff: 'user-1', customer: 'user-1', actor: { issuer: issuer.issuer, subject: 'user-1' } }])
  await endImpersonation({ staff: 'user-1', customer: 'user-1' }, { issuer: issuer.issuer, revocations })
  t.equal(await get(claims), 401)
  t.equal(await get({ ...claims, act: undefined }), 401, 'also where the issuer drops act')
  t.equal(await get({}), 200, 'the customer\'s own goes on')
  t.equal(await get(impersonationClaims(record('sam'))), 200, 'and that of other staff')
})
