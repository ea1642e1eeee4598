import type * as OAuth4WebApi from 'oauth4webapi'
import { sanitizeDescription } from '../../challenge/grammar.ts'
import type { Clock } from '../../clock.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import { isLoopbackHost } from '../../identifier.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { AuthorizationErrorDetails } from '../../errors/authorization-error.ts'
import { wordsOf } from '../fetch/challenge-hint.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { toClientAuth } from './client-authentication.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ProofOfPossession } from './proof.ts'
import { isOutage } from '../discovery/resource-discovery.ts'
import type { EndpointName, ServerMetadata } from '../discovery/server-discovery.ts'
import { endpointOf } from '../discovery/server-discovery.ts'
import { isSendable, tokenResponse } from './token-response.ts'

/** What we are to one authorization server. */
export interface ClientIdentity {
  readonly clientId: string
  readonly authentication: ClientAuthentication
}

/** One client at one authorization server, and the way there. */
export interface ServerAccess {
  readonly server: ServerMetadata
  readonly client: ClientIdentity
  readonly httpClient: HttpClient
  readonly clock: Clock
  /** Proves the key that tokens are to be bound to; `null` for bearer tokens. */
  readonly prover: ProofOfPossession | null
}

export interface OAuthCall {
  readonly oauth: typeof OAuth4WebApi
  readonly server: OAuth4WebApi.AuthorizationServer
  readonly client: OAuth4WebApi.Client
  readonly authentication: OAuth4WebApi.ClientAuth
  /** For every request of oauth4webapi. */
  readonly options: {
    readonly [OAuth4WebApi.customFetch]: (url: string, init: RequestInit) => Promise<Response>
    readonly [OAuth4WebApi.allowInsecureRequests]: boolean
  }
}

/** What has a body that says something; anything else is an outage, or no authorization server. */
const meaningfulStatuses = [200, 201, 400, 401, 403]

/**
 * Makes one call of an endpoint through oauth4webapi, loaded by those alone who need it.
 *
 * @throws AuthorizationError whatever went wrong: nothing of the request or the answer, which hold secrets, gets out
 */
export async function callEndpoint<T> (access: ServerAccess, endpoint: EndpointName, call: (parts: OAuthCall) => Promise<T>): Promise<T> {
  const url = endpointOf(access.server, endpoint, access.httpClient)
  const oauth = await import('oauth4webapi')
  const { server, client: { clientId, authentication }, clock } = access
  const client: OAuth4WebApi.Client = {
    client_id: clientId,
    [oauth.clockSkew]: Math.round((clock.now() - Date.now()) / 1000)
  }
  const parts: OAuthCall = {
    oauth,
    server,
    client,
    authentication: toClientAuth(oauth, authentication),
    options: {
      [oauth.customFetch]: async (asked: string, init: RequestInit) => await send(access, asked, init),
      [oauth.allowInsecureRequests]: url.protocol === 'http:' && isLoopbackHost(url.hostname)
    }
  }
  try {
    return await call(parts).catch(async (error: unknown) => {
      // RFC 9449 section 8. The call is made anew: an assertion, too, is good for one request.
      if (access.prover === null || !oauth.isDPoPNonceError(error)) throw error
      return await call(parts)
    })
  } catch (error) {
    throw safeError(error, oauth)
  }
}

async function send ({ httpClient, prover }: ServerAccess, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (prover !== null) headers.set('dpop', await prover.proofFor(init.method!, url, null))
  const { status, headers: received, text } = await httpClient.getText(url, { ...init, headers }, meaningfulStatuses)
  const nonce = received.get('dpop-nonce')
  if (nonce !== null) prover?.sawNonce(url, nonce)
  return tokenResponse(text, status, received)
}

function safeError (error: unknown, oauth: typeof OAuth4WebApi): unknown {
  if (error instanceof AuthorizationError) return error
  if (error instanceof FetchError) {
    return new AuthorizationError(isOutage(error) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_TOKEN_RESPONSE_INVALID', { message: error.fault, responseStatus: error.status })
  }
  if (error instanceof oauth.ResponseBodyError) {
    return new AuthorizationError('FST_OAUTH_TOKEN_REQUEST_REFUSED', { ...describedError(error), responseStatus: error.status })
  }
  // A message of the library is about what is wrong, and holds nothing of what it was sent.
  return new AuthorizationError('FST_OAUTH_TOKEN_RESPONSE_INVALID', { message: (error as Error).message })
}

/** The error of an authorization server, in characters that a log and a terminal bear. */
export function describedError ({ error, error_description: text }: { error: string, error_description?: string | undefined }): AuthorizationErrorDetails {
  const oauthError = sanitizeDescription(error).slice(0, 100)
  const description = text === undefined ? null : sanitizeDescription(text).slice(0, 500)
  return { message: description === null || description === '' ? oauthError : `${oauthError} (${description})`, oauthError, description }
}

/**
 * What a token endpoint gave, as a session keeps it.
 *
 * @param asked the scopes that were asked for: an answer that names none means these (RFC 6749 section 5.1)
 * @throws AuthorizationError `FST_OAUTH_TOKEN_TYPE_REFUSED`, `FST_OAUTH_TOKEN_RESPONSE_INVALID`
 */
export function tokensFrom (
  answer: OAuth4WebApi.TokenEndpointResponse, asked: readonly string[] | null, { prover, clock, server }: Pick<ServerAccess, 'prover' | 'clock' | 'server'>
): TokenSet {
  const isBound = answer.token_type === 'dpop'
  if (isBound !== (prover !== null)) throw new AuthorizationError('FST_OAUTH_TOKEN_TYPE_REFUSED', { message: answer.token_type })
  // What it is sent in would say so, and repeat it.
  if (!isSendable(answer.access_token)) throw new AuthorizationError('FST_OAUTH_TOKEN_RESPONSE_INVALID', { message: 'the token is of characters that cannot be sent' })
  return {
    accessToken: answer.access_token,
    tokenType: isBound ? 'DPoP' : 'Bearer',
    refreshToken: answer.refresh_token ?? null,
    expiresAt: answer.expires_in === undefined ? null : clock.now() + answer.expires_in * 1000,
    scopes: wordsOf(answer.scope ?? null) ?? asked,
    issuer: server.issuer
  }
}
