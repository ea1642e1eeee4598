import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { checkPkceSupport, endpointOf } from '../discovery/server-discovery.ts'
import type { TokenRequest } from './grants.ts'
import { resourceAndScope } from './grants.ts'
import type { ServerAccess } from './oauth-call.ts'
import { callEndpoint, describedError } from './oauth-call.ts'
import { checkRedirectUri } from './redirects.ts'
import { tokensFrom } from './token-response.ts'

/** An authorization request (RFC 6749 section 4.1.1). */
export interface AuthorizationRequest extends TokenRequest {
  /** Where the browser returns to: https, or http on this machine. */
  readonly redirectUri: string
  /** The authentication that the resource requires of the user (RFC 9470 section 4). */
  readonly acrValues?: readonly string[]
  /** The longest time since the user authenticated, in seconds. */
  readonly maxAgeSeconds?: number | null
  /** Binds the code to the key of DPoP proofs (RFC 9449 section 10). */
  readonly proofKeyThumbprint?: string | null
  /** Further parameters, for example `login_hint`. They do not replace those of the protocol. */
  readonly parameters?: Readonly<Record<string, string>>
}

/**
 * The state of an authorization while the user is at the authorization server; the client keeps it. It is plain JSON, and as
 * secret as a password: bind it to the user's browser session, and delete it after use.
 */
export interface PendingAuthorization {
  /** The issuer that the response must be from (RFC 9207). */
  readonly issuer: string
  readonly clientId: string
  readonly state: string
  readonly codeVerifier: string
  readonly redirectUri: string
  readonly resource: string
  readonly scopes: readonly string[] | null
}

/** An authorization that was started. */
export interface StartedAuthorization {
  /** The URL for the user's browser. Open it without a shell. */
  readonly url: URL
  readonly pending: PendingAuthorization
}

/**
 * Starts an authorization with PKCE (RFC 7636) and `resource` (RFC 8707). Where the authorization server requires it, the
 * request is pushed first (RFC 9126).
 *
 * @throws AuthorizationError `FST_OAUTH_PKCE_UNSUPPORTED`, `FST_OAUTH_REDIRECT_URI_REFUSED`, `FST_OAUTH_ENDPOINT_MISSING`,
 * `FST_OAUTH_ADDRESS_REFUSED` and, for a pushed request, what {@link callEndpoint} throws
 */
export async function beginAuthorization (access: ServerAccess, request: AuthorizationRequest): Promise<StartedAuthorization> {
  const { server, client: { clientId }, httpClient } = access
  checkPkceSupport(server)
  checkRedirectUri(request.redirectUri)
  const url = endpointOf(server, 'authorization_endpoint', httpClient)
  const oauth = await import('oauth4webapi')
  const pending: PendingAuthorization = {
    issuer: server.issuer,
    clientId,
    state: oauth.generateRandomState(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
    redirectUri: request.redirectUri,
    resource: request.resource,
    scopes: request.scopes
  }
  const parameters = {
    // Without it, a server may ignore offline_access (OpenID Connect Core 1.0 section 11).
    ...request.scopes?.includes('offline_access') === true && { prompt: 'consent' },
    ...request.parameters,
    ...optionalParameters(request),
    ...resourceAndScope(access, request),
    response_type: 'code',
    client_id: clientId,
    redirect_uri: request.redirectUri,
    state: pending.state,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.codeVerifier),
    code_challenge_method: 'S256'
  }
  const sent = server.require_pushed_authorization_requests === true ? await push(access, parameters) : parameters
  for (const [name, value] of Object.entries(sent)) url.searchParams.set(name, value)
  return { url, pending }
}

function optionalParameters ({ acrValues = [], maxAgeSeconds = null, proofKeyThumbprint = null }: AuthorizationRequest): Record<string, string> {
  return {
    ...acrValues.length > 0 && { acr_values: acrValues.join(' ') },
    ...maxAgeSeconds !== null && { max_age: String(maxAgeSeconds) },
    ...proofKeyThumbprint !== null && { dpop_jkt: proofKeyThumbprint }
  }
}

async function push (access: ServerAccess, parameters: Record<string, string>): Promise<Record<string, string>> {
  return await callEndpoint(access, 'pushed_authorization_request_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const response = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, options)
    const { request_uri: requestUri } = await oauth.processPushedAuthorizationResponse(server, client, response)
    return { client_id: access.client.clientId, request_uri: requestUri }
  })
}

/**
 * Completes an authorization: checks the response against the request, then exchanges the code for tokens. If `state` or
 * `iss` does not match, the response is discarded, including its error (RFC 9207 section 2.4).
 *
 * @param response the URL that the browser returned to, or its query
 * @throws AuthorizationError `FST_OAUTH_RESPONSE_UNEXPECTED`, `FST_OAUTH_RESPONSE_MIXED_UP`,
 * `FST_OAUTH_AUTHORIZATION_REFUSED` and what {@link callEndpoint} throws
 */
export async function completeAuthorization (access: ServerAccess, pending: PendingAuthorization, response: URL | URLSearchParams): Promise<TokenSet> {
  const { server, client, omitResource = false } = access
  if (server.issuer !== pending.issuer || client.clientId !== pending.clientId) {
    throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED', { message: 'the authorization was started with another server or client' })
  }
  const received = response instanceof URL ? response.searchParams : response
  checkResponse(received, pending, server.authorization_response_iss_parameter_supported === true)
  return await callEndpoint(access, 'token_endpoint', async call => {
    const { oauth, authentication, options } = call
    const parameters = oauth.validateAuthResponse(call.server, call.client, received, pending.state)
    const answer = await oauth.authorizationCodeGrantRequest(call.server, call.client, authentication, parameters, pending.redirectUri, pending.codeVerifier,
      { ...options, ...!omitResource && { additionalParameters: { resource: pending.resource } } })
    return tokensFrom(await oauth.processAuthorizationCodeResponse(call.server, call.client, answer), pending.scopes, access)
  })
}

/** In this order: `state` and `iss` first, as nothing in a response of another origin may be used. */
function checkResponse (response: URLSearchParams, { state, issuer }: PendingAuthorization, mustHaveIssuer: boolean): void {
  if (['state', 'iss', 'code', 'error'].some(name => response.getAll(name).length > 1)) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
  if (response.get('state') !== state) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
  const received = response.get('iss')
  if (received === null ? mustHaveIssuer : received !== issuer) throw new AuthorizationError('FST_OAUTH_RESPONSE_MIXED_UP')
  const error = response.get('error')
  if (error !== null) {
    const description = response.get('error_description')
    throw new AuthorizationError('FST_OAUTH_AUTHORIZATION_REFUSED', describedError({ error, ...description !== null && { error_description: description } }))
  }
  if (response.get('code') === null) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
}

/** What determines the scopes of an authorization request. Each is `null` where there are none. */
export interface ScopeSources {
  /** `scope` of the challenge: the operation requires it, even if the metadata does not list it. */
  readonly challenged: readonly string[] | null
  /** `scopes_supported` of the resource's metadata. */
  readonly ofResource: readonly string[] | null
  /** The scopes that the application always requests. */
  readonly wanted: readonly string[] | null
  /** What earlier requests had: a token with more scopes must not have fewer elsewhere. */
  readonly requestedBefore: readonly string[] | null
}

/**
 * Selects the scopes to request (Model Context Protocol, scope selection and step-up): those of the challenge; else all
 * scopes of the resource; else none, which leaves the scopes to the authorization server. Wanted scopes and those of earlier
 * requests are always added.
 *
 * @returns `null` to send no `scope` parameter
 */
export function selectScopes ({ challenged, ofResource, wanted, requestedBefore }: ScopeSources): readonly string[] | null {
  const needed = challenged ?? (requestedBefore === null && wanted === null ? ofResource : null)
  return unionOf(requestedBefore, wanted, needed)
}

/** Every scope of the lists, once, in their order; `null` when there is none. */
export function unionOf (...lists: ReadonlyArray<readonly string[] | null>): readonly string[] | null {
  const scopes = new Set(lists.flatMap(list => list ?? []))
  return scopes.size === 0 ? null : [...scopes]
}

/**
 * Adds `offline_access`, if the authorization server lists it and scopes are requested at all. A resource cannot require
 * it: only the authorization server issues refresh tokens (Model Context Protocol, SEP-2207).
 */
export function withOfflineAccess (
  scopes: readonly string[] | null, ofServer: readonly string[] | undefined, wantsRefreshToken: boolean
): readonly string[] | null {
  if (scopes === null) return null
  const offered = Array.isArray(ofServer) && ofServer.includes('offline_access')
  const rest = scopes.filter(scope => scope !== 'offline_access')
  return unionOf(rest, offered && wantsRefreshToken ? ['offline_access'] : null)
}
