import { test } from 'tap'
import { partnerClient } from '../../examples/demo/partner-issuer.ts'
import type { ExampleServer } from '../../examples/demo/start.ts'
import { startExample } from '../support/example-server.ts'
import { obtainToken } from '../support/obtain-token.ts'

/** What a program of the partner's does: a client credentials grant. */
async function obtainPartnerToken ({ partnerIssuer }: ExampleServer, resource: string, scope: string): Promise<string> {
  const response = await fetch(`${partnerIssuer}/token`, {
    method: 'POST',
    headers: { authorization: basicOf(partnerClient) },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope })
  })
  return (await response.json() as { access_token: string }).access_token
}

async function revokePartnerToken ({ partnerIssuer }: ExampleServer, token: string): Promise<number> {
  const { status } = await fetch(`${partnerIssuer}/token/revocation`, {
    method: 'POST', headers: { authorization: basicOf(partnerClient) }, body: new URLSearchParams({ token })
  })
  return status
}

function basicOf ({ id, secret }: { id: string, secret: string }): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

async function projects (url: string, token: string, body?: object): Promise<{ status: number, error: string | undefined, body: unknown }> {
  const response = await fetch(`${url}/projects`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  })
  const error = /error="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
  return { status: response.status, error, body: await response.json() }
}

async function callTool (url: string, token: string, name: string): Promise<{ status: number, text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
  })
  return { status: response.status, text: await response.text() }
}

test('the example takes JWTs of its own issuer and opaque tokens of another on the same route of the API', async t => {
  const server = await startExample(t)
  const { apiUrl } = server
  const { accessToken: jwt } = await obtainToken(apiUrl, 'projects:read')
  const opaque = await obtainPartnerToken(server, apiUrl, 'projects:read')
  t.match(jwt, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  t.match(opaque, /^[\w-]{43}$/)

  t.match(await projects(apiUrl, jwt), { status: 200, body: [{ name: 'Analytical Engine' }] })
  t.match(await projects(apiUrl, opaque), { status: 200, body: [] }, 'somebody else')

  for (const token of [jwt, opaque]) {
    t.match(await projects(apiUrl, token, { name: 'Notes' }), { status: 403, error: 'insufficient_scope' }, 'by the same rules')
  }
  const writer = await obtainPartnerToken(server, apiUrl, 'projects:write')
  t.match(await projects(apiUrl, writer, { name: 'Notes' }), { status: 201 })
  t.match(await projects(apiUrl, opaque), { body: [{ name: 'Notes' }] })
  t.match(await projects(apiUrl, jwt), { body: [{ name: 'Analytical Engine' }] }, 'and everybody has their own')
})

test('and on the MCP endpoint, where a tool learns which issuer it was', async t => {
  const server = await startExample(t)
  const { mcpUrl, issuer, partnerIssuer } = server
  const { accessToken: jwt } = await obtainToken(mcpUrl, 'projects:read')
  const opaque = await obtainPartnerToken(server, mcpUrl, 'projects:read')

  for (const [token, who] of [[jwt, { issuer, subject: 'ada' }], [opaque, { issuer: partnerIssuer, subject: partnerClient.id }]] as const) {
    const { status, text } = await callTool(mcpUrl, token, 'whoami')
    t.equal(status, 200)
    t.match(text, who.issuer)
    t.match(text, who.subject)
    t.equal((await callTool(mcpUrl, token, 'create_project')).status, 403)
  }
})

test('a token of the partner is good at the resource that it was made for, and while it is not revoked', async t => {
  const server = await startExample(t)
  const { apiUrl, mcpUrl } = server
  const forApi = await obtainPartnerToken(server, apiUrl, 'projects:read')
  t.equal((await callTool(mcpUrl, forApi, 'whoami')).status, 401)
  t.match(await projects(apiUrl, `${forApi}x`), { status: 401, error: 'invalid_token' })

  const revoked = await obtainPartnerToken(server, apiUrl, 'projects:read')
  t.equal(await revokePartnerToken(server, revoked), 200)
  t.match(await projects(apiUrl, revoked), { status: 401, error: 'invalid_token' })
})

test('clients are led to the issuer where they can get a token, and not to the partner', async t => {
  const { origin, issuer } = await startExample(t)
  for (const path of ['/api', '/mcp']) {
    const document = await (await fetch(`${origin}/.well-known/oauth-protected-resource${path}`)).json()
    t.match(document, { authorization_servers: [issuer] })
    t.equal((document as { authorization_servers: string[] }).authorization_servers.length, 1)
  }
})
