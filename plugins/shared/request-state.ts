import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OAuthResourceError } from '../../lib/errors/errors.ts'
import { findOAuthResourceError } from '../../lib/errors/errors.ts'
import type { RouteConfigHolder } from '../../lib/policy/route-policies.ts'
import { compiled } from '../../lib/policy/route-policies.ts'
import type { RoutePolicy } from '../../lib/policy/route-policy.ts'
import type { AccessToken } from '../../lib/token/access-token.ts'
import type { CredentialScheme, Credentials } from '../../lib/token/credentials.ts'
import { readCredentials } from '../../lib/token/credentials.ts'

const credentials: unique symbol = Symbol('fastify-oauth-resource-server.credentials')
const policy: unique symbol = Symbol('fastify-oauth-resource-server.policy')
const verified: unique symbol = Symbol('fastify-oauth-resource-server.verified')

declare module 'fastify' {
  interface FastifyRequest {
    /** @internal */
    [credentials]?: Credentials | null
    /** @internal */
    [policy]?: RoutePolicy | null
    /** @internal */
    [verified]?: AccessToken | null
  }
}

/** Declares what the plugins of this package keep on a request, before any request exists. */
export function declareRequestState (app: FastifyInstance): void {
  if (app.hasRequestDecorator(verified)) return
  for (const state of [credentials, policy, verified]) app.decorateRequest(state, null)
}

/** What the request presented; its headers are read once. */
export function credentialsOf (request: FastifyRequest): Credentials {
  request[credentials] ??= parseCredentials(request)
  return request[credentials]
}

/** The scheme that the client used; `null` when it used none, or several. */
export function schemeOf (request: FastifyRequest): CredentialScheme | null {
  const presented = credentialsOf(request)
  switch (presented.kind) {
    case 'none': return null
    case 'malformed': return presented.scheme
    case 'bearer': return 'Bearer'
    case 'dpop': return 'DPoP'
  }
}

/** From the raw headers: Node.js makes the object of all headers only for those who read it, and takes time for it. */
function parseCredentials (request: FastifyRequest): Credentials {
  const { raw: { rawHeaders }, server: { oauthConfig: { tokenHeader } } } = request
  return readCredentials(rawHeaders, tokenHeader, policyOf(request).dpop !== 'off')
}

/**
 * The policy of the route, by the resource of the nearest scope; it is looked up once for a request.
 */
export function policyOf (request: FastifyRequest): RoutePolicy {
  request[policy] ??= compiledPolicyOf(request)
  return request[policy]
}

function compiledPolicyOf ({ routeOptions, server }: FastifyRequest): RoutePolicy {
  const config = routeOptions.config as RouteConfigHolder
  // Of a route: compiled by now, as the server is ready. Of an unrouted URL: the default, compiled at its first request.
  return config[compiled]?.policy ?? server.oauthResource.policies.policyOf(config)
}

/**
 * The access token that this package verified for the request, `null` for none. `request.accessToken` shows the same to
 * the host. A host that sets it to something else only takes the token away: another plugin may use a property of that
 * name, and must not switch verification off.
 */
export function verifiedToken (request: FastifyRequest): AccessToken | null {
  // The requests of a scope that was loaded before the plugin have no decoration.
  const accessToken = request[verified] ?? null
  return request.accessToken === accessToken ? accessToken : null
}

/** Records the outcome of a verification; `null` withdraws an earlier one. */
export function setVerifiedToken (request: FastifyRequest, accessToken: AccessToken | null): void {
  request[verified] = accessToken
  request.accessToken = accessToken
}

/** Whether the request is a CORS preflight: it has no credentials (Fetch standard, section 3.2.2), so it is asked for none. */
export function isPreflight (request: FastifyRequest): boolean {
  if (request.method !== 'OPTIONS') return false
  const { headers } = request
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** The `onError` hook that sets `request.oauthRefusal`, before those of the plugins that read it. */
export function noteRefusal (request: FastifyRequest, _reply: FastifyReply, error: Error, next: () => void): void {
  request.oauthRefusal = findOAuthResourceError(error)
  next()
}

/** The refusal of this package that the client gets with this status; `null` when the response is another one. */
export function refusalOf (request: FastifyRequest, statusCode: number): OAuthResourceError | null {
  // An error handler may have turned the refusal into another response.
  return request.oauthRefusal?.statusCode === statusCode ? request.oauthRefusal : null
}
