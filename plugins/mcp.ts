import type { FastifyContextConfig, FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { OptionError } from '../lib/errors/errors.ts'
import type { McpEndpoint } from '../lib/mcp/endpoint.ts'
import { createMcpEndpoint } from '../lib/mcp/endpoint.ts'
import type { McpError } from '../lib/errors/mcp-errors.ts'
import type { McpOptions } from '../lib/mcp/options.ts'
import { toRpcRefusal } from '../lib/mcp/rpc-error.ts'
import type { McpStream } from '../lib/mcp/streams.ts'
import { ownOptions } from '../lib/options.ts'
import { toAuthInfo } from '../lib/token/auth-info.ts'
import { isPreflight, policyOf } from './shared/request-state.ts'

/** What an MCP endpoint spreads into its route. */
export interface McpRoute {
  config: FastifyContextConfig
  errorHandler: (this: FastifyInstance, error: FastifyError, request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * For the route of the endpoint: `app.route({ ...app.mcpRoute, url: '/mcp', … })`. Its refusals have JSON-RPC bodies
     * then, and requests without a token come as far as what is public.
     */
    readonly mcpRoute: McpRoute
    /**
     * Those of the tools that whoever sends the request may call now, for an answer to `tools/list` that hides the others.
     * Such an answer is `cacheScope: 'private'`. It protects nothing: the calls are what is checked.
     */
    readonly mcpVisibleTools: <T extends string | { readonly name: string }>(request: FastifyRequest, tools: readonly T[]) => T[]
    /** Ends the open streams that are meant, those of a token that was revoked for instance; answers how many there are. */
    readonly closeMcpStreams: (predicate: (stream: McpStream) => boolean) => number
    /** What the plugin is made of, for code without a request. */
    readonly mcpEndpoint: McpEndpoint
  }
  interface FastifyRequest {
    /**
     * Makes whoever sends this request the owner of a new session: for `onsessioninitialized` of the SDK's transport. From
     * then on the session does not exist for anybody else.
     */
    bindMcpSession (sessionId: string): Promise<void>
  }
  interface FastifyContextConfig {
    /** `false` for a route of the scope that is no MCP endpoint. Default: it is one, unless it takes no token (`oauth: false`). */
    mcp?: boolean
  }
}

const plugin: FastifyPluginAsync<McpOptions> = async (app, options) => {
  if (app.hasDecorator('mcpEndpoint')) {
    throw new OptionError('mcp: this scope, or one around it, has the plugin already; register each endpoint in a scope of its own')
  }
  const endpoint = createMcpEndpoint(ownOptions(options), app.oauthConfig)
  warnOfUnknownScopes(app, endpoint)

  app.decorate('mcpEndpoint', endpoint)
  app.decorate('mcpRoute', routeOf(endpoint))
  app.decorate('mcpVisibleTools', (request, tools) =>
    tools.filter(tool => endpoint.policy.mayCall(typeof tool === 'string' ? tool : tool.name, request.accessToken)))
  app.decorate('closeMcpStreams', predicate => endpoint.streams.close(predicate))
  if (!app.hasRequestDecorator('bindMcpSession')) {
    app.decorateRequest('bindMcpSession', async function (this: FastifyRequest, sessionId: string) {
      await this.server.mcpEndpoint.sessions.bind(sessionId, this.accessToken)
    })
  }
  // A page of another origin learns nothing, not even that it needs a token.
  app.oauthPreChecks.add(refuseOrigin)
  // A foreign Host alone does not take the hint from a 401, which comes from the configuration whatever the host.
  app.addHook('onRequest', (request, _reply, next) => {
    next(refuseHost(request) ?? undefined)
  })
  // As early as there is a body, and before the handler: what the SDK writes to the raw response passes no hook.
  app.addHook('preValidation', async (request, reply) => {
    if (!isOfEndpoint(request)) return
    const { method, headers, body, accessToken, raw } = request
    await endpoint.admit({ method, headers, body, accessToken }, reply.raw)
    // Where the transports of the SDKs, 1.x and 2.x alike, look for it. The token itself is not in it.
    if (accessToken !== null) Object.assign(raw, { auth: toAuthInfo(accessToken, request.server.oauthConfig) })
  })
}

/**
 * The body of a refusal is the business of an error handler. The application's is not ours to set, and would be for all of
 * its routes; the one of a route is an option of that route, which falls back to the application's, and whoever writes the
 * route decides about it.
 */
function routeOf ({ policy }: McpEndpoint): McpRoute {
  return {
    config: policy.hasPublic ? { mcp: true, oauth: { token: 'optional' } } : { mcp: true },
    errorHandler (error, request, reply) {
      const refusal = toRpcRefusal(error, request.body)
      if (refusal === null) return reply.send(error)
      return reply.code(refusal.statusCode).type('application/json; charset=utf-8').send(refusal.body)
    }
  }
}

/** Every route of the scope that takes tokens: one that was forgotten must not be the way around the scopes of the tools. */
function isOfEndpoint (request: FastifyRequest): boolean {
  if (request.is404 || request.routeOptions.config.mcp === false || isPreflight(request)) return false
  return policyOf(request).token !== 'none'
}

/** The endpoint may stand in a scope within the one whose requests are asked for a token. */
function refuseOrigin (request: FastifyRequest): McpError | null {
  const { mcpEndpoint } = request.server as Partial<FastifyInstance>
  return mcpEndpoint !== undefined && isOfEndpoint(request) ? mcpEndpoint.origins.refuseOrigin(request.headers.origin) : null
}

function refuseHost (request: FastifyRequest): McpError | null {
  if (!isOfEndpoint(request)) return null
  const { host, ':authority': authority } = request.headers
  return request.server.mcpEndpoint.origins.refuseHost(host ?? (authority as string | undefined))
}

/** As with the rules of routes, a scope that the configuration does not know is likely a typing error. */
function warnOfUnknownScopes ({ oauthConfig: { resource, scopes }, log }: FastifyInstance, { policy }: McpEndpoint): void {
  if (scopes.length === 0) return
  for (const scope of policy.scopes) {
    if (!scopes.some(({ name }) => name === scope)) log.warn(`${resource}: mcp asks for ${scope}, which is not among the scopes`)
  }
}

/**
 * What an MCP endpoint needs beyond a protected route: scopes by tool, sessions that belong to somebody, streams that end
 * with the token, refusals in JSON-RPC. Every route of the scope that takes tokens is an endpoint, unless its `config.mcp`
 * is `false`.
 */
export const mcp: FastifyPluginAsync<McpOptions> = fp(plugin, {
  name: 'fastify-oauth-resource-server/mcp',
  fastify: '5.x',
  dependencies: [
    'fastify-oauth-resource-server/config', 'fastify-oauth-resource-server/challenge', 'fastify-oauth-resource-server/authenticate'
  ]
})
