import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { OAuthCall, ServerAccess } from './oauth-call.ts'
import { callEndpoint } from './oauth-call.ts'
import { tokensFrom } from './token-response.ts'

/** What a token is requested for. */
export interface TokenRequest {
  /** The resource identifier, as the resource writes it: sent as `resource` (RFC 8707), unless the access says otherwise. */
  readonly resource: string
  /** `null` leaves the scopes to the authorization server. */
  readonly scopes: readonly string[] | null
}

/**
 * Requests tokens for the client itself (RFC 6749 section 4.4). A refresh token in the response is dropped: the client can
 * repeat the request at any time.
 *
 * @throws AuthorizationError
 */
export async function requestClientCredentials (access: ServerAccess, request: TokenRequest): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, resourceAndScope(access, request), options)
    const tokens = tokensFrom(await oauth.processClientCredentialsResponse(server, client, response), request.scopes, access)
    return { ...tokens, refreshToken: null }
  })
}

/** The parameters `resource` and `scope` of a request. */
export function resourceAndScope ({ omitResource = false }: Pick<ServerAccess, 'omitResource'>, { resource, scopes }: TokenRequest): Record<string, string> {
  return { ...!omitResource && { resource }, ...scopes !== null && { scope: scopes.join(' ') } }
}

const tokenTypes = 'urn:ietf:params:oauth:token-type:'

/** The type of a token (RFC 8693 section 3): the last part of a registered one, or a URI. */
export type ExchangedTokenType = 'access_token' | 'refresh_token' | 'id_token' | 'saml2' | 'jwt' | 'id-jag' | `${string}:${string}`

/** A token that represents a party. */
export interface PresentedToken {
  readonly token: string
  readonly type: ExchangedTokenType
}

/** A token exchange (RFC 8693 section 2.1). */
export interface TokenExchange extends TokenRequest {
  /** The party on whose behalf the token is requested. */
  readonly subject: PresentedToken
  /** The acting party: with an actor the exchange is a delegation, without one it is an impersonation (RFC 8693 section 1.1). */
  readonly actor?: PresentedToken
  /** The logical name of the target service, beside `resource`. */
  readonly audience?: string
}

/**
 * Exchanges a token for one that is for another resource (RFC 8693): how a service calls the next one on behalf of its
 * caller.
 *
 * @throws AuthorizationError
 */
export async function exchangeToken (access: ServerAccess, exchange: TokenExchange): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async call => {
    const response = await requestExchange(access, call, exchange, 'access_token', false)
    return tokensFrom(response, exchange.scopes, access)
  })
}

/** A request for an identity assertion. */
export interface AssertionExchange extends TokenExchange {
  /** The issuer of the authorization server that the assertion is for. */
  readonly audience: string
}

/**
 * Requests an identity assertion for another authorization server (Identity Assertion Authorization Grant, ID-JAG) from the
 * identity provider that signed the user in. {@link requestWithAssertion} presents it.
 *
 * @returns the assertion: a secret, valid for one use
 * @throws AuthorizationError
 */
export async function requestIdentityAssertion (access: ServerAccess, exchange: AssertionExchange): Promise<string> {
  return await callEndpoint(access, 'token_endpoint', async call => {
    const response = await requestExchange(access, call, exchange, 'id-jag', true)
    if (response.issued_token_type !== `${tokenTypes}id-jag`) {
      throw new AuthorizationError('FST_OAUTH_TOKEN_TYPE_REFUSED', { message: 'the response has no identity assertion' })
    }
    return response.access_token
  })
}

async function requestExchange (
  access: ServerAccess, { oauth, server, client, authentication, options }: OAuthCall, exchange: TokenExchange, wanted: ExchangedTokenType, isAssertion: boolean
): Promise<Awaited<ReturnType<OAuthCall['oauth']['processGenericTokenEndpointResponse']>>> {
  const { subject, actor, audience } = exchange
  const parameters = {
    ...resourceAndScope(access, exchange),
    subject_token: subject.token,
    subject_token_type: uriOf(subject.type),
    ...actor !== undefined && { actor_token: actor.token, actor_token_type: uriOf(actor.type) },
    requested_token_type: uriOf(wanted),
    ...audience !== undefined && { audience }
  }
  const response = await oauth.genericTokenEndpointRequest(server, client, authentication, 'urn:ietf:params:oauth:grant-type:token-exchange', parameters, options)
  // `N_A` is the token type of what is not an access token (RFC 8693 section 2.2.1).
  return await oauth.processGenericTokenEndpointResponse(server, client, response, isAssertion ? { recognizedTokenTypes: { n_a () {} } } : undefined)
}

function uriOf (type: ExchangedTokenType): string {
  return type.includes(':') ? type : tokenTypes + type
}

/**
 * Requests tokens with a JWT as the authorization grant (RFC 7523 section 2.1): an identity assertion, or the token that a
 * platform gives to a workload. The assertion is sent once; a refusal is not retried.
 *
 * @throws AuthorizationError
 */
export async function requestWithAssertion (access: ServerAccess, request: TokenRequest & { readonly assertion: string }): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const response = await oauth.genericTokenEndpointRequest(server, client, authentication, 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      { ...resourceAndScope(access, request), assertion: request.assertion }, options)
    return tokensFrom(await oauth.processGenericTokenEndpointResponse(server, client, response), request.scopes, access)
  })
}

/**
 * Revokes tokens at the authorization server (RFC 7009): the refresh token first, with which most servers revoke the access
 * tokens as well, then the access token. A token that the server does not know counts as revoked. A server without
 * revocation, or without revocation of that type, is no failure.
 *
 * @returns whether the server has revoked all of them
 * @throws AuthorizationError `FST_OAUTH_SERVER_UNAVAILABLE`, after which it may be tried again; `FST_OAUTH_REVOCATION_FAILED`
 */
export async function revokeTokens (access: ServerAccess, { refreshToken, accessToken }: Pick<TokenSet, 'refreshToken' | 'accessToken'>): Promise<boolean> {
  if (access.server.revocation_endpoint === undefined) return false
  const isRevoked = refreshToken === null || await revoke(access, refreshToken, 'refresh_token')
  return await revoke(access, accessToken, 'access_token') && isRevoked
}

async function revoke (access: ServerAccess, token: string, hint: string): Promise<boolean> {
  try {
    await callEndpoint({ ...access, prover: null }, 'revocation_endpoint', async ({ oauth, server, client, authentication, options }) => {
      const response = await oauth.revocationRequest(server, client, authentication, token, { ...options, additionalParameters: { token_type_hint: hint } })
      await oauth.processRevocationResponse(response)
    })
    return true
  } catch (error) {
    const { code, oauthError, description, responseStatus } = error as AuthorizationError
    // RFC 7009 section 2.2.1: tokens of that type, for example JWTs, stay valid until they expire.
    if (oauthError === 'unsupported_token_type') return false
    if (code === 'FST_OAUTH_SERVER_UNAVAILABLE') throw error
    throw new AuthorizationError('FST_OAUTH_REVOCATION_FAILED', { oauthError, description, responseStatus })
  }
}
