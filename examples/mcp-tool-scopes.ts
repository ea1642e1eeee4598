/** An MCP server whose tools need different scopes. A call to a tool that is not declared is refused. */
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import oauthResourceServer, { mcp } from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}/mcp` // the URL of the MCP endpoint
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

export const app = Fastify()

await app.register(oauthResourceServer, {
  ...issuer.options,
  // A client asks its user for the advertised scopes first, and for the other one when a 403 names it.
  scopes: { 'notes:read': 'Read notes', 'notes:write': { description: 'Change notes', advertised: false } }
})
await app.register(mcp, {
  tools: {
    time: { public: true },                    // without a token
    whoami: [],                                // any valid token
    list_notes: ['notes:read'],
    delete_note: ['notes:read', 'notes:write'] // all of them; the 403 names both
  }
})

function createServer (): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  const text = (value: string): { content: Array<{ type: 'text', text: string }> } => ({ content: [{ type: 'text', text: value }] })
  server.registerTool('time', { description: 'The time' }, async () => text(new Date().toISOString()))
  server.registerTool('whoami', { description: 'The signed-in user' }, async ({ http }) => text(String(http?.authInfo?.extra?.subject)))
  server.registerTool('list_notes', { description: 'All notes' }, async () => text('Buy milk'))
  server.registerTool('delete_note', { description: 'Delete the note' }, async () => text('deleted'))
  return server
}

app.route({
  ...app.mcpRoute,
  method: ['GET', 'POST', 'DELETE'],
  url: '/mcp',
  async handler (request, reply) {
    const transport = new NodeStreamableHTTPServerTransport()
    await createServer().connect(transport)
    reply.hijack()
    reply.raw.on('close', async () => { await transport.close() })
    await transport.handleRequest(request.raw, reply.raw, request.body)
  }
})

await app.listen({ port })

const call = (tool: string): string => `-H 'accept: application/json, text/event-stream' -H 'content-type: application/json' \\
  -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":{}}}' ${resource}`
const token = issuer.token({ subject: 'ann', scopes: ['notes:read'] })
console.log(`
curl ${call('time')}
curl -H 'authorization: Bearer ${token}' ${call('whoami')}
curl -H 'authorization: Bearer ${token}' ${call('list_notes')}
curl -i -H 'authorization: Bearer ${token}' ${call('delete_note')}   # 403: the challenge names both scopes
curl -i -H 'authorization: Bearer ${token}' ${call('drop_table')}   # 403: the tool is not declared
curl -i ${call('list_notes')}   # 401: the challenge names the scope of the tool
`)
