import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import { obtainToken } from '../support/obtain-token.ts'

const origin = 'http://localhost:6274'
const preflight = (method: string, headers: string): RequestInit => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers }
})

test('a client in a browser gets through discovery, registration and the token endpoint to a tool', async t => {
  const { issuer, origin: server, mcpUrl } = await startExample(t)
  const allowed = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(url, { ...init, headers: { origin, ...init.headers } })
    t.match(response.headers.get('access-control-allow-origin'), /^(?:\*|http:\/\/localhost:6274)$/, `${init.method ?? 'GET'} ${url}`)
    return response
  }
  const refused = await allowed(mcpUrl, { method: 'POST' })
  t.equal(refused.status, 401)
  t.match(refused.headers.get('access-control-expose-headers'), /WWW-Authenticate/i)
  for (const url of [
    `${server}/.well-known/oauth-protected-resource/mcp`, `${issuer}/.well-known/oauth-authorization-server`,
    `${issuer}/.well-known/openid-configuration`, `${issuer}/jwks`
  ]) t.equal((await allowed(url)).status, 200)

  t.equal((await allowed(`${issuer}/reg`, preflight('POST', 'content-type'))).status, 204)
  const registered = await allowed(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [`${origin}/callback`], token_endpoint_auth_method: 'none' })
  })
  t.equal(registered.status, 201)
  const { client_id: clientId } = await registered.json() as { client_id: string }
  t.equal((await allowed(`${issuer}/token`, preflight('POST', 'content-type'))).status, 204)
  await allowed(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', client_id: clientId, redirect_uri: `${origin}/callback`, code_verifier: 'y' })
  })

  t.equal((await allowed(mcpUrl, preflight('POST', 'authorization,content-type,mcp-protocol-version'))).status, 204)
  const { accessToken } = await obtainToken(mcpUrl)
  const called = await allowed(mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })
  })
  t.equal(called.status, 200, 'also where the answer is not Fastify\'s')
})

test('pages for people are for nobody else\'s scripts', async t => {
  const { issuer, mcpUrl } = await startExample(t)
  for (const path of ['/sign-in', '/organizations']) {
    t.equal((await fetch(`${issuer}${path}`, { headers: { origin } })).headers.get('access-control-allow-origin'), null)
  }
  t.equal((await fetch(mcpUrl, { method: 'POST', headers: { origin: 'https://evil.example' } })).headers.get('access-control-allow-origin'), null)
})
