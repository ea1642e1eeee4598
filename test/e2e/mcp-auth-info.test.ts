import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { test } from 'tap'
import { bearer } from '../support/app.ts'
import { call, createMcpTestServer } from '../support/mcp-server.ts'

type Handle = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

const sdks: Record<string, Handle> = {
  '1.x': async (request, reply) => {
    const server = new McpServer1({ name: 'test', version: '1.0.0' })
    server.registerTool('whoami', {}, extra => ({ content: [{ type: 'text', text: JSON.stringify(extra.authInfo) }] }))
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    // Its declarations are not made for exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0])
    await transport.handleRequest(request.raw, reply.raw, request.body)
  },
  '2.x': async (request, reply) => {
    const server = new McpServer({ name: 'test', version: '1.0.0' })
    server.registerTool('whoami', {}, context => ({ content: [{ type: 'text', text: JSON.stringify(context.http?.authInfo) }] }))
    const transport = new NodeStreamableHTTPServerTransport({ enableJsonResponse: true })
    await server.connect(transport)
    await transport.handleRequest(request.raw, reply.raw, request.body)
  }
}

for (const [version, handle] of Object.entries(sdks)) {
  test(`the tools of SDK ${version} find authInfo without further code, and no token in it`, async t => {
    const { app, issuer } = await createMcpTestServer(t, {
      routes: app => {
        app.post('/sdk', app.mcpRoute, async (request, reply) => {
          reply.hijack()
          await handle(request, reply)
        })
      }
    })
    await app.listen({ port: 0 })
    const token = await issuer.token({ sub: 'ann', scope: 'notes:read' })
    const response = await fetch(`http://localhost:${(app.server.address() as AddressInfo).port}/sdk`, {
      method: 'POST',
      headers: { ...bearer(token), 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(call('whoami'))
    })
    const { result } = await response.json() as { result: { content: [{ text: string }] } }
    t.match(JSON.parse(result.content[0].text), {
      token: '', clientId: 'client-1', scopes: ['notes:read'], extra: { subject: 'ann', issuer: issuer.issuer }
    })
    t.notMatch(result.content[0].text, token)
  })
}
