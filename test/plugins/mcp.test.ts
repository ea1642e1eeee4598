import diagnosticsChannel from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { bearerOf, challengesOf } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { call, createMcpTestServer, mcpResource, message, mixedTools, protectedTools } from '../support/mcp-server.ts'

async function bare (): Promise<FastifyInstance> {
  const app = Fastify() as FastifyInstance
  await app.register(oauthResourceServer, { resource: mcpResource, authorizationServers: ['https://login.example.com'] })
  return app
}

test('options of mcp are checked at boot', async t => {
  const app = await bare()
  await t.rejects(async () => { await app.register(mcp, { tools: { a: ['b c'] }, prefix: '/x' } as object) },
    { code: 'FST_OAUTH_OPTION_INVALID', message: 'mcp.tools["a"]: "b c" is not a scope of a resource' })
  await app.close()
})

test('prefix and logLevel, which Fastify adds to the options, are ignored', async t => {
  const app = await bare()
  await t.resolves(async () => { await app.register(mcp, { prefix: '/x', logLevel: 'warn' } as object) })
  await app.close()
})

test('mcp without the plugins that it depends on stops the boot', async t => {
  const app = Fastify()
  app.register(mcp)
  await t.rejects(async () => { await app.ready() }, { message: /fastify-oauth-resource-server\/config/ })
})

test('mcp registered twice in one scope, or in a child of it, stops the boot', async t => {
  const app = await bare()
  await app.register(mcp)
  await t.rejects(async () => { await app.register(mcp) }, { code: 'FST_OAUTH_OPTION_INVALID' })
  await app.close()
  const outer = await bare()
  await outer.register(mcp)
  await t.rejects(async () => { await outer.register(async inner => { await inner.register(mcp) }) }, { code: 'FST_OAUTH_OPTION_INVALID' })
  await outer.close()
})

test('two endpoints on one server have tools, sessions and streams of their own [trap 10]', async t => {
  const issuer = await createFakeIssuer()
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['a', 'b']) {
    await app.register(async scope => {
      await scope.register(oauthResourceServer, optionsFor(issuer, { resource: `https://api.example.com/${name}` }))
      await scope.register(mcp, { tools: { [name]: [] } })
      scope.post(`/${name}`, scope.mcpRoute, async request => {
        await request.bindMcpSession('s')
        return 'ok'
      })
    })
  }
  for (const [url, tool, subject, status] of [
    ['a', 'a', 'ann', 200], ['a', 'b', 'ann', 403], ['b', 'b', 'bob', 200], ['b', 'a', 'bob', 403]
  ] as const) {
    const headers = bearer(await issuer.token({ aud: `https://api.example.com/${url}`, sub: subject }))
    t.equal((await app.inject({ method: 'POST', url: `/${url}`, payload: call(tool), headers })).statusCode, status, `${url} ${tool}`)
  }
})

test('a scope of a tool that is not among the scopes of the resource is logged as a warning', async t => {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: line => { lines.push(line) } } } })
  await app.register(oauthResourceServer, {
    resource: mcpResource, authorizationServers: ['https://login.example.com'], scopes: { 'notes:read': 'Read' },
    metadata: { resource_name: 'Notes' }
  })
  await app.register(mcp, { tools: { a: ['notes:read'], b: ['notes:wrong'] } })
  await app.ready()
  await app.close()
  t.equal(lines.length, 1)
  t.match((JSON.parse(lines[0]!) as { msg: string }).msg, /mcp\.tools\["b"\].*notes:wrong/)
})

test('a route of the scope that does not spread mcpRoute is held to the scopes of tools too', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    mcp: { tools: mixedTools },
    routes: app => { app.post('/forgotten', async () => 'called') }
  })
  const headers = bearer(await issuer.token({ scope: '' }))
  const post = async (payload: object, credentials: Record<string, string>): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/forgotten', payload, headers: credentials })).statusCode
  t.equal(await post(call('delete_note'), headers), 403)
  t.equal(await post(call('whoami'), headers), 200)
  t.equal(await post(call('time'), {}), 401, 'and it lets nobody in without a token')
})

test('routes with config.mcp false, or without tokens, are no endpoints', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/upload', { config: { mcp: false } }, async () => 'uploaded')
      app.post('/open', { config: { oauth: false } }, async () => 'open')
    }
  })
  const elsewhere = { origin: 'https://elsewhere.example' }
  const token = bearer(await issuer.token())
  t.equal((await app.inject({ method: 'POST', url: '/upload', payload: 'text', headers: { 'content-type': 'text/plain', ...token, ...elsewhere } })).body, 'uploaded')
  t.equal((await app.inject({ method: 'POST', url: '/upload', headers: elsewhere })).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/open', headers: elsewhere })).body, 'open')
})

test('a request with a foreign Origin gets 403 on every endpoint, before its token is checked [MCPS-22]', async t => {
  const { app, issuer, handled } = await createMcpTestServer(t, { routes: app => { app.post('/another', async () => 'ok') } })
  const origin = 'https://elsewhere.example'
  for (const headers of [{}, { authorization: 'Bearer' }, bearer('x.y.z'), bearer(await issuer.token())]) {
    const response = await app.inject({ method: 'POST', url: '/another', payload: call('whoami'), headers: { ...headers, origin } })
    t.equal(response.statusCode, 403)
    t.match(response.json(), { code: 'FST_OAUTH_MCP_ORIGIN_REFUSED' })
    t.same(challengesOf(response), [])
  }
  t.same([handled, issuer.requests], [[], []])
})

test('allowedOrigins holds for the endpoints of its own scope [MCPS-22]', async t => {
  const issuer = await createFakeIssuer({ audience: mcpResource })
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { resource: mcpResource }))
  for (const [url, allowed] of [['/a', 'https://a.example'], ['/b', 'https://b.example']] as const) {
    await app.register(async scope => {
      await scope.register(mcp, { tools: protectedTools, allowedOrigins: [allowed] })
      scope.post(url, scope.mcpRoute, async () => 'ok')
    })
  }
  app.post('/api', async () => 'ok')
  const token = await issuer.token()
  const post = async (url: string, origin: string): Promise<number> =>
    (await app.inject({ method: 'POST', url, payload: call('whoami'), headers: { ...bearer(token), origin } })).statusCode
  t.same([await post('/a', 'https://a.example'), await post('/a', 'https://b.example')], [200, 403])
  t.same([await post('/b', 'https://a.example'), await post('/b', 'https://b.example')], [403, 200])
  t.same([await post('/api', 'https://c.example')], [200], 'a route that is no endpoint is left to CORS')
})

test('every refusal of the endpoint is an audit event with a reason and the subject of the token [S16, F63]', async t => {
  const { app, post, issuer } = await createMcpTestServer(t, {
    options: { resource: 'http://localhost:3000/mcp' },
    mcp: { tools: protectedTools, sessions: { bind: () => 'x', ownerOf: () => 'somebody else' } }
  })
  const heard: Array<Record<string, unknown>> = []
  const listener = (event: unknown): void => { heard.push(event as Record<string, unknown>) }
  diagnosticsChannel.subscribe('fastify-oauth-resource-server', listener)
  t.teardown(() => diagnosticsChannel.unsubscribe('fastify-oauth-resource-server', listener))
  const local = { host: 'localhost:3000' }
  await post(call('whoami'), '', { headers: { ...local, origin: 'https://elsewhere.example' } })
  await post(call('whoami'), '', { headers: { host: 'elsewhere.example' } })
  await post({ jsonrpc: '1.0' }, '', { headers: local })
  await post(call('whoami'), '', { headers: { ...local, 'mcp-name': 'other' } })
  await post(call('nobody'), '', { headers: local })
  await post(call('whoami'), '', { headers: { ...local, 'mcp-session-id': 's' } })
  await post(call('list_notes'), '', { headers: local })

  const byWhom = { kind: 'refusal', route: 'POST /mcp', issuer: issuer.issuer, subject: 'user-1', clientId: 'client-1' }
  t.match(heard, [
    { kind: 'refusal', code: 'FST_OAUTH_MCP_ORIGIN_REFUSED', reason: 'origin_refused', statusCode: 403, subject: null },
    { ...byWhom, code: 'FST_OAUTH_MCP_HOST_REFUSED', reason: 'host_refused', statusCode: 403 },
    { ...byWhom, code: 'FST_OAUTH_MCP_BODY_INVALID', reason: 'body_invalid', statusCode: 400 },
    { ...byWhom, code: 'FST_OAUTH_MCP_HEADER_MISMATCH', reason: 'header_mismatch', statusCode: 400 },
    { ...byWhom, code: 'FST_OAUTH_MCP_TOOL_UNDECLARED', reason: 'tool_undeclared', statusCode: 403 },
    { ...byWhom, code: 'FST_OAUTH_MCP_SESSION_UNKNOWN', reason: 'session_unknown', statusCode: 404 },
    { ...byWhom, code: 'FST_OAUTH_SCOPE_INSUFFICIENT', reason: 'scope_insufficient', statusCode: 403 }
  ])
  t.equal(heard.length, 7)
  t.strictSame(app.oauthCounters.refused.map(({ code, reason, count }) => [code, reason, count]), heard.map(({ code, reason }) => [code, reason, 1]))
})

test('the metadata document, unrouted URLs and preflights are not checked [trap 11]', async t => {
  const { app } = await createMcpTestServer(t, { routes: app => { app.options('/mcp', async (_request, reply) => reply.code(204).send()) } })
  const origin = 'https://elsewhere.example'
  t.equal((await app.inject({ url: '/.well-known/oauth-protected-resource/mcp', headers: { origin } })).statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/nothing', headers: { origin }, payload: 'x' })).statusCode, 404)
  const preflight = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: { origin, 'access-control-request-method': 'POST' } })
  t.equal(preflight.statusCode, 204)
})

test('routes outside the scope of the endpoint are not affected [trap 11]', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.setErrorHandler((error, _request, reply) => reply.code(418).send({ host: (error as Error).message }))
  await app.register(async scope => {
    await scope.register(oauthResourceServer, { resource: mcpResource, authorizationServers: ['https://login.example.com'] })
    await scope.register(mcp, { tools: {} })
    scope.post('/mcp', scope.mcpRoute, async () => 'ok')
    scope.get('/plain', async () => 'ok')
  })
  app.post('/open', async request => request.body)
  t.same((await app.inject({ method: 'POST', url: '/open', payload: call('x'), headers: { origin: 'https://elsewhere.example' } })).json(), call('x'))
  t.same((await app.inject('/plain')).json(), { host: 'An access token is required' }, 'the error handler of the host is for routes that did not say otherwise')
  t.match((await app.inject({ method: 'POST', url: '/mcp', payload: call('x') })).json(), { jsonrpc: '2.0' })
})

test('errors that are no refusal go to the error handler of the host', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/fails', app.mcpRoute, async () => { throw new Error('broken') })
      app.setErrorHandler((error, _request, reply) => reply.code(500).send({ host: (error as Error).message }))
      app.register(async child => {
        child.setErrorHandler((error, _request, reply) => reply.code(500).send({ child: (error as Error).message }))
        child.post('/within', child.mcpRoute, async () => { throw new Error('broken') })
      })
    }
  })
  const headers = bearer(await issuer.token())
  t.same((await app.inject({ method: 'POST', url: '/within', payload: call('whoami'), headers })).json(), { child: 'broken' })
  const response = await app.inject({ method: 'POST', url: '/fails', payload: call('whoami'), headers })
  t.equal(response.statusCode, 500)
  t.match(response.body, 'broken')
  t.notMatch(response.body, 'jsonrpc')
})

test('errors of the handler with a status below 500 get a JSON-RPC body', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/asks', app.mcpRoute, async request => { request.requireScopes('notes:admin') })
      app.post('/wraps', app.mcpRoute, async () => { throw Object.assign(new Error('not you'), { statusCode: 403 }) })
    }
  })
  const headers = bearer(await issuer.token())
  const asks = await app.inject({ method: 'POST', url: '/asks', payload: call('whoami', 5), headers })
  t.match([asks.statusCode, bearerOf(asks).scope, asks.json()], [403, 'notes:admin', { jsonrpc: '2.0', id: 5 }])
  const wraps = await app.inject({ method: 'POST', url: '/wraps', payload: call('whoami', 5), headers })
  t.match([wraps.statusCode, challengesOf(wraps), wraps.json()], [403, [], { error: { message: 'not you' }, id: 5 }])
})

test('the scopes of the route are required on top of those of the tool', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/strict', { ...app.mcpRoute, config: { ...app.mcpRoute.config, oauth: { scopes: ['mcp'] } } }, async () => 'ok')
      app.post('/lax', { config: { oauth: { token: 'optional' } } }, async () => 'ok')
    }
  })
  const post = async (url: string, scope: string | null): Promise<number> => (await app.inject({
    method: 'POST', url, payload: call('list_notes'), headers: scope === null ? {} : bearer(await issuer.token({ scope }))
  })).statusCode
  t.same([await post('/strict', 'notes:read'), await post('/strict', 'mcp'), await post('/strict', 'mcp notes:read')], [403, 403, 200])
  t.same([await post('/lax', null), await post('/lax', 'notes:read')], [401, 200], 'nothing is public here')
})

test('with a loopback resource, a request with another Host gets 403 [MCPS-22]', async t => {
  const { app, issuer } = await createMcpTestServer(t, { options: { resource: 'http://localhost:3000/mcp' } })
  const headers = bearer(await issuer.token())
  const post = async (host: string): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/mcp', payload: call('whoami'), headers: { ...headers, host } })).statusCode
  t.same([await post('localhost:3000'), await post('127.0.0.1:9'), await post('evil.example.com')], [200, 200, 403])
})

test('over HTTP/2 the host is read from :authority [MCPS-22]', async t => {
  const issuer = await createFakeIssuer({ audience: 'http://localhost:3000/mcp' })
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { resource: 'http://localhost:3000/mcp' }))
  await app.register(mcp, { tools: protectedTools })
  app.get('/mcp', app.mcpRoute, async () => 'ok')
  await app.listen({ port: 0 })
  const session = connect(`http://localhost:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.close())
  const stream = session.request({ ':path': '/mcp', ...bearer(await issuer.token()) })
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  stream.resume()
  t.equal(headers[':status'], 200)
})

test('a session belongs to its owner on GET, POST and DELETE, also after a refresh [F71, MCPS-28, trap 18]', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/begin', app.mcpRoute, async request => {
        await request.bindMcpSession('session-1')
        return 'begun'
      })
    }
  })
  const ann = async (): Promise<Record<string, string>> => bearer(await issuer.token({ sub: 'ann' }))
  const bob = bearer(await issuer.token({ sub: 'bob' }))
  const otherClient = bearer(await issuer.token({ sub: 'ann', client_id: 'client-2' }))
  const use = async (method: 'GET' | 'POST' | 'DELETE', headers: Record<string, string>, id = 'session-1'): Promise<number> => (await app.inject({
    method, url: '/mcp', headers: { ...headers, 'mcp-session-id': id }, ...(method === 'POST' ? { payload: call('whoami') } : {})
  })).statusCode
  t.equal((await app.inject({ method: 'POST', url: '/begin', payload: message('initialize'), headers: await ann() })).body, 'begun')

  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    t.equal(await use(method, await ann()), 200, `${method} with a new token`)
    t.equal(await use(method, bob), 404, `${method} of somebody else`)
    t.equal(await use(method, otherClient), 404, `${method} of another client`)
    t.equal(await use(method, bob, 'session-2'), 200, `${method} of what the store does not know`)
    t.equal(await use(method, {}), 401, `${method}: a session is no proof of anything`)
  }
  const refused = await app.inject({ method: 'POST', url: '/mcp', payload: call('whoami', 3), headers: { ...bob, 'mcp-session-id': 'session-1' } })
  t.same(refused.json(), { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: 3 })
  t.same(challengesOf(refused), [])
})

test('a session store of the host decides about unknown sessions, and its failure is 503', async t => {
  const owners = new Map<string, string>()
  const { post } = await createMcpTestServer(t, {
    mcp: {
      tools: protectedTools,
      unknownSessions: 'refuse',
      sessions: {
        bind: async (id, owner) => owners.get(id) ?? (owners.set(id, owner), owner),
        ownerOf: async id => { if (id === 'broken') throw new Error('down'); return owners.get(id) ?? null }
      }
    }
  })
  t.equal((await post(call('whoami'), '', { headers: { 'mcp-session-id': 'unknown' } })).statusCode, 404)
  const broken = await post(call('whoami'), '', { headers: { 'mcp-session-id': 'broken' } })
  t.match([broken.statusCode, broken.headers['retry-after'], broken.json()], [503, '5', { jsonrpc: '2.0' }])
})

interface StreamServer {
  /** Opens a stream; it is open once its headers are there. */
  open (headers?: Record<string, string>): Promise<IncomingMessage>
  readonly server: Awaited<ReturnType<typeof createMcpTestServer>>
}

/** A server that writes to its streams as the SDK does: to the raw response, after `hijack`. */
async function startStreams (t: Test): Promise<StreamServer> {
  const server = await createMcpTestServer(t, {
    mcp: { tools: mixedTools },
    routes: app => {
      app.get('/stream', app.mcpRoute, (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.raw.write('data: {}\n\n')
        const writes = setInterval(() => reply.raw.write(': still here\n\n'), 1)
        reply.raw.on('close', () => clearInterval(writes))
      })
      app.post('/begin', app.mcpRoute, async request => {
        await request.bindMcpSession('session-1')
        return 'begun'
      })
    }
  })
  await server.app.listen({ port: 0 })
  const { port } = server.app.server.address() as AddressInfo
  return {
    server,
    async open (headers = {}) {
      const request = httpRequest({ port, path: '/stream', headers, agent: false })
      request.end()
      const [response] = await once(request, 'response') as [IncomingMessage]
      response.resume()
      return response
    }
  }
}

test('a stream ends, properly, when its token would be refused [MCPS-32]', async t => {
  const { server: { issuer, clock }, open } = await startStreams(t)
  const token = await issuer.token()
  // The token is five minutes long and accepted for five seconds more: 20 ms are left, and then the timer looks at the clock.
  clock.advance(304.98)
  const response = await open(bearer(token))
  clock.advance(1)
  await once(response, 'end')
  t.equal(response.complete, true)
})

test('streams of what was revoked are closed, the others go on [MCPS-32]', async t => {
  const { server: { app, issuer }, open } = await startStreams(t)
  const [ann, bob, nobody] = await Promise.all([
    open(bearer(await issuer.token({ sub: 'ann', sid: 'a' }))), open({ ...bearer(await issuer.token({ sub: 'bob' })), 'mcp-session-id': 'x' }), open()
  ])
  t.equal(app.mcpEndpoint.streams.size, 3)
  t.equal(app.closeMcpStreams(({ accessToken }) => accessToken?.sessionId === 'a'), 1)
  await once(ann, 'end')
  t.equal(app.closeMcpStreams(({ sessionId }) => sessionId === 'x'), 1)
  await once(bob, 'end')
  t.equal(nobody.readableEnded, false)
  t.equal(app.closeMcpStreams(() => true), 1)
  await once(nobody, 'end')
})

test('a session that began without a token: whoever signs in takes it along, and streams from before end', async t => {
  const { server: { app, issuer }, open } = await startStreams(t)
  await app.inject({ method: 'POST', url: '/begin', payload: message('initialize') })
  const before = await open({ 'mcp-session-id': 'session-1' })
  const post = async (headers: Record<string, string>): Promise<number> => (await app.inject({
    method: 'POST', url: '/mcp', payload: call('time'), headers: { 'mcp-session-id': 'session-1', ...headers }
  })).statusCode
  t.equal(await post({}), 200)
  const ended = once(before, 'end')
  t.equal(await post(bearer(await issuer.token({ sub: 'ann' }))), 200)
  await ended
  t.same([await post({}), await post(bearer(await issuer.token({ sub: 'bob' })))], [404, 404])
})

test('what is written to the raw response has been let in before [trap 23]', async t => {
  const { server: { issuer }, open } = await startStreams(t)
  const response = await open(bearer('x.y.z'))
  t.equal(response.statusCode, 401)
  t.match(response.headers['www-authenticate'], 'resource_metadata=')
  t.equal((await open({ ...bearer(await issuer.token()), origin: 'https://elsewhere.example' })).statusCode, 403)
})

test('a token from an issuer that is not in the list has the tolerance of the options', async t => {
  const tenant = await createFakeIssuer({ issuer: 'https://tenant.example' })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(tenant, {
    authorizationServers: ['https://login.example.com'], resolveIssuer: identifier => identifier === tenant.issuer ? identifier : null
  }))
  await app.register(mcp, { tools: protectedTools })
  app.post('/mcp', app.mcpRoute, async () => 'ok')
  const response = await app.inject({ method: 'POST', url: '/mcp', payload: call('whoami'), headers: bearer(await tenant.token()) })
  t.equal(response.statusCode, 200)
})
