import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import { parseChallenges } from '../../lib/challenge/parse.ts'
import { createTestCertificateAuthority, createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { mcp } from '../../plugins/index.ts'
import { createApp } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { call } from '../support/mcp-server.ts'

const resource = 'https://mcp.example.com/mcp'

async function world (t: Test, options: Partial<OAuthResourceServerOptions> = {}) {
  const clock = createTestClock()
  const issuer = createTestIssuer({ resource, clock })
  const client = createTestClient({ clock })
  const app: FastifyInstance = await createApp(t, { ...issuer.options, clock, dpop: { replayStore: false }, ...options })
  await app.register(mcp, { tools: { whoami: [], delete_note: ['notes:write'] } })
  app.route({
    ...app.mcpRoute,
    method: 'POST',
    url: '/mcp',
    handler: async request => (request.raw as { auth?: { extra: object } }).auth!.extra
  })
  const post = async (headers: object, tool = 'whoami') => await app.inject({ method: 'POST', url: '/mcp', payload: call(tool), headers: { ...headers } })
  return { clock, issuer, client, app, post, now: clock.now() / 1000 }
}

const errorOf = (response: { headers: Record<string, unknown> }): string | undefined =>
  ([response.headers['www-authenticate'] ?? []].flat() as string[]).flatMap(parseChallenges).find(({ scheme }) => scheme === 'DPoP')?.parameters.get('error')

test('MCP, DPoP extension: iat within five minutes either way, and not a second more [MCPD-02, MCPD-03]', async t => {
  const { client, issuer, post, now } = await world(t)
  const token = issuer.token({ boundTo: client })
  for (const [iat, status] of [[now - 301, 401], [now - 300, 200], [now, 200], [now + 300, 200], [now + 301, 401]] as const) {
    t.equal((await post(client.headers({ method: 'POST', url: resource, token, claims: { iat } }))).statusCode, status, String(iat - now))
  }
})

test('MCP, DPoP extension: futureToleranceSeconds of the options stays what it is', async t => {
  const { client, issuer, post, now } = await world(t, { dpop: { futureToleranceSeconds: 10 } })
  const token = issuer.token({ boundTo: client })
  for (const [iat, status] of [[now + 10, 200], [now + 11, 401]] as const) {
    t.equal((await post(client.headers({ method: 'POST', url: resource, token, claims: { iat } }))).statusCode, status)
  }
})

test('MCP without DPoP is not concerned', async t => {
  const clock = createTestClock()
  const issuer = createTestIssuer({ resource, clock })
  const app = await createApp(t, { ...issuer.options, clock })
  await app.register(mcp, {})
  app.post('/mcp', app.mcpRoute, async () => 'in')
  t.equal((await app.inject({ method: 'POST', url: '/mcp', payload: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: issuer.headers() })).statusCode, 200)
})

test('MCP, DPoP extension: each failure is 401 with a DPoP challenge, and a JSON-RPC body [MCPD-04, MCPD-06, MCPD-07]', async t => {
  const { client, issuer, post } = await world(t, { dpop: 'required' })
  const token = issuer.token({ boundTo: client })
  const right = { method: 'POST', url: resource, token }
  const foreign = issuer.token({ boundTo: client, claims: { aud: 'https://other.example.com/mcp' } })
  for (const [title, headers, error] of [
    ['no proof', { authorization: `DPoP ${token}` }, 'invalid_dpop_proof'],
    ['the proof of another method', client.headers({ ...right, method: 'GET' }), 'invalid_dpop_proof'],
    ['a symmetric algorithm', client.headers({ ...right, header: { alg: 'HS256' } }), 'invalid_dpop_proof'],
    ['no algorithm', client.headers({ ...right, header: { alg: 'none' } }), 'invalid_dpop_proof'],
    ['another audience, with a good proof', client.headers({ ...right, token: foreign }), 'invalid_token'],
    ['a bound token as a bearer token', { authorization: `Bearer ${token}` }, 'invalid_token'],
    ['a bearer token', issuer.headers(), 'invalid_token'],
    ['no credentials', {}, undefined]
  ] as const) {
    const response = await post(headers)
    t.strictSame([response.statusCode, errorOf(response)], [401, error], title)
    t.match(response.json(), { jsonrpc: '2.0', id: 1, error: { code: Number } })
  }
  const scoped = await post(client.headers(right), 'delete_note')
  t.strictSame([scoped.statusCode, errorOf(scoped)], [403, 'insufficient_scope'])
})

test('MCP, DPoP extension: nonces, and replay within the window, are options [MCPD-05]', async t => {
  const { client, issuer, post } = await world(t, { dpop: { nonce: true } })
  const token = issuer.token({ boundTo: client })
  const right = { method: 'POST', url: resource, token }
  const demand = await post(client.headers(right))
  t.strictSame([demand.statusCode, errorOf(demand)], [401, 'use_dpop_nonce'])
  const headers = client.headers({ ...right, nonce: demand.headers['dpop-nonce'] as string })
  t.strictSame([(await post(headers)).statusCode, (await post(headers)).statusCode], [200, 401])
})

test('the tools learn how the token is bound [F35, F39, F70]', async t => {
  const { client, issuer, post } = await world(t, { clientCertificates: { header: 'Client-Cert', format: 'client-cert', trustedHops: ['127.0.0.1'] } })
  const certificate = createTestCertificateAuthority().issue('client')
  const { certificateThumbprint, clientCert } = certificate
  const bound = issuer.token({ boundTo: client })
  const both = issuer.token({ boundTo: [client, certificate] })
  const target = { method: 'POST', url: resource }
  for (const [headers, tokenType, confirmation] of [
    [issuer.headers(), 'Bearer', null],
    [client.headers({ ...target, token: bound }), 'DPoP', { keyThumbprint: client.thumbprint, certificateThumbprint: null }],
    [{ ...issuer.headers({ boundTo: certificate }), 'client-cert': clientCert }, 'Bearer', { keyThumbprint: null, certificateThumbprint }],
    [{ ...client.headers({ ...target, token: both }), 'client-cert': clientCert }, 'DPoP', { keyThumbprint: client.thumbprint, certificateThumbprint }]
  ] as const) t.match((await post(headers)).json(), { tokenType, confirmation })
})
