import type * as OAuth4WebApi from 'oauth4webapi'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { RefreshOutcome } from '../../errors/client-errors.ts'
import { RefreshError } from '../../errors/client-errors.ts'
import type { Fetch } from '../../http/limited-fetch.ts'
import { fetchText } from '../../http/limited-fetch.ts'
import type { Refresh } from '../session/refresh-retries.ts'
import type { ClientAuthentication } from '../../http/client-authentication.ts'
import type { ProofOfPossession } from './dpop.ts'
import type { OAuthFailure } from './oauth-call.ts'
import { callOAuth } from './oauth-call.ts'
import { refreshTokenIn, tokensFrom } from './token-response.ts'

/** Options of {@link createRefresh}. */
export interface RefreshOptions {
  /** Metadata of the authorization server; `issuer` and `token_endpoint` are used. The endpoint is https, or on this machine. */
  readonly server: OAuth4WebApi.AuthorizationServer
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** The resource identifier of the tokens (RFC 8707); `null` for an authorization server that does not support the parameter. */
  readonly resource: string | null
  /** Proves the possession of the key that the tokens are bound to (RFC 9449). Default: they are bearer tokens. */
  readonly prover?: ProofOfPossession
  /** Makes the request, for proxies and certificates. It must not follow redirects. Default: the global `fetch`. */
  readonly fetch?: Fetch
  /** Limit for one response, in milliseconds. Default: 10000. A session has a limit of its own for the whole refresh. */
  readonly timeoutMs?: number
  /** Limit for the body of one response, in bytes. Default: 262144. */
  readonly maxBytes?: number
  readonly clock?: Clock
}

/** Every status: the body, and `Retry-After`, may say more than the status. A redirect is refused all the same. */
const readStatuses = Array.from({ length: 400 }, (_none, i) => 200 + i)

/**
 * Makes the function by which a session refreshes its tokens (RFC 6749 section 6). No scope is sent: the granted scopes
 * stay. The refresh token is sent only to the issuer that the tokens are from.
 *
 * The function throws a {@link RefreshError}, which holds nothing of request and response but the error code.
 */
export function createRefresh (options: RefreshOptions): Refresh {
  const { server, clientId, authentication, resource, prover = null, fetch = globalThis.fetch, timeoutMs = 10_000, maxBytes = 262_144, clock = systemClock } = options
  return async (tokens, signal) => {
    if ((tokens.issuer ?? server.issuer) !== server.issuer) {
      // It may be valid at its own issuer.
      throw new RefreshError('keep', { message: 'the refresh token is from another authorization server' })
    }
    const abortable: Fetch = async (url, { signal: limit, ...rest }) => await fetch(url, { ...rest, signal: AbortSignal.any([signal, limit!]) })
    return await callOAuth({
      server,
      client: { clientId, authentication },
      clock,
      prover,
      url: server.token_endpoint,
      exchange: async (url, init) => await fetchText(url, init, abortable, { timeoutMs, maxBytes }, readStatuses),
      toError: failure => refreshErrorFrom(failure, clock.now())
    }, async ({ oauth, server: as, client, authentication: auth, options: request }) => {
      const response = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refreshToken!, { ...request, ...resource !== null && { additionalParameters: { resource } } })
      return tokensFrom(await oauth.processRefreshTokenResponse(as, client, response), null, { prover, clock, server })
    })
  }
}

function refreshErrorFrom ({ fetchError, ownError, errorResponse, received, message }: OAuthFailure, now: number): RefreshError {
  if (fetchError !== null) {
    const { fault, status } = fetchError
    // A connection may succeed the next time. A redirect, or a body over the limit, would come again.
    return new RefreshError(fault === 'network' || fault === 'timeout' ? 'retry' : 'keep', { message: fault, responseStatus: status })
  }
  if (received === null) return new RefreshError('keep', { message })
  const { status, headers } = received
  const oauthError = errorResponse !== null && isErrorCode(errorResponse.error) ? errorResponse.error : null
  return new RefreshError(refreshOutcome(status, oauthError), {
    message: oauthError ?? ownError?.message ?? `status ${status}`,
    responseStatus: status,
    oauthError,
    retryAfterMs: retryAfter(headers.get('retry-after'), now),
    // A response that cannot be used may still have rotated the refresh token.
    rotatedTo: refreshTokenIn(received)
  })
}

/** Errors of the authorization server itself, which pass. */
const temporaryErrors = ['temporarily_unavailable', 'server_error', 'slow_down']
/** Errors by which the authorization server rejects the refresh token. */
const tokenErrors = ['invalid_grant', 'invalid_token']

/**
 * What a failed token request means for the session. Only an OAuth error in the body that rejects the refresh token ends
 * it (RFC 6749 section 5.2): a bare 401 or 403 may come from a firewall or a captive portal, `invalid_client` from a
 * mistake in the configuration, and neither may cost the users their sessions.
 */
function refreshOutcome (status: number, oauthError: string | null): RefreshOutcome {
  if (status >= 500 || status === 429 || status === 408) return 'retry'
  if (oauthError === null) return 'keep'
  if (temporaryErrors.includes(oauthError)) return 'retry'
  return tokenErrors.includes(oauthError) ? 'over' : 'keep'
}

/** Whether a code has the grammar of RFC 6749 section 5.2, and is short enough for a log. */
function isErrorCode (code: string): boolean {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(code)
}

/** Milliseconds from a `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3). */
function retryAfter (value: string | null, now: number): number | null {
  if (value === null) return null
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}
