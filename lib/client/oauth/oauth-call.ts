import type * as OAuth4WebApi from 'oauth4webapi'
import { sanitizeDescription } from '../../challenge/grammar.ts'
import type { Clock } from '../../clock.ts'
import type { AuthorizationErrorDetails } from '../../errors/authorization-error.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import { isOutage } from '../../http/http-client.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { FetchedText } from '../../http/limited-fetch.ts'
import { isLoopbackHost } from '../../identifier.ts'
import type { EndpointName, ServerMetadata } from '../discovery/server-discovery.ts'
import { endpointOf } from '../discovery/server-discovery.ts'
import type { ClientAuthentication } from '../../http/client-authentication.ts'
import { toClientAuth } from '../../http/client-authentication.ts'
import type { ProofOfPossession } from './dpop.ts'
import { withoutIdToken } from './token-response.ts'

/** A client as one authorization server knows it. */
export interface ClientIdentity {
  readonly clientId: string
  readonly authentication: ClientAuthentication
}

/** One client at one authorization server, and how to reach that server. */
export interface ServerAccess {
  readonly server: ServerMetadata
  readonly client: ClientIdentity
  readonly httpClient: HttpClient
  readonly clock: Clock
  /** Proves the possession of the key that tokens are bound to (RFC 9449); `null` for bearer tokens. */
  readonly prover: ProofOfPossession | null
  /** Whether the `resource` parameter of RFC 8707 is left out, for a server that refuses it. Default: false. */
  readonly omitResource?: boolean
}

/** What one request through oauth4webapi needs. */
export interface OAuthCall {
  readonly oauth: typeof OAuth4WebApi
  readonly server: OAuth4WebApi.AuthorizationServer
  readonly client: OAuth4WebApi.Client
  readonly authentication: OAuth4WebApi.ClientAuth
  /** Options for every request of oauth4webapi. */
  readonly options: {
    readonly [OAuth4WebApi.customFetch]: (url: string, init: RequestInit) => Promise<Response>
    readonly [OAuth4WebApi.allowInsecureRequests]: boolean
  }
}

/** How a call reaches its endpoint. */
export interface OAuthCallOptions extends Pick<ServerAccess, 'server' | 'client' | 'clock' | 'prover'> {
  /** The endpoint: http is allowed only if it is on this machine. */
  readonly url: string | undefined
  /** Sends one request and reads the response, within its limits. */
  readonly exchange: (url: string, init: RequestInit) => Promise<FetchedText>
  /** Makes the error to throw: what the library throws holds request and response, and with them secrets. */
  readonly toError: (failure: OAuthFailure) => Error
}

/** Why a call failed. At most one of `fetchError`, `ownError` and `errorResponse` is there. */
export interface OAuthFailure {
  /** No response came, or none that is read. */
  readonly fetchError: FetchError | null
  /** An error of this package. */
  readonly ownError: AuthorizationError | null
  /** The error response of RFC 6749 section 5.2. */
  readonly errorResponse: { readonly error: string, readonly error_description?: string | undefined } | null
  /** The last response, also if its status is an error. */
  readonly received: FetchedText | null
  /** What is wrong, without secrets. */
  readonly message: string
}

/**
 * Makes one OAuth request through oauth4webapi, which is loaded only here. A server that asks for a DPoP nonce gets the
 * request once more with it (RFC 9449 section 8); the request is built anew, as a client assertion is valid for one request.
 *
 * @throws what `toError` makes of the failure
 */
export async function callOAuth<T> (given: OAuthCallOptions, call: (parts: OAuthCall) => Promise<T>): Promise<T> {
  const { server, client: { clientId, authentication }, clock, prover, url, exchange, toError } = given
  const oauth = await import('oauth4webapi')
  let received: FetchedText | null = null

  const send = async (asked: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (prover !== null) headers.set('dpop', await prover.proofFor(init.method!, asked, null))
    received = await exchange(asked, { ...init, headers })
    const nonce = received.headers.get('dpop-nonce')
    if (nonce !== null) prover?.sawNonce(asked, nonce)
    return withoutIdToken(received)
  }
  const parts: OAuthCall = {
    oauth,
    server,
    client: { client_id: clientId, [oauth.clockSkew]: Math.round((clock.now() - Date.now()) / 1000) },
    authentication: toClientAuth(oauth, authentication),
    options: { [oauth.customFetch]: send, [oauth.allowInsecureRequests]: isOnLoopback(url) }
  }
  try {
    return await call(parts).catch(async (error: unknown) => {
      if (prover === null || !oauth.isDPoPNonceError(error)) throw error
      return await call(parts)
    })
  } catch (error) {
    throw toError({
      fetchError: error instanceof FetchError ? error : null,
      ownError: error instanceof AuthorizationError ? error : null,
      errorResponse: error instanceof oauth.ResponseBodyError ? error : null,
      received,
      message: (error as Error).message
    })
  }
}

function isOnLoopback (url: string | undefined): boolean {
  return url !== undefined && URL.canParse(url) && isLoopbackHost(new URL(url).hostname)
}

/** Statuses whose body is read. Any other status is an outage, or comes from no authorization server. */
const readStatuses = [200, 201, 400, 401, 403]

/**
 * Makes one OAuth request to an endpoint of the authorization server's metadata.
 *
 * @throws AuthorizationError for every failure; it holds nothing of request and response but the error code and its description
 */
export async function callEndpoint<T> (access: ServerAccess, endpoint: EndpointName, call: (parts: OAuthCall) => Promise<T>): Promise<T> {
  const { httpClient } = access
  const url = endpointOf(access.server, endpoint, httpClient).href
  return await callOAuth({ ...access, url, exchange: async (asked, init) => await httpClient.getText(asked, init, readStatuses), toError: authorizationErrorFrom }, call)
}

function authorizationErrorFrom ({ fetchError, ownError, errorResponse, received, message }: OAuthFailure): AuthorizationError {
  if (ownError !== null) return ownError
  if (fetchError !== null) {
    const code = isOutage(fetchError) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_TOKEN_RESPONSE_INVALID'
    return new AuthorizationError(code, { message: fetchError.fault, responseStatus: fetchError.status })
  }
  if (errorResponse !== null) {
    return new AuthorizationError('FST_OAUTH_TOKEN_REQUEST_REFUSED', { ...describedError(errorResponse), responseStatus: received!.status })
  }
  return new AuthorizationError('FST_OAUTH_TOKEN_RESPONSE_INVALID', { message })
}

/** The error response of an authorization server, in characters that are safe for a log and a terminal. */
export function describedError ({ error, error_description: text }: NonNullable<OAuthFailure['errorResponse']>): AuthorizationErrorDetails {
  const oauthError = sanitizeDescription(error).slice(0, 100)
  const description = text === undefined ? null : sanitizeDescription(text).slice(0, 500)
  return { message: description === null || description === '' ? oauthError : `${oauthError} (${description})`, oauthError, description }
}
