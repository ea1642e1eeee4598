import type * as OAuth4WebApi from 'oauth4webapi'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import type { Fetch, FetchedText } from '../../http/limited-fetch.ts'
import { fetchText } from '../../http/limited-fetch.ts'
import { isLoopbackHost } from '../../identifier.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { toClientAuth } from './client-authentication.ts'
import { RefreshError } from '../../errors/client-errors.ts'
import type { ProofOfPossession } from './proof.ts'
import type { Refresh } from '../session/refresh-attempts.ts'
import { isTokenErrorCode, refreshOutcome } from '../session/refresh-outcome.ts'
import { isSendable, refreshTokenIn, tokenResponse } from './token-response.ts'

export interface RefreshOptions {
  /** The metadata of the authorization server; `issuer` and `token_endpoint` are what is needed of it. */
  readonly server: OAuth4WebApi.AuthorizationServer
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** The resource that the tokens are for (RFC 8707); `null` where the authorization server knows no such thing. */
  readonly resource: string | null
  /** Proves the key that the tokens are bound to. Default: they are bearer tokens. */
  readonly prover?: ProofOfPossession
  /** Makes the request, for proxies and certificates. It is not to follow redirects. Default: the global one. */
  readonly fetch?: Fetch
  /** For one answer, in milliseconds. Default: 10000. A session has a limit of its own for the whole request. */
  readonly timeoutMs?: number
  /** Of one answer. Default: 262144. */
  readonly maxBytes?: number
  readonly clock?: Clock
}

/** Whatever the status is, the body may say more. */
const everyStatus = Array.from({ length: 400 }, (_none, i) => 200 + i).filter(status => status < 300 || status >= 400)

/**
 * Renews tokens by their refresh token (RFC 6749 section 6), for a session. No scope is asked for: what was granted is
 * granted again, and more takes another authorization. A refresh token goes to the issuer that it is from, and to none
 * else.
 *
 * What it throws is a {@link RefreshError}, which holds nothing of what was sent.
 */
export function createRefresh (options: RefreshOptions): Refresh {
  const { server, prover, clock = systemClock } = options
  return async (tokens, signal) => {
    if ((tokens.issuer ?? server.issuer) !== server.issuer) {
      // It may be good there: what is wrong is who it would be shown to.
      throw new RefreshError('keep', { message: 'the refresh token is of another authorization server' })
    }
    // Loaded by those alone who renew.
    const oauth = await import('oauth4webapi')
    const { answer, received } = await ask(options, tokens.refreshToken!, oauth, signal)
    const isBound = answer.token_type === 'dpop'
    if (isBound !== (prover !== undefined)) {
      throw unusable(`the token is of type ${isBound ? 'DPoP' : 'Bearer'}`, received)
    }
    // What it is sent in would say so, and repeat it.
    if (!isSendable(answer.access_token)) throw unusable('the token is of characters that cannot be sent', received)
    return {
      accessToken: answer.access_token,
      tokenType: isBound ? 'DPoP' : 'Bearer',
      refreshToken: answer.refresh_token ?? null,
      expiresAt: answer.expires_in === undefined ? null : clock.now() + answer.expires_in * 1000,
      scopes: answer.scope?.split(' ') ?? null,
      issuer: server.issuer,
      refreshableUntil: refreshableUntil(answer, clock.now())
    }
  }
}

/** Tokens that are of no use here. The refresh token that came with them may be the only one that is good from now on. */
function unusable (message: string, { status, text }: FetchedText): RefreshError {
  return new RefreshError('keep', { message, responseStatus: status, rotatedTo: refreshTokenIn(text, status) })
}

interface Answered {
  readonly answer: OAuth4WebApi.TokenEndpointResponse
  readonly received: FetchedText
}

async function ask (options: RefreshOptions, refreshToken: string, oauth: typeof OAuth4WebApi, signal: AbortSignal): Promise<Answered> {
  const { server, clientId, authentication, resource, prover, fetch = globalThis.fetch, timeoutMs = 10_000, maxBytes = 262_144, clock = systemClock } = options
  const client: OAuth4WebApi.Client = { client_id: clientId, [oauth.clockSkew]: Math.round((clock.now() - Date.now()) / 1000) }
  let received: FetchedText | null = null

  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (prover !== undefined) headers.set('dpop', await prover.proofFor('POST', url, null))
    const abortable: Fetch = async (asked, { signal: limit, ...rest }) => await fetch(asked, { ...rest, signal: AbortSignal.any([signal, limit!]) })
    received = await fetchText(url, { ...init, headers }, abortable, { timeoutMs, maxBytes }, everyStatus)
    const nonce = received.headers.get('dpop-nonce')
    if (nonce !== null) prover?.sawNonce(url, nonce)
    return tokenResponse(received.text, received.status, received.headers)
  }
  const request = async (): Promise<OAuth4WebApi.TokenEndpointResponse> => {
    const response = await oauth.refreshTokenGrantRequest(server, client, toClientAuth(oauth, authentication), refreshToken, {
      ...resource !== null && { additionalParameters: { resource } },
      [oauth.customFetch]: send,
      [oauth.allowInsecureRequests]: isLoopback(server.token_endpoint)
    })
    return await oauth.processRefreshTokenResponse(server, client, response)
  }
  try {
    const answer = await request().catch(async (error: unknown) => {
      // RFC 9449 section 8. The request is made anew: an assertion, too, is good for one.
      if (prover === undefined || !oauth.isDPoPNonceError(error)) throw error
      return await request()
    })
    return { answer, received: received! }
  } catch (error) {
    throw refreshErrorFrom(error, received, clock.now(), oauth)
  }
}

/** What a library throws holds requests and answers. Of those nothing but the error code gets on. */
function refreshErrorFrom (error: unknown, received: FetchedText | null, now: number, oauth: typeof OAuth4WebApi): RefreshError {
  if (error instanceof FetchError) {
    const { fault, status } = error
    // A redirect, or more than any token answer has, comes again; a connection may come about the next time.
    return new RefreshError(fault === 'network' || fault === 'timeout' ? 'retry' : 'keep', { message: fault, responseStatus: status })
  }
  if (received === null) return new RefreshError('keep', { message: (error as Error).message })
  const { status, headers, text } = received
  const code = error instanceof oauth.ResponseBodyError && isTokenErrorCode(error.error) ? error.error : null
  return new RefreshError(refreshOutcome(status, code), {
    message: code ?? `status ${status}`,
    responseStatus: status,
    oauthError: code,
    retryAfterMs: retryAfter(headers.get('retry-after'), now),
    rotatedTo: refreshTokenIn(text, status)
  })
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfter (value: string | null, now: number): number | null {
  if (value === null) return null
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}

/** How long this refresh token, and the authorization behind it, are good for: seconds, where the answer says so. */
function refreshableUntil (answer: OAuth4WebApi.TokenEndpointResponse, now: number): number | null {
  const seconds = [answer.refresh_token_timeout, answer.authorization_expires_in]
    .filter(value => typeof value === 'number' && Number.isFinite(value) && value >= 0)
  return seconds.length === 0 ? null : now + Math.min(...seconds as number[]) * 1000
}

function isLoopback (url: string | undefined): boolean {
  return url !== undefined && URL.canParse(url) && isLoopbackHost(new URL(url).hostname)
}
