import { Readable } from 'node:stream'
import type { FastifyContextConfig, FastifyError, FastifyInstance, FastifyPluginAsync, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceError } from '../lib/errors/errors.ts'
import { OptionError, withoutStackTrace } from '../lib/errors/errors.ts'
import { McpError } from '../lib/errors/mcp-errors.ts'
import type { McpEndpoint } from '../lib/mcp/endpoint.ts'
import { createMcpEndpoint, hasMessage } from '../lib/mcp/endpoint.ts'
import { parseForwardedBody } from '../lib/mcp/forwarded-body.ts'
import type { McpOptions } from '../lib/mcp/options.ts'
import { readBody } from '../lib/mcp/read-body.ts'
import { challengeNamesScopes, toRpcRefusal, toToolRefusal, withRequiredScopes } from '../lib/mcp/refusal.ts'
import type { McpSecurityScheme } from '../lib/mcp/policy.ts'
import type { McpStream } from '../lib/mcp/streams.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import { scopesToAskFor } from '../lib/policy/scopes.ts'
import type { AccessToken } from '../lib/token/access-token.ts'
import { toAuthInfo } from '../lib/token/auth-info.ts'
import { isPreflight, policyOf, verifiedToken } from './shared/request-state.ts'

const readMessage: unique symbol = Symbol('fastify-oauth-resource-server.mcp-message')

/** The part of a reply that answers with a refusal: the same over HTTP/1.1 and HTTP/2. */
export interface McpReply {
  code (statusCode: number): McpReply
  type (contentType: string): McpReply
  send (payload?: unknown): unknown
  oauthChallengeHeaders (error?: OAuthResourceError): Readonly<Record<string, string | string[]>>
}

/** What the route of an MCP endpoint spreads. */
export interface McpRoute {
  config: FastifyContextConfig
  errorHandler: (error: FastifyError, request: McpRefusedRequest, reply: McpReply) => unknown
}

/** The part of a request that the refusal of it depends on. */
export interface McpRefusedRequest {
  readonly body: unknown
  readonly oauthRefusal: OAuthResourceError | null
  /** @internal */
  readonly [readMessage]?: unknown
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * For the route of the endpoint: `app.route({ ...app.mcpRoute, url: '/mcp', … })`. Refusals of that route have JSON-RPC
     * bodies and, where a tool is public, requests without a token are let through to what is public.
     */
    readonly mcpRoute: McpRoute
    /**
     * The tools that this request may call, for a response to `tools/list` that hides the others. Such a response is
     * `cacheScope: 'private'`. It protects nothing: each call is checked.
     */
    readonly mcpVisibleTools: <T extends string | { readonly name: string }>(request: { readonly accessToken: AccessToken | null }, tools: readonly T[]) => T[]
    /**
     * What a call of the tool requires, as `securitySchemes` of a tool in a response to `tools/list`: `noauth` for a public
     * tool, `oauth2` with its scopes for another, nothing for one that is not declared.
     */
    readonly mcpSecuritySchemes: (tool: string) => McpSecurityScheme[]
    /** Ends the open streams that the predicate selects, those of a revoked token for instance; returns how many. */
    readonly closeMcpStreams: (predicate: (stream: McpStream) => boolean) => number
    /** The parts of the endpoint, for code that has no request. */
    readonly mcpEndpoint: McpEndpoint
  }
  interface FastifyRequest {
    /**
     * Records the user and client of this request as the owner of a new session: for `onsessioninitialized` of the SDK's
     * transport. For every other user and client the session does not exist from then on.
     */
    bindMcpSession (sessionId: string): Promise<void>
    /** @internal The message of a request whose body was read here and not by a parser of the host. */
    [readMessage]?: unknown
  }
  interface FastifyContextConfig {
    /** `false`: this route of the scope is not an MCP endpoint. Default: it is one, unless it takes no token (`oauth: false`). */
    mcp?: boolean
  }
}

const json = 'application/json; charset=utf-8'

/** The DPoP extension of MCP (SEP-1932): `iat` within five minutes, either way. */
const mcpProofWindowMs = 300_000

/** To name the scopes of a call in a refusal, a body is read up to this size and for this long. */
const refusedBody = { maxBytes: 65_536, maxMs: 1000 }

const plugin: FastifyPluginAsync<McpOptions> = async (app, options) => {
  if (app.hasDecorator('mcpEndpoint')) {
    throw new OptionError('mcp is already registered in this scope or in one around it; register each endpoint in a child plugin of its own')
  }
  const endpoint = createMcpEndpoint(ownOptions(options), app.oauthConfig)
  const { policy, streams } = endpoint
  app.oauthResource.policies.addRequiredScopes(policy.requiredScopes)
  app.oauthResource.expectProofsAhead(mcpProofWindowMs)

  app.decorate('mcpEndpoint', endpoint)
  app.decorate('mcpRoute', routeOf(endpoint))
  app.decorate('mcpVisibleTools', (request, tools) =>
    tools.filter(tool => policy.mayCall(typeof tool === 'string' ? tool : tool.name, request.accessToken)))
  app.decorate('mcpSecuritySchemes', tool => policy.securitySchemesOf(tool))
  app.decorate('closeMcpStreams', predicate => streams.close(predicate))
  if (!app.hasRequestDecorator('bindMcpSession')) {
    app.decorateRequest(readMessage, undefined)
    app.decorateRequest('bindMcpSession', async function (this: FastifyRequest, sessionId: string) {
      await this.server.mcpEndpoint.sessions.bind(sessionId, verifiedToken(this))
    })
  }
  app.addHook('onRoute', route => { setErrorHandler(route, app.mcpRoute) })
  // Before the token is checked: a page of another origin does not even hear that it needs one.
  app.oauthPreChecks.add(refuseOrigin)
  // After it: a 401 has its challenge whatever the Host, as the challenge comes from the configuration.
  app.addHook('onRequest', (request, _reply, next) => {
    next(refuseHost(request) ?? undefined)
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!isEndpoint(request) || !hasMessage(request.method) || request.server.hasContentTypeParser('application/json')) return payload
    return await readForwarded(request, payload as Readable)
  })
  // As soon as there is a body, and before the handler: the SDK writes to the raw response, which passes no hook.
  app.addHook('preValidation', async (request, reply) => {
    if (!isEndpoint(request)) return
    const { method, headers, raw } = request
    const accessToken = verifiedToken(request)
    await endpoint.authorize({ method, headers, body: messageOf(request), accessToken }, reply.raw)
    // Where the transports of the SDKs, 1.x and 2.x alike, look for it. The token itself is not in it.
    if (accessToken !== null) Object.assign(raw, { auth: toAuthInfo(accessToken, request.server.oauthConfig) })
  })
  app.addHook('onError', async request => {
    const refusal = request.oauthRefusal
    if (refusal === null || !challengeNamesScopes(refusal) || !isEndpoint(request)) return
    const { scopes } = policyOf(request)
    if (messageOf(request) === undefined) request[readMessage] = await readRefused(request)
    request.oauthRefusal = withRequiredScopes(refusal, [
      ...scopes === null ? [] : scopesToAskFor(scopes), ...endpoint.scopesOf(messageOf(request))
    ])
  })
}

/**
 * The error handler of a route is an option of that route, and falls back to the one of its scope, which is the host's to
 * set.
 */
function routeOf ({ policy, challengesInResults }: McpEndpoint): McpRoute {
  return {
    config: policy.hasPublic ? { mcp: true, oauth: { token: 'optional' } } : { mcp: true },
    errorHandler (error, request, reply) {
      const { oauthRefusal } = request
      if (challengesInResults && oauthRefusal !== null && challengeNamesScopes(oauthRefusal)) {
        const { 'www-authenticate': challenge = [] } = reply.oauthChallengeHeaders(oauthRefusal)
        const result = toToolRefusal(oauthRefusal, messageOf(request), challenge)
        if (result !== null) return reply.code(200).type(json).send(result)
      }
      const refusal = toRpcRefusal(error, messageOf(request))
      if (refusal === null) return reply.send(error)
      return reply.code(refusal.statusCode).type(json).send(refusal.body)
    }
  }
}

/** For routes that another plugin adds, which take `config` and no error handler: `forward` among them. */
function setErrorHandler (route: RouteOptions, { errorHandler }: McpRoute): void {
  if (route.config?.mcp === true) route.errorHandler ??= errorHandler as NonNullable<RouteOptions['errorHandler']>
}

/** A parser of the host gives `null` for a body that it does not read. */
function messageOf (request: McpRefusedRequest): unknown {
  return request[readMessage] ?? request.body ?? undefined
}

/**
 * Where the host does not parse bodies, it passes them on as they come, to another server for instance. The message is
 * read here then, and the same bytes go on.
 */
async function readForwarded (request: FastifyRequest, payload: Readable): Promise<Readable> {
  if (request.headers['content-encoding'] !== undefined) throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_INVALID'))
  const bytes = await readBody(payload, request.routeOptions.bodyLimit!).catch(() => {
    throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_INVALID'))
  })
  if (bytes === null) throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_TOO_LARGE'))
  request[readMessage] = parseForwardedBody(bytes)
  return Readable.from([bytes], { objectMode: false })
}

/** The message of a request that was refused before its body was read; undefined where that cannot be known. */
async function readRefused ({ method, raw }: FastifyRequest): Promise<unknown> {
  if (!hasMessage(method) || raw.readableDidRead || Number(raw.headers['content-length'] ?? 0) > refusedBody.maxBytes) return undefined
  try {
    return parseForwardedBody(await readBody(raw, refusedBody.maxBytes, refusedBody.maxMs) ?? Buffer.alloc(0))
  } catch {
    return undefined
  }
}

/** Every route of the scope that takes tokens: a route that the host forgot to declare must not be a way around the scopes of tools. */
function isEndpoint (request: FastifyRequest): boolean {
  if (request.is404 || request.routeOptions.config.mcp === false || isPreflight(request)) return false
  return policyOf(request).token !== 'none'
}

/** The endpoint may be registered in a child of the scope whose requests are asked for a token. */
function refuseOrigin (request: FastifyRequest): McpError | null {
  const { mcpEndpoint } = request.server as Partial<FastifyInstance>
  return mcpEndpoint !== undefined && isEndpoint(request) ? mcpEndpoint.origins.refuseOrigin(request.headers.origin) : null
}

function refuseHost (request: FastifyRequest): McpError | null {
  if (!isEndpoint(request)) return null
  const { host, ':authority': authority } = request.headers
  return request.server.mcpEndpoint.origins.refuseHost(host ?? (authority as string | undefined))
}

/**
 * What an MCP endpoint needs beyond a protected route: scopes by tool, prompt and resource, sessions that belong to a user
 * and a client, streams that end with their token, refusals in JSON-RPC. Every route of the scope that takes tokens is an
 * endpoint, unless its `config.mcp` is `false`.
 */
export const mcp: FastifyPluginAsync<McpOptions> = fp(plugin, {
  name: 'fastify-oauth-resource-server/mcp',
  fastify: '5.x',
  dependencies: [
    'fastify-oauth-resource-server/config', 'fastify-oauth-resource-server/challenge', 'fastify-oauth-resource-server/authenticate'
  ]
})
