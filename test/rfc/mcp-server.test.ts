import type { LightMyRequestResponse } from 'fastify'
import { test } from 'tap'
import { bearer } from '../support/app.ts'
import { bearerOf, challengesOf } from '../support/hint.ts'
import { call, createMcpTestServer, mcpPointer, message, mixedTools, protectedTools } from '../support/mcp-server.ts'

const version = 'io.modelcontextprotocol/protocolVersion'

for (const [title, name, scope, status, needed] of [
  ['a tool that takes any token', 'whoami', '', 200, null],
  ['a tool and its scope', 'list_notes', 'notes:read', 200, null],
  ['a tool without its scope', 'list_notes', '', 403, 'notes:read'],
  ['everything at once, what is granted among it', 'delete_note', 'notes:read', 403, 'notes:read notes:write'],
  ['no drip-feeding', 'delete_note', '', 403, 'notes:read notes:write']
] as const) {
  test(`${title} [F45, MCPS-17, MCPS-18, trap 7]`, async t => {
    const { post, handled } = await createMcpTestServer(t)
    const response = await post(call(name), scope)
    t.equal(response.statusCode, status)
    t.equal(handled.length, status === 200 ? 1 : 0)
    if (needed === null) return
    t.match(bearerOf(response), { resource_metadata: mcpPointer, error: 'insufficient_scope', scope: needed })
    t.type(bearerOf(response).error_description, 'string')
  })
}

test('one 403 for all elements of a batch [MCPS-18]', async t => {
  const { post, handled } = await createMcpTestServer(t, { mcp: { tools: { a: ['a:x'], b: ['b:x'] } } })
  const response = await post([call('a'), call('b', 2)], 'a:x')
  t.equal(response.statusCode, 403)
  t.equal(bearerOf(response).scope, 'a:x b:x')
  t.equal(response.json().id, null, 'which of them is meant cannot be said')
  t.same(handled, [])
  t.equal((await post([call('a'), call('b', 2)], 'a:x b:x')).statusCode, 200)
})

test('the same request gets the same scopes in each challenge [MCPS-19]', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  const without = bearerOf(await post(call('delete_note'), null))
  const weak = bearerOf(await post(call('delete_note'), ''))
  t.equal(without.scope, weak.scope)
})

test('a scope that implies the required one is sufficient, and the challenge names the required one [MCPS-20]', async t => {
  const { post } = await createMcpTestServer(t, {
    options: { scopeImplies: (granted, required) => granted === 'admin' || (granted === 'notes:write' && required === 'notes:read') }
  })
  t.equal((await post(call('list_notes'), 'notes:write')).statusCode, 200)
  t.equal((await post(call('delete_note'), 'admin')).statusCode, 200)
  t.equal(bearerOf(await post(call('delete_note'), '')).scope, 'notes:read notes:write')
})

test('the 401 names the scopes of the call [MCPS-06, MCPS-34]', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  const response = await post(call('list_notes'), null)
  t.equal(response.statusCode, 401)
  t.same(bearerOf(response), { resource_metadata: mcpPointer, scope: 'notes:read' }, 'trap 5: and no error')
  t.equal(response.headers['cache-control'], 'no-store')
})

for (const [name, request] of [
  ['without a token', {}],
  ['a token that is none', { headers: bearer('x.y.z') }]
] as const) {
  test(`nothing is called ${name}, server/discover neither [MCPS-10, MCPS-12, MCPS-15]`, async t => {
    const { post, handled } = await createMcpTestServer(t)
    for (const body of [call('whoami'), message('server/discover'), message('initialize'), message('tools/list'), message('ping')]) {
      const response = await post(body, null, request)
      t.equal(response.statusCode, 401)
      t.equal(bearerOf(response).resource_metadata, mcpPointer)
    }
    t.same(handled, [])
  })
}

test('an expired token without the scope gets 401 [MCPS-12, trap 6]', async t => {
  const { app, issuer, clock } = await createMcpTestServer(t)
  const token = await issuer.token({ scope: '' })
  clock.advance(600)
  const response = await app.inject({ method: 'POST', url: '/mcp', payload: call('list_notes'), headers: bearer(token) })
  t.equal(response.statusCode, 401)
  t.match(bearerOf(response), { error: 'invalid_token' })
})

for (const origin of ['https://evil.example.com', 'null', 'http://mcp.example.com']) {
  test(`the origin ${origin} is refused, whatever token there is [F75, MCPS-22]`, async t => {
    const { app, post, issuer, handled } = await createMcpTestServer(t)
    for (const headers of [{}, bearer('x.y.z'), bearer(await issuer.token({ scope: 'notes:read' }))]) {
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        const response = await app.inject({ method, url: '/mcp', headers: { ...headers, origin }, ...(method === 'POST' ? { payload: call('whoami') } : {}) })
        t.equal(response.statusCode, 403)
        t.same(challengesOf(response), [], 'no token would help')
        t.same(response.json(), { jsonrpc: '2.0', error: { code: -32000, message: 'This origin is not allowed' }, id: null })
      }
    }
    t.same(handled, [])
    t.equal((await post(call('whoami'), '', { headers: { origin: 'https://mcp.example.com' } })).statusCode, 200)
  })
}

for (const [name, headers, body] of [
  ['Mcp-Method', { 'mcp-method': 'tools/list' }, call('delete_note')],
  ['Mcp-Name', { 'mcp-name': 'whoami' }, call('delete_note')],
  ['MCP-Protocol-Version', { 'mcp-protocol-version': '2025-11-25' }, message('ping', { _meta: { [version]: '2026-07-28' } })]
] as const) {
  test(`${name} that is not what the body says [MCPS-23]`, async t => {
    const { post, handled } = await createMcpTestServer(t)
    const response = await post(body, 'notes:read notes:write', { headers })
    t.equal(response.statusCode, 400)
    t.match(response.json(), { jsonrpc: '2.0', error: { code: -32020 }, id: 1 })
    t.same(challengesOf(response), [])
    t.same(handled, [])
  })
}

test('a header that names a harmless tool does not get the tool of the body called [MCPS-24, T-39]', async t => {
  const { post, handled } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  for (const scope of ['', 'notes:read', 'notes:read notes:write', null]) {
    t.equal((await post(call('delete_note'), scope, { headers: { 'mcp-name': 'time' } })).statusCode, 400)
  }
  t.equal((await post(call('delete_note'), '', { headers: { 'mcp-name': 'delete_note' } })).statusCode, 403)
  t.same(handled, [])
  t.equal((await post(call('delete_note'), 'notes:read notes:write', { headers: { 'mcp-name': 'delete_note' } })).statusCode, 200)
})

test('every refusal has a JSON-RPC body, with the id where it is known [MCPS-13, MCPS-25]', async t => {
  const { app, issuer, post } = await createMcpTestServer(t)
  const token = await issuer.token({ scope: '' })
  const send = (payload: string | object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.inject({ method: 'POST', url: '/mcp', payload, headers: { 'content-type': 'application/json', ...bearer(token), ...headers } })
  for (const [name, response, status, code, id] of [
    ['no token', await post(call('whoami'), null), 401, -32000, 1],
    ['a bad token', await send(call('whoami'), bearer('x.y.z')), 401, -32000, 1],
    ['a malformed Authorization', await send(call('whoami'), { authorization: 'Bearer' }), 400, -32600, null],
    ['scope', await send(call('list_notes', 'abc')), 403, -32000, 'abc'],
    ['a tool that is not declared', await send(call('other', 9)), 403, -32000, 9],
    ['no JSON', await send('{'), 400, -32700, null],
    ['an empty body', await send(''), 400, -32700, null],
    ['no JSON-RPC', await send({ tool: 'whoami' }), 400, -32600, null],
    ['an empty batch', await send([]), 400, -32600, null],
    ['text', await send('hello', { 'content-type': 'text/plain' }), 400, -32600, null],
    ['another type', await send('<a/>', { 'content-type': 'text/xml' }), 415, -32000, null]
  ] as const) {
    t.equal(response.statusCode, status, name)
    t.match(response.headers['content-type'], 'application/json', name)
    t.match(response.json(), { jsonrpc: '2.0', error: { code, message: String }, id }, name)
  }
})

test('a token that cannot be checked at the moment gets 503, in JSON-RPC [MCPS-25]', async t => {
  const { post, issuer } = await createMcpTestServer(t)
  issuer.answer(issuer.jwksUri, () => new Response('down', { status: 500 }))
  const response = await post(call('whoami'), '')
  t.equal(response.statusCode, 503)
  t.type(response.headers['retry-after'], 'string')
  t.match(response.json(), { jsonrpc: '2.0', error: { code: -32000 }, id: null })
})

test('a tool that the request may not call can be hidden from the list, and its call is refused all the same [F46, MCPS-27]', async t => {
  const { app, issuer, post } = await createMcpTestServer(t, {
    mcp: { tools: mixedTools },
    routes: app => {
      app.get('/visible', { config: { oauth: { token: 'optional' } } }, async request => ({
        names: app.mcpVisibleTools(request, ['time', 'whoami', 'list_notes', 'delete_note', 'other']),
        objects: app.mcpVisibleTools(request, [{ name: 'delete_note', title: 'x' }, { name: 'time', title: 'y' }])
      }))
    }
  })
  const visible = async (scope: string | null): Promise<unknown> => (await app.inject({
    url: '/visible', headers: scope === null ? {} : bearer(await issuer.token({ scope }))
  })).json()
  t.same(await visible(null), { names: ['time'], objects: [{ name: 'time', title: 'y' }] })
  t.match(await visible(''), { names: ['time', 'whoami'] })
  t.match(await visible('notes:read'), { names: ['time', 'whoami', 'list_notes'] })
  t.match(await visible('notes:read notes:write'), { names: ['time', 'whoami', 'list_notes', 'delete_note'], objects: { length: 2 } })
  t.equal((await post(call('delete_note'), 'notes:read')).statusCode, 403)
})

test('requestState of a client does not influence the decision [MCPS-29]', async t => {
  const { post, handled } = await createMcpTestServer(t)
  const forged = Buffer.from(JSON.stringify({ scopes: ['notes:write'], subject: 'admin' })).toString('base64url')
  for (const requestState of [forged, '', 'notes:write', { scopes: ['notes:write'] }]) {
    const body = message('tools/call', { name: 'delete_note', requestState, inputResponses: { consent: { action: 'accept' } } })
    t.equal((await post(body, 'notes:read')).statusCode, 403)
  }
  t.same(handled, [])
})

test('a token without a user can call tools [MCPS-33]', async t => {
  const { app, issuer } = await createMcpTestServer(t)
  const token = await issuer.token({ sub: 'client-1', client_id: 'client-1', scope: 'notes:read' })
  const response = await app.inject({ method: 'POST', url: '/mcp', payload: call('list_notes'), headers: bearer(token) })
  t.equal(response.statusCode, 200)
  t.equal(response.json().auth.extra.principalType, 'client')
})

test('tools get authInfo, and no token [MCPS-14, MCPS-30, trap 22]', async t => {
  const { app, issuer } = await createMcpTestServer(t)
  const token = await issuer.token({ scope: 'notes:read', sub: 'ann' })
  const response = await app.inject({ method: 'POST', url: '/mcp', payload: call('whoami'), headers: bearer(token) })
  t.match(response.json().auth, {
    token: '', clientId: 'client-1', scopes: ['notes:read'], resourceMetadataUrl: mcpPointer, extra: { subject: 'ann', issuer: issuer.issuer }
  })
  t.notMatch(response.body, token)
  const refused = await app.inject({ method: 'POST', url: '/mcp', payload: call('delete_note'), headers: bearer(token) })
  t.notMatch(JSON.stringify([refused.headers, refused.body]), token)
})

test('a token in the URL or the body does not authenticate [MCPS-16]', async t => {
  const { post, issuer, handled } = await createMcpTestServer(t)
  const token = await issuer.token()
  t.equal((await post({ ...call('whoami'), access_token: token }, null, { url: `/mcp?access_token=${token}` })).statusCode, 401)
  t.same(handled, [])
})

test('with a public tool, the first call of a protected tool gets the 401, and nothing before it does [F74]', async t => {
  const { app, post, handled } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  for (const body of [
    message('initialize'), { jsonrpc: '2.0', method: 'notifications/initialized' }, message('server/discover'), message('tools/list'),
    message('ping'), call('time'), { jsonrpc: '2.0', id: 1, result: {} }
  ]) t.equal((await post(body, null)).statusCode, 200)
  for (const method of ['GET', 'DELETE'] as const) t.equal((await app.inject({ method, url: '/mcp' })).statusCode, 200, 'the host\'s matter')
  t.equal(handled.length, 9)

  for (const body of [
    call('whoami'), call('list_notes'), call('other'), message('prompts/list'), message('completion/complete', { ref: { type: 'ref/prompt', name: 'x' } }), [call('time'), call('whoami')]
  ]) {
    const response = await post(body, null)
    t.equal(response.statusCode, 401)
    t.equal(bearerOf(response).resource_metadata, mcpPointer)
    t.equal(bearerOf(response).error, undefined)
  }
  t.equal(handled.length, 9)
})

test('an invalid token gets 401 also for a public tool [F74]', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: mixedTools } })
  const response = await post(call('time'), null, { headers: bearer('x.y.z') })
  t.equal(response.statusCode, 401)
  t.equal(bearerOf(response).error, 'invalid_token')
})

test('a refusal has exactly one Bearer challenge, with resource_metadata [trap 1, trap 2]', async t => {
  const { post } = await createMcpTestServer(t, { mcp: { tools: protectedTools } })
  for (const response of [await post(call('whoami'), null), await post(call('list_notes'), '')]) {
    t.type(response.headers['www-authenticate'], 'string')
    t.match(response.headers['www-authenticate'], /^Bearer resource_metadata="[^"]+"/)
    t.equal(challengesOf(response).length, 1)
  }
})
