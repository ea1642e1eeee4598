/**
 * A gateway: tool scopes in front of an MCP server that knows no scopes. `mcp` decides by the body of the request, and `forward`
 * passes it on, byte by byte, with a credential of the gateway.
 */
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import oauthResourceServer, { mcp } from 'fastify-oauth-resource-server'
import { forward } from 'fastify-oauth-resource-server/forward'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}/mcp`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

// Stands in for the MCP server behind the gateway, which knows one API key and no users.
const upstream = Fastify()
upstream.post('/mcp', async (request, reply) => {
  if (request.headers['x-api-key'] !== 'key-of-the-gateway') return await reply.code(403).send('unknown key')
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  for (const name of ['list_notes', 'delete_note']) {
    server.registerTool(name, { description: name }, async () => ({ content: [{ type: 'text', text: `${name} was called` }] }))
  }
  const transport = new NodeStreamableHTTPServerTransport()
  await server.connect(transport)
  reply.hijack()
  reply.raw.on('close', async () => { await transport.close() })
  await transport.handleRequest(request.raw, reply.raw, request.body)
})

export const app = Fastify()
app.addHook('onClose', async () => { await upstream.close() })

await app.register(oauthResourceServer, { ...issuer.options, scopesSupported: 'routes' }) // advertises the scopes of the tools
await app.register(mcp, { tools: { list_notes: ['notes:read'], delete_note: ['notes:read', 'notes:write'] } })
await app.register(forward, {
  routes: {
    '/mcp': {
      upstream: `${await upstream.listen({ port: 0 })}/mcp`,
      credential: { headers: { 'x-api-key': 'key-of-the-gateway' } },
      config: app.mcpRoute.config // refusals are JSON-RPC errors
    }
  }
})

await app.listen({ port })

const call = (tool: string): string => `-H 'accept: application/json, text/event-stream' -H 'content-type: application/json' \\
  -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":{}}}' ${resource}`
const token = issuer.token({ scopes: ['notes:read'] })
console.log(`
curl -H 'authorization: Bearer ${token}' ${call('list_notes')}
curl -i -H 'authorization: Bearer ${token}' ${call('delete_note')}   # 403: the upstream is not asked
`)
