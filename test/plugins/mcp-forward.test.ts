import diagnosticsChannel from 'node:diagnostics_channel'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CallToolResult, VersionNegotiationOptions } from '@modelcontextprotocol/client'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import { z } from 'zod'
import { forward } from '../../plugins/entry-points/forward.ts'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { bearerOf } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { call, mcpResource, message } from '../support/mcp-server.ts'
import { startUpstream } from '../support/upstream.ts'
import type { TestUpstream } from '../support/upstream.ts'

type Order = readonly ['mcp' | 'forward', 'mcp' | 'forward']
const orders: readonly Order[] = [['mcp', 'forward'], ['forward', 'mcp']]

interface Gateway {
  readonly app: FastifyInstance
  readonly issuer: FakeIssuer
  readonly url: string
}

/** A resource server that knows the scopes of tools, in front of an MCP server that knows no tokens. */
async function startGateway (t: Test, upstream: string, order: Order = ['mcp', 'forward']): Promise<Gateway> {
  const issuer = await createFakeIssuer({ audience: mcpResource })
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { resource: mcpResource }))
  for (const name of order) {
    if (name === 'mcp') {
      await app.register(mcp, { tools: { list_notes: ['notes:read'], delete_note: ['notes:read', 'notes:write'] }, resources: { 'notes://': ['notes:read'] } })
    } else {
      await app.register(forward, {
        routes: { '/mcp': { upstream, credential: { headers: { 'x-api-key': 'of the gateway' } }, config: app.hasDecorator('mcpRoute') ? app.mcpRoute.config : { mcp: true } } }
      })
    }
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, issuer, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/mcp` }
}

/** A server of the SDK that has two tools, and counts what was executed. */
async function startToolServer (t: Test): Promise<{ url: string, executed: string[] }> {
  const executed: string[] = []
  const handle = toNodeHandler(createMcpHandler(() => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    for (const name of ['list_notes', 'delete_note']) {
      server.registerTool(name, { inputSchema: z.object({ text: z.string() }) }, async ({ text }, context) => {
        executed.push(`${name} ${text}`)
        await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } }).catch(() => {})
        return { content: [{ type: 'text', text }] }
      })
    }
    return server
  }))
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler ({ raw, headers, method, body }, reply) {
      reply.hijack()
      await handle({ method, url: '/mcp', headers, [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]() }, reply.raw, body)
    }
  })
  return { url: `${await app.listen({ port: 0, host: '127.0.0.1' })}/mcp`, executed }
}

const negotiations: ReadonlyArray<{ name: string, versionNegotiation: VersionNegotiationOptions }> = [
  { name: 'the handshake of 2025', versionNegotiation: { mode: 'legacy' } },
  { name: 'stateless, as of 2026-07-28', versionNegotiation: { mode: { pin: '2026-07-28' } } }
]

for (const order of orders) {
  for (const { name, versionNegotiation } of negotiations) {
    test(`the SDK's client calls tools of the SDK's server through a gateway that checks scopes, ${order.join(' before ')}, ${name} [F103]`, async t => {
      const { url: upstream, executed } = await startToolServer(t)
      const { issuer, url } = await startGateway(t, upstream, order)
      const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation })
      t.teardown(() => client.close())
      const token = await issuer.token({ scope: 'notes:read' })
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: bearer(token) } }))
      t.same((await client.listTools()).tools.map(tool => tool.name), ['list_notes', 'delete_note'])
      const { content } = await client.callTool({ name: 'list_notes', arguments: { text: 'größer' } }) as CallToolResult
      t.match(content, [{ type: 'text', text: 'größer' }])
      await t.rejects(client.callTool({ name: 'delete_note', arguments: { text: 'x' } }))
      t.same(executed, ['list_notes größer'], 'the call that was refused did not reach the server')
    })
  }

  test(`the gateway refuses in JSON-RPC and names the scopes, ${order.join(' before ')} [F103]`, async t => {
    const upstream = await startUpstream(t)
    const { app, issuer } = await startGateway(t, `${upstream.origin}/mcp`, order)
    const post = async (payload: object | string, headers: Record<string, string>): Promise<LightMyRequestResponse> =>
      await app.inject({ method: 'POST', url: '/mcp', payload, headers: { 'content-type': 'application/json', ...headers } })
    const weak = bearer(await issuer.token({ scope: '' }))
    const unauthorized = await post(call('delete_note', 1), {})
    t.same([unauthorized.statusCode, bearerOf(unauthorized).scope], [401, 'notes:read notes:write'])
    const forbidden = await post(call('delete_note', 2), weak)
    t.same([forbidden.statusCode, bearerOf(forbidden).scope, bearerOf(forbidden).error], [403, 'notes:read notes:write', 'insufficient_scope'])
    t.equal((await post(call('other'), weak)).statusCode, 403)
    t.equal((await post(message('resources/read', { uri: 'notes:%2F%2F1' }), weak)).statusCode, 403)
    t.equal((await post('{"method":"ping","method":"tools/call","params":{"name":"delete_note"}}', weak)).statusCode, 400)
    t.equal((await post('{"method":"ping","Method":"tools/call","params":{"name":"delete_note"}}', weak)).statusCode, 400)
    t.equal((await post(call('list_notes'), { ...weak, 'content-encoding': 'gzip' })).statusCode, 400)
    t.equal((await post({ ...call('list_notes'), padding: 'x'.repeat(2 ** 20) }, weak)).statusCode, 413)
    t.same(upstream.received, [])
    if (order[0] === 'mcp') t.match(forbidden.json(), { jsonrpc: '2.0', id: 2, error: { code: -32000 } })
  })

  test(`the bytes of a body that was checked go on as they came, ${order.join(' before ')} [F103]`, async t => {
    const upstream = await startUpstream(t)
    const { app, issuer } = await startGateway(t, `${upstream.origin}/mcp`, order)
    const body = '\n{ "jsonrpc" : "2.0",\t"id":1e0, "method":"tools\\u002fcall","params":{"name":"list_notes","arguments":{"text":"\\u00e4","n":1.0,"big":12345678901234567890}}}\n'
    const response = await app.inject({ method: 'POST', url: '/mcp', payload: body, headers: { ...bearer(await issuer.token({ scope: 'notes:read' })), 'content-type': 'application/json' } })
    t.equal(response.body, 'ok')
    const received = upstream.received[0]!
    t.equal(received.body.toString(), body)
    t.same([received.all('x-api-key'), received.all('authorization'), received.all('content-length')], [['of the gateway'], [], [String(Buffer.byteLength(body))]])
  })

  test(`the answer streams through the gateway while the call is running, ${order.join(' before ')} [F103]`, async t => {
    const upstream: TestUpstream = await startUpstream(t)
    const { app, issuer, url } = await startGateway(t, `${upstream.origin}/mcp`, order)
    upstream.respond((_received, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    })
    const token = await issuer.token({ scope: 'notes:read' })
    const request = httpRequest(url, { method: 'POST', agent: false, headers: { ...bearer(token), 'content-type': 'application/json' } })
    request.end(JSON.stringify(call('list_notes')))
    const [response] = await once(request, 'response') as [IncomingMessage]
    const [first] = await once(response, 'data') as [Buffer]
    t.equal(String(first), 'data: 1\n\n', 'before the upstream has ended its answer')
    t.equal(app.closeMcpStreams(({ accessToken }) => accessToken?.subject === 'user-1'), 1)
    await once(response, 'close')
  })
}

test('a body that breaks off before it could be checked does not reach the upstream', async t => {
  const upstream = await startUpstream(t)
  const { app, issuer, url } = await startGateway(t, `${upstream.origin}/mcp`)
  const refused = new Promise<unknown>(resolve => {
    const listener = (event: unknown): void => resolve(event)
    diagnosticsChannel.subscribe('fastify-oauth-resource-server', listener)
    t.teardown(() => diagnosticsChannel.unsubscribe('fastify-oauth-resource-server', listener))
  })
  const request = httpRequest(url, { method: 'POST', agent: false, headers: { ...bearer(await issuer.token()), 'content-length': 100 } })
  request.on('error', () => {})
  request.write('{')
  await once(app.server, 'request')
  request.destroy()
  t.match(await refused, { code: 'FST_OAUTH_MCP_BODY_INVALID' })
  t.same(upstream.received, [])
})
