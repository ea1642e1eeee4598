import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import oauthResourceServer, { mcp as mcpEndpoint, toAuthInfo } from '../../plugins/index.ts'
import type { Projects } from './projects.ts'
import type { Protection } from './protection.ts'
import type { Resource } from './resources.ts'
import { writeImpliesRead } from './resources.ts'
import { createMcpServer, toolScopes } from './tools.ts'

export interface McpOptions {
  resource: Resource
  protection: Protection
  projects: Projects
  /** Origins whose pages may call it. */
  browserOrigins: readonly string[]
}

/** The MCP endpoint, the second of the protected resources. */
export async function mcp (app: FastifyInstance, { resource, protection, projects, browserOrigins }: McpOptions): Promise<void> {
  await app.register(oauthResourceServer, {
    resource: resource.identifier,
    ...protection,
    scopes: Object.fromEntries(Object.entries(resource.scopes).map(([scope, description]) =>
      [scope, { description, advertised: resource.initialScopes.includes(scope) }])),
    scopeImplies: writeImpliesRead,
    metadata: { resource_name: resource.name }
  })
  await app.register(mcpEndpoint, {
    tools: toolScopes,
    allowedOrigins: [new URL(resource.identifier).origin, ...browserOrigins]
  })

  const handler = createMcpHandler(() => createMcpServer(projects), { onerror: error => app.log.error(error) })
  const handle = toNodeHandler(handler, { onerror: error => app.log.error(error) })
  app.addHook('preClose', () => handler.close())

  app.route({
    ...app.mcpRoute,
    // The SDK answers GET and DELETE, too: 405, as there are no sessions.
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler (request, reply) {
      // From here on the SDK writes the reply; every refusal of ours came before.
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
      reply.hijack()
      const { raw, headers, method } = request
      await handle({
        method,
        // Not what stands in the request line: the SDK cannot read a target in absolute form.
        url: '/mcp',
        headers,
        auth: toAuthInfo(request.accessToken!, app.oauthConfig),
        [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]()
      }, reply.raw, request.body)
    }
  })
}
