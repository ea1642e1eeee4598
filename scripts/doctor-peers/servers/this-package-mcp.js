import cors from '@fastify/cors'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import Fastify from 'fastify'
import { createMcpServer } from './mcp-server.js'

const { mcp, oauthResourceServer } = await import(new URL('../../../dist/plugins/index.js', import.meta.url).href)

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, origin }) {
  const app = Fastify()
  await app.register(cors, { origin, exposedHeaders: ['WWW-Authenticate'] })
  await app.register(oauthResourceServer, {
    resource,
    authorizationServers: [issuer],
    scopes: { 'notes:read': 'Read notes' },
    metadata: { resource_name: 'Notes' },
    dpop: 'allowed'
  })
  await app.register(mcp, { tools: { list_notes: ['notes:read'] }, allowedOrigins: [origin] })
  app.route({
    ...app.mcpRoute,
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler (request, reply) {
      const transport = new NodeStreamableHTTPServerTransport()
      await createMcpServer().connect(transport)
      reply.hijack()
      reply.raw.on('close', async () => { await transport.close() })
      await transport.handleRequest(request.raw, reply.raw, request.body)
    }
  })
  await app.ready()
  return app.routing
}
