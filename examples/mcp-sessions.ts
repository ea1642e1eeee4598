/**
 * An MCP server with sessions. A session belongs to the user and the client that started it: with the token of another user it is
 * 404, so a leaked session identifier gives no access.
 */
import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer, isInitializeRequest } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import type { FastifyRequest } from 'fastify'
import oauthResourceServer, { mcp } from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}/mcp`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

export const app = Fastify()
await app.register(oauthResourceServer, issuer.options)
await app.register(mcp, { tools: { count: [] } })

const transports = new Map<string, NodeStreamableHTTPServerTransport>()

async function startSession (request: FastifyRequest): Promise<NodeStreamableHTTPServerTransport> {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    async onsessioninitialized (sessionId) {
      await request.bindMcpSession(sessionId) // records the owner of the session
      transports.set(sessionId, transport)
    },
    onsessionclosed (sessionId) { transports.delete(sessionId) }
  })
  const server = new McpServer({ name: 'counter', version: '1.0.0' })
  let calls = 0
  server.registerTool('count', { description: 'How often this session has called' }, async () => ({ content: [{ type: 'text', text: String(++calls) }] }))
  await server.connect(transport)
  return transport
}

app.route({
  ...app.mcpRoute,
  method: ['GET', 'POST', 'DELETE'],
  url: '/mcp',
  async handler (request, reply) {
    const sessionId = request.headers['mcp-session-id']
    const starts = sessionId === undefined && isInitializeRequest(request.body)
    const transport = starts ? await startSession(request) : transports.get(String(sessionId))
    if (transport === undefined) {
      return await reply.code(404).send({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
    }
    reply.hijack()
    await transport.handleRequest(request.raw, reply.raw, request.body)
  }
})

await app.listen({ port })

console.log(`
Point an MCP client that takes a bearer token at ${resource}:
  ann: ${issuer.token({ subject: 'ann' })}
  bob: ${issuer.token({ subject: 'bob' })}
`)
