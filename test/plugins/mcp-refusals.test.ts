import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { parseChallenges } from '../../lib/challenge/parse.ts'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { createDeferred } from '../support/deferred.ts'
import { bearerOf } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { call, createMcpTestServer, mcpResource, message, mixedTools, protectedTools } from '../support/mcp-server.ts'

test('RFC 6750 3.1: a challenge names the scopes of the route and those of the tool together [core-14]', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/strict', { ...app.mcpRoute, config: { ...app.mcpRoute.config, oauth: { scopes: ['mcp'] } } }, async request => {
        request.requireScopes('audit')
      })
    }
  })
  const post = async (headers: Record<string, string>, payload: object = call('list_notes', 9)): Promise<unknown[]> => {
    const response = await app.inject({ method: 'POST', url: '/strict', payload, headers })
    const { error, scope } = bearerOf(response)
    return [response.statusCode, error, scope, (response.json() as { id: unknown }).id]
  }
  const withScope = async (scope: string): Promise<Record<string, string>> => bearer(await issuer.token({ scope }))
  t.same(await post({}), [401, undefined, 'mcp notes:read', 9], 'no token')
  t.same(await post(bearer('x.y.z')), [401, 'invalid_token', 'mcp notes:read', 9], 'an invalid token')
  t.same(await post(await withScope('other')), [403, 'insufficient_scope', 'mcp notes:read', 9], 'neither')
  t.same(await post(await withScope('mcp')), [403, 'insufficient_scope', 'mcp notes:read', 9], 'the scope of the tool is missing')
  t.same(await post(await withScope('notes:read')), [403, 'insufficient_scope', 'mcp notes:read', 9], 'the scope of the route is missing')
  t.same(await post(await withScope('mcp notes:read')), [403, 'insufficient_scope', 'mcp notes:read audit', 9], 'a scope of the handler is missing')
  t.same(await post(await withScope(''), [call('list_notes'), call('delete_note')]), [403, 'insufficient_scope', 'mcp notes:read notes:write', null], 'all of a batch')
})

test('the 401 of a tools/call names the scopes of the tool, also where no tool is public', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: protectedTools } })
  const response = await post(call('delete_note', 'x'), null)
  t.equal(response.statusCode, 401)
  t.equal(bearerOf(response).scope, 'notes:read notes:write')
  t.match(response.json(), { id: 'x', error: { message: 'An access token is required' } })
  for (const body of [call('whoami'), call('other'), message('initialize')]) t.equal(bearerOf(await post(body, null)).scope, undefined)
})

test('a call without the scopes of its tool is refused before its body is validated', async t => {
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => { app.post('/checked', { ...app.mcpRoute, schema: { body: { type: 'object', required: ['more'] } } }, async () => 'ok') }
  })
  const post = async (scope: string): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/checked', payload: call('delete_note'), headers: bearer(await issuer.token({ scope })) })).statusCode
  t.equal(await post('notes:read'), 403, 'and not 400, which would say what the schema requires')
  t.equal(await post('notes:read notes:write'), 400)
})

test('a preHandler hook of the host sees no call without the scopes of its tool', async t => {
  const issuer = await createFakeIssuer({ audience: mcpResource })
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  const seen: unknown[] = []
  app.addHook('preHandler', async request => { seen.push(request.body) })
  await app.register(oauthResourceServer, optionsFor(issuer, { resource: mcpResource }))
  await app.register(mcp, { tools: protectedTools })
  app.post('/mcp', app.mcpRoute, async () => 'ok')
  const post = async (scope: string): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/mcp', payload: call('delete_note'), headers: bearer(await issuer.token({ scope })) })).statusCode
  t.equal(await post('notes:read'), 403)
  t.same(seen, [])
  t.equal(await post('notes:read notes:write'), 200)
  t.same(seen, [call('delete_note')])
})

test('a body that cannot be read leaves the 401 as it is', async t => {
  const { app } = await createMcpTestServer(t)
  const headers = { 'content-type': 'application/json' }
  for (const [name, payload] of [
    ['no JSON', '{'], ['too large', JSON.stringify({ ...call('list_notes'), padding: 'x'.repeat(70_000) })], ['no message', '[]']
  ] as const) {
    const response = await app.inject({ method: 'POST', url: '/mcp', payload, headers })
    t.same([response.statusCode, bearerOf(response).scope], [401, undefined], name)
  }
  t.equal((await app.inject({ method: 'GET', url: '/mcp' })).statusCode, 401)
})

test('a 401 does not wait for a body that does not come', async t => {
  const { app } = await createMcpTestServer(t)
  await app.listen({ port: 0 })
  const request = httpRequest({ port: (app.server.address() as AddressInfo).port, path: '/mcp', method: 'POST', agent: false, headers: { 'content-length': 100 } })
  request.flushHeaders()
  const [response] = await once(request, 'response') as [{ statusCode: number }]
  t.equal(response.statusCode, 401)
  request.destroy()
})

test('over HTTP/2 the 401 of a tools/call names the scopes of the tool', async t => {
  const issuer = await createFakeIssuer({ audience: mcpResource })
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { resource: mcpResource }))
  await app.register(mcp, { tools: protectedTools })
  app.post('/mcp', app.mcpRoute, async () => 'ok')
  await app.listen({ port: 0 })
  const session = connect(`http://localhost:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.close())
  const stream = session.request({ ':path': '/mcp', ':method': 'POST', 'content-type': 'application/json' })
  stream.end(JSON.stringify(call('list_notes')))
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  stream.resume()
  t.equal(headers[':status'], 401)
  t.match(headers['www-authenticate'], 'scope="notes:read"')
})

test("with scopesSupported 'routes' the document lists the scopes of tools, prompts, resources and methods", async t => {
  const { app } = await createMcpTestServer(t, {
    options: { scopesSupported: 'routes' },
    mcp: {
      tools: { a: ['tool:scope'], b: { scopes: ['tool:long'] }, c: { public: true } },
      prompts: { a: ['prompt:scope'] },
      resources: { 'a:': ['resource:scope'] },
      methods: { 'logging/setLevel': ['method:scope'] }
    }
  })
  const { scopes_supported: scopes } = (await app.inject('/.well-known/oauth-protected-resource/mcp')).json<{ scopes_supported: string[] }>()
  t.same([...scopes].sort(), ['method:scope', 'prompt:scope', 'resource:scope', 'tool:long', 'tool:scope'])
})

test('JSON-RPC codes: -32601 for a method that is gone, -32602 for parameters, -32600 for no message', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  const stateless = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }
  for (const [body, statusCode, code, text] of [
    [message('resources/subscribe'), 400, -32602, 'resources/subscribe needs the parameter "uri"'],
    [message('tools/call'), 400, -32602, 'tools/call needs the parameter "name"'],
    [message('resources/subscribe', stateless), 404, -32601, 'Method not found'],
    [{ jsonrpc: '2.0', id: 1 }, 400, -32600, 'The body is not a JSON-RPC message'],
    [call('other'), 403, -32000, 'Tool "other" is not available']
  ] as const) {
    const response = await post(body, '')
    t.same([response.statusCode, response.json<{ error: object }>().error], [statusCode, { code, message: text }])
  }
})

test('resources, prompts and their completion are held to the same scopes [core-7, core-25]', async t => {
  const { post } = await createMcpTestServer(t, {
    mcp: { prompts: { brief: ['notes:read'] }, resources: { 'file:///secret/': ['notes:admin'] } }
  })
  const complete = (ref: object): object => message('completion/complete', { ref, argument: { name: 'a', value: '' } })
  for (const [body, scope, statusCode] of [
    [message('resources/read', { uri: 'file:///%73ecret/x' }), '', 403],
    [message('resources/read', { uri: 'file:////secret/x' }), '', 403],
    [message('resources/read', { uri: 'file:///secret/x' }), 'notes:admin', 200],
    [message('resources/read', { uri: 'file:///other' }), 'notes:admin', 403],
    [message('prompts/get', { name: 'other' }), 'notes:admin', 403],
    [complete({ type: 'ref/prompt', name: 'brief' }), '', 403],
    [complete({ type: 'ref/prompt', name: 'brief' }), 'notes:read', 200],
    [complete({ type: 'ref/resource', uri: 'file:///secret/{path}' }), '', 403],
    [complete({ type: 'ref/resource', uri: 'file:///secret/{path}' }), 'notes:admin', 200]
  ] as const) t.equal((await post(body, scope)).statusCode, statusCode, JSON.stringify(body))
})

test("with toolChallenges 'result' a refused tool call gets a tool result with the challenge [F92]", async t => {
  const { app, post } = await createMcpTestServer(t, { mcp: { tools: mixedTools, toolChallenges: 'result' } })
  for (const [scope, error] of [[null, undefined], ['', 'insufficient_scope']] as const) {
    const response = await post(call('list_notes', 4), scope)
    t.same([response.statusCode, response.headers['www-authenticate']], [200, undefined])
    const { id, result } = response.json<{ id: number, result: { isError: boolean, _meta: Record<string, string[]> } }>()
    t.same([id, result.isError], [4, true])
    const [challenge] = parseChallenges(result._meta['mcp/www_authenticate']![0]!)
    t.equal(challenge!.parameters.get('scope'), 'notes:read')
    t.equal(challenge!.parameters.get('error'), error)
    t.match(challenge!.parameters.get('resource_metadata'), '/.well-known/oauth-protected-resource/mcp')
  }
  t.equal((await post(message('prompts/list'), null)).statusCode, 401, 'other methods get the challenge in a header')
  t.equal((await post(call('other'), '')).statusCode, 403, 'no token helps, so there is no challenge')
  t.same(app.mcpSecuritySchemes('list_notes'), [{ type: 'oauth2', scopes: ['notes:read'] }])
})

for (const slow of ['the session store', 'a hook of the host'] as const) {
  test(`a client that leaves while ${slow} is at work leaves no stream behind [core-6, core-6b]`, async t => {
    const working = createDeferred<undefined>()
    const gone = createDeferred<undefined>()
    const handled = createDeferred<undefined>()
    const work = async (): Promise<void> => {
      working.resolve(undefined)
      await gone.promise
    }
    const issuer = await createFakeIssuer({ audience: mcpResource })
    const app = Fastify() as FastifyInstance
    t.teardown(() => app.close())
    app.addHook('preValidation', async (_request, reply) => {
      reply.raw.once('close', () => gone.resolve(undefined))
      if (slow === 'a hook of the host') await work()
    })
    await app.register(oauthResourceServer, optionsFor(issuer, { resource: mcpResource }))
    await app.register(mcp, {
      tools: mixedTools,
      sessions: {
        bind: () => '',
        async ownerOf () {
          if (slow === 'the session store') await work()
          return null
        }
      }
    })
    app.post('/mcp', app.mcpRoute, async () => { handled.resolve(undefined) })
    await app.listen({ port: 0 })
    const body = JSON.stringify(message('ping'))
    const request = httpRequest({
      port: (app.server.address() as AddressInfo).port,
      path: '/mcp',
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': body.length, 'mcp-session-id': 's' }
    })
    request.on('error', () => {})
    request.end(body)
    await working.promise
    request.destroy()
    await handled.promise
    t.equal(app.mcpEndpoint.streams.size, 0)
  })
}
