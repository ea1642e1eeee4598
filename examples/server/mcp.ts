import { localhostHostValidation, localhostOriginValidation } from '@modelcontextprotocol/fastify'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import oauthResourceServer, { toAuthInfo } from '../../plugins/index.ts'
import type { Projects } from './projects.ts'
import type { Resource } from './resources.ts'
import { writeImpliesRead } from './resources.ts'
import { createMcpServer, toolScopes } from './tools.ts'

export interface McpOptions {
  resource: Resource
  issuer: string
  projects: Projects
}

/** The MCP endpoint, the second of the protected resources. */
export async function mcp (app: FastifyInstance, { resource, issuer, projects }: McpOptions): Promise<void> {
  await app.register(oauthResourceServer, {
    resource: resource.identifier,
    authorizationServers: [issuer],
    scopes: Object.fromEntries(Object.entries(resource.scopes).map(([scope, description]) =>
      [scope, { description, advertised: resource.initialScopes.includes(scope) }])),
    scopeImplies: writeImpliesRead,
    metadata: { resource_name: resource.name }
  })
  // After the token is asked for: a 401 says the same whatever host it was asked under, and everybody may read it.
  app.addHook('onRequest', localhostHostValidation())
  app.addHook('onRequest', localhostOriginValidation())

  const handler = createMcpHandler(() => createMcpServer(projects), { onerror: error => app.log.error(error) })
  const handle = toNodeHandler(handler, { onerror: error => app.log.error(error) })
  app.addHook('preClose', () => handler.close())

  app.route({
    // The SDK answers GET and DELETE, too: 405, as there are no sessions.
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    preHandler: async request => requireScopesOfTools(request),
    async handler (request, reply) {
      const auth = toAuthInfo(request.accessToken!, request.server.oauthConfig)
      // From here on the SDK writes the reply; every refusal of ours comes before.
      reply.hijack()
      const { raw, headers, method } = request
      await handle({
        method,
        // Not what stands in the request line: the SDK cannot read a target in absolute form.
        url: '/mcp',
        headers,
        auth,
        [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]()
      }, reply.raw, request.body)
    }
  })
}

/**
 * Which scope a call needs depends on the tool, which stands in the body. The refusal is made here and not in the tool,
 * as only an HTTP 403 tells the client to ask the user for more.
 */
function requireScopesOfTools (request: FastifyRequest): void {
  for (const message of [request.body].flat()) {
    const { method, params } = (message ?? {}) as { method?: unknown, params?: { name?: unknown } }
    const scopes = method === 'tools/call' ? toolScopes.get(String(params?.name)) : undefined
    if (scopes !== undefined) request.requireScopes(...scopes)
  }
}
