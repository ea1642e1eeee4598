import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import { obtainToken } from '../support/obtain-token.ts'
import { rawRequest } from '../support/raw-request.ts'

function callOf (name: string, args: Record<string, unknown> = {}): object {
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
}

async function post (url: string, token: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...headers
    },
    body: JSON.stringify(body)
  })
}

test('a tool that needs more scope is refused before it runs, alone or in a batch (H26, H27)', async t => {
  const { mcpUrl, origin } = await startExample(t)
  const { accessToken } = await obtainToken(mcpUrl, 'projects:read')
  const create = callOf('create_project', { name: 'Notes' })
  for (const body of [create, [create], [callOf('whoami'), create]]) {
    const response = await post(mcpUrl, accessToken, body)
    t.equal(response.status, 403)
    const challenge = response.headers.get('www-authenticate')
    t.match(challenge, 'error="insufficient_scope"')
    t.match(challenge, 'scope="projects:write"')
    t.match(challenge, `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`)
    await response.body?.cancel()
  }
  t.match(await (await post(mcpUrl, accessToken, callOf('list_projects'))).text(), 'Analytical Engine')
  t.notMatch(await (await post(mcpUrl, accessToken, callOf('list_projects'))).text(), 'Notes')
})

test('a tool knows the caller and never sees the token (F70)', async t => {
  const { mcpUrl } = await startExample(t)
  const { accessToken, client } = await obtainToken(mcpUrl)
  const text = await (await post(mcpUrl, accessToken, callOf('whoami'))).text()
  t.match(text, 'ada')
  t.match(text, client.client_id)
  t.notMatch(text, accessToken)
})

test('a page of another site is refused, whatever token it brings; a local one is not', async t => {
  const { mcpUrl } = await startExample(t)
  const { accessToken } = await obtainToken(mcpUrl)
  t.equal((await post(mcpUrl, accessToken, callOf('whoami'), { origin: 'https://evil.example' })).status, 403)
  t.equal((await post(mcpUrl, accessToken, callOf('whoami'), { origin: 'http://localhost:6274' })).status, 200)
})

test('a request under another host is refused once its token is good: DNS rebinding', async t => {
  const { mcpUrl } = await startExample(t)
  const { port } = new URL(mcpUrl)
  const { accessToken } = await obtainToken(mcpUrl)
  const { status } = await rawRequest(
    Number(port), 'GET /mcp HTTP/1.1', [['Host', 'evil.example'], ['Authorization', `Bearer ${accessToken}`]])
  t.equal(status, 403)
})

test('there are no sessions: with a token, GET and DELETE are methods that are not allowed (MCPS-26)', async t => {
  const { mcpUrl } = await startExample(t)
  const { accessToken } = await obtainToken(mcpUrl)
  for (const method of ['GET', 'DELETE']) {
    const response = await fetch(mcpUrl, {
      method, headers: { authorization: `Bearer ${accessToken}`, accept: 'text/event-stream' }
    })
    t.equal(response.status, 405)
    await response.body?.cancel()
  }
})

test('a target in absolute form is served like any other', async t => {
  const { mcpUrl, origin } = await startExample(t)
  const { port, host } = new URL(origin)
  const { accessToken } = await obtainToken(mcpUrl)
  const { status } = await rawRequest(
    Number(port), `GET ${mcpUrl} HTTP/1.1`, [['Host', host], ['Authorization', `Bearer ${accessToken}`]])
  t.equal(status, 405, 'by the SDK, which would have answered 500 to a URL that it cannot read')
})
