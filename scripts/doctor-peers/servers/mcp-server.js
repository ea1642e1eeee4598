import { McpServer } from '@modelcontextprotocol/server'

/** A server of the Model Context Protocol with one tool. */
export function createMcpServer () {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('list_notes', { description: 'All notes' }, async () => ({ content: [{ type: 'text', text: 'Buy milk' }] }))
  return server
}
