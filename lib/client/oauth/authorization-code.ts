import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { checkRedirectUri } from './redirect-uri.ts'
import { checkPkceSupport, endpointOf } from '../discovery/server-discovery.ts'
import type { TokenRequest } from './grants.ts'
import { resourceAndScope } from './grants.ts'
import type { ServerAccess } from './oauth-call.ts'
import { callEndpoint, describedError, tokensFrom } from './oauth-call.ts'

export interface AuthorizationRequest extends TokenRequest {
  /** Where the browser comes back to: https, or this machine. */
  readonly redirectUri: string
  /** What a resource asks for of the user's authentication (RFC 9470 section 4). */
  readonly acrValues?: readonly string[]
  readonly maxAgeSeconds?: number | null
  /** Binds the code to the key of proofs (RFC 9449 section 10). */
  readonly proofKeyThumbprint?: string | null
  /** Parameters of your own, `login_hint` for instance; those of the protocol are not replaced. */
  readonly parameters?: Readonly<Record<string, string>>
}

/**
 * What is to be remembered while the user is away, on the server that sent them: it is plain JSON, and as secret as a
 * password. Forget it when it is used.
 */
export interface PendingAuthorization {
  /** Who was asked; the answer is compared with it (RFC 9207). */
  readonly issuer: string
  readonly clientId: string
  readonly state: string
  readonly codeVerifier: string
  readonly redirectUri: string
  readonly resource: string
  readonly scopes: readonly string[] | null
}

export interface StartedAuthorization {
  /** Where to send the user's browser. Open it without a shell. */
  readonly url: URL
  readonly pending: PendingAuthorization
}

/**
 * Starts an authorization with PKCE (RFC 7636) and a `resource` (RFC 8707). The request is pushed first where the
 * authorization server takes no other (RFC 9126).
 *
 * @throws AuthorizationError `FST_OAUTH_PKCE_UNSUPPORTED`, `FST_OAUTH_REDIRECT_URI_REFUSED`, `FST_OAUTH_ENDPOINT_MISSING`, `FST_OAUTH_ADDRESS_REFUSED` and, of a pushed request, what {@link callEndpoint} throws
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
    // OpenID Connect Core 1.0 section 11: without it, the scope is ignored.
    ...request.scopes?.includes('offline_access') === true && { prompt: 'consent' },
    ...request.parameters,
    ...optionalParameters(request),
    ...resourceAndScope(request.resource, request.scopes),
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
 * Finishes an authorization: holds what came back against what was sent, then trades the code for tokens. Nothing of an
 * answer from somebody else is acted on or shown, its error included (RFC 9207 section 2.4).
 *
 * @param answer the URL that the browser came back to, or its query
 * @throws AuthorizationError `FST_OAUTH_RESPONSE_UNEXPECTED`, `FST_OAUTH_RESPONSE_MIXED_UP`, `FST_OAUTH_AUTHORIZATION_REFUSED` and what {@link callEndpoint} throws
 */
export async function completeAuthorization (access: ServerAccess, pending: PendingAuthorization, answer: URL | URLSearchParams): Promise<TokenSet> {
  const { server, client } = access
  if (server.issuer !== pending.issuer || client.clientId !== pending.clientId) {
    throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED', { message: 'it was begun elsewhere' })
  }
  const received = answer instanceof URL ? answer.searchParams : answer
  checkAnswer(received, pending, server.authorization_response_iss_parameter_supported === true)
  return await callEndpoint(access, 'token_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const parameters = oauth.validateAuthResponse(server, client, received, pending.state)
    const response = await oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, pending.redirectUri, pending.codeVerifier,
      { ...options, additionalParameters: { resource: pending.resource } })
    return tokensFrom(await oauth.processAuthorizationCodeResponse(server, client, response), pending.scopes, access)
  })
}

/** Whose answer it is comes first, and only then what it says. */
function checkAnswer (answer: URLSearchParams, { state, issuer }: PendingAuthorization, sendsIssuer: boolean): void {
  if (['state', 'iss', 'code', 'error'].some(name => answer.getAll(name).length > 1)) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
  if (answer.get('state') !== state) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
  const received = answer.get('iss')
  if (received === null ? sendsIssuer : received !== issuer) throw new AuthorizationError('FST_OAUTH_RESPONSE_MIXED_UP')
  const error = answer.get('error')
  if (error !== null) {
    const description = answer.get('error_description')
    throw new AuthorizationError('FST_OAUTH_AUTHORIZATION_REFUSED', describedError({ error, ...description !== null && { error_description: description } }))
  }
  if (answer.get('code') === null) throw new AuthorizationError('FST_OAUTH_RESPONSE_UNEXPECTED')
}
