import { test } from 'tap'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import type { Answer } from '../support/server.ts'
import { parseChallenges } from '../../plugins/entry-points/client.ts'

const resource = 'https://api.example.com/mcp'

/** An MCP endpoint that says which methods reached it. */
async function createEndpoint (t: { teardown (close: () => unknown): unknown }) {
  const issuer = await createFakeIssuer({ audience: resource })
  const app = await createApp(t, optionsFor(issuer, { resource, scopes: { 'mcp:use': 'Use it' } }))
  const reached: string[] = []
  app.post<{ Body: { method: string } }>('/mcp', async request => {
    reached.push(request.body.method)
    return { jsonrpc: '2.0', id: 1, result: {} }
  })
  app.post('/mcp/admin', { config: { oauth: { scopes: ['admin'] } } }, async () => ({}))
  const call = async (method: string, headers: Record<string, string> = {}, url = '/mcp'): Promise<Answer> => {
    const response = await app.inject({
      method: 'POST', url, headers: { 'mcp-session-id': 'session-1', 'mcp-method': method, ...headers }, payload: { jsonrpc: '2.0', id: 1, method }
    })
    const value = response.headers['www-authenticate']
    if (value === undefined) return { status: response.statusCode, error: undefined, pointer: false }
    const [challenge] = parseChallenges(String(value))
    return {
      status: response.statusCode,
      error: challenge!.parameters.get('error') ?? null,
      pointer: challenge!.parameters.get('resource_metadata') === 'https://api.example.com/.well-known/oauth-protected-resource/mcp'
    }
  }
  return { app, issuer, reached, call }
}

const good: Answer = { status: 200, error: undefined, pointer: false }
const refused = (status: number, error: string | null): Answer => ({ status, error, pointer: true })

test('401, 403 and 400 by what is wrong with the credentials [MCPS-10, MCPS-12, MCPS-13]', async t => {
  const { issuer, reached, call } = await createEndpoint(t)
  const token = await issuer.token()
  const rows: Array<[title: string, headers: Record<string, string>, url: string, answer: Answer]> = [
    ['a good token', bearer(token), '/mcp', good],
    ['no token', {}, '/mcp', refused(401, null)],
    ['an expired token', bearer(await issuer.token({ exp: 1 })), '/mcp', refused(401, 'invalid_token')],
    ['a token of no form', bearer('opaque'), '/mcp', refused(401, 'invalid_token')],
    ['too little scope', bearer(token), '/mcp/admin', refused(403, 'insufficient_scope')],
    ['enough scope', bearer(await issuer.token({ scope: 'admin' })), '/mcp/admin', good],
    ['a malformed request', { authorization: 'Bearer a b' }, '/mcp', refused(400, 'invalid_request')]
  ]
  for (const [title, headers, url, answer] of rows) t.strictSame(await call('tools/call', headers, url), answer, title)
  t.strictSame(reached, ['tools/call'], 'and only a good token reached the server')
})

test('a token of another audience gets 401 [MCPS-11]', async t => {
  const { issuer, reached, call } = await createEndpoint(t)
  for (const aud of ['https://api.example.com', 'https://api.example.com/', 'https://api.example.com/mcp/', 'https://api.example.com/mc', 'https://API.example.com/mcp', [], undefined]) {
    t.strictSame(await call('tools/list', bearer(await issuer.token({ aud }))), refused(401, 'invalid_token'), String(aud))
  }
  t.strictSame(await call('tools/list', bearer(await issuer.token({ aud: ['https://other.example', resource] }))), good)
  t.strictSame(reached, ['tools/list'])
})

test('every request is authorized on its own [MCPS-15]', async t => {
  const { issuer, reached, call } = await createEndpoint(t)
  t.strictSame(await call('initialize', bearer(await issuer.token())), good)
  for (const method of ['initialize', 'server/discover', 'tools/list', 'ping', 'notifications/initialized']) {
    t.strictSame(await call(method), refused(401, null), `${method} in the same session`)
  }
  t.strictSame(reached, ['initialize'])
})

test('a token in the query does not authenticate [MCPS-16]', async t => {
  const { issuer, reached, call } = await createEndpoint(t)
  const token = await issuer.token()
  t.strictSame(await call('tools/list', {}, `/mcp?access_token=${token}`), refused(401, null))
  t.strictSame(await call('tools/list', bearer(token), '/mcp?access_token=x'), good)
  t.strictSame(reached, ['tools/list'])
})
