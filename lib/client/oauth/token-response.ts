import type * as OAuth4WebApi from 'oauth4webapi'
import type { Clock } from '../../clock.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { FetchedText } from '../../http/limited-fetch.ts'
import { parseJson } from '../../parse-json.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { wordsOf } from '../fetch/classify.ts'

/** What has to be known of a request to read its response. */
export interface ResponseContext {
  readonly server: { readonly issuer: string }
  /** `null`: bearer tokens were requested. */
  readonly prover: object | null
  readonly clock: Clock
}

/**
 * The tokens of a token response (RFC 6749 section 5.1).
 *
 * @param requested the scopes of the request: a response without `scope` has granted these
 * @throws AuthorizationError `FST_OAUTH_TOKEN_TYPE_REFUSED`, `FST_OAUTH_TOKEN_RESPONSE_INVALID`
 */
export function tokensFrom (
  response: OAuth4WebApi.TokenEndpointResponse, requested: readonly string[] | null, { prover, clock, server }: ResponseContext
): TokenSet {
  const isBound = response.token_type === 'dpop'
  if (isBound !== (prover !== null)) throw new AuthorizationError('FST_OAUTH_TOKEN_TYPE_REFUSED', { message: `its type is ${isBound ? 'DPoP' : 'Bearer'}` })
  if (!isSendable(response.access_token)) throw new AuthorizationError('FST_OAUTH_TOKEN_RESPONSE_INVALID', { message: 'the access token has characters that cannot be sent' })
  const now = clock.now()
  return {
    accessToken: response.access_token,
    tokenType: isBound ? 'DPoP' : 'Bearer',
    refreshToken: response.refresh_token ?? null,
    expiresAt: response.expires_in === undefined ? null : now + response.expires_in * 1000,
    scopes: wordsOf(response.scope ?? null) ?? requested,
    issuer: server.issuer,
    refreshableUntil: refreshableUntil(response, now)
  }
}

/** How long the refresh token, and the authorization behind it, are valid, where the response says so in seconds. */
function refreshableUntil (response: OAuth4WebApi.TokenEndpointResponse, now: number): number | null {
  const seconds = [response.refresh_token_timeout, response.authorization_expires_in]
    .filter(value => typeof value === 'number' && Number.isFinite(value) && value >= 0)
  return seconds.length === 0 ? null : now + Math.min(...seconds as number[]) * 1000
}

/**
 * The response for oauth4webapi, without two parts that this package does not use. An ID token that cannot be checked, as
 * its algorithm is not in the metadata, would make the library refuse the whole response, and its tokens would be lost.
 * A challenge would be reported in the place of the error in the body, which says more.
 */
export function withoutIdToken ({ text, status, headers }: FetchedText): Response {
  const body = membersOf(text)
  const kept = new Headers(headers)
  kept.delete('www-authenticate')
  if (!Object.hasOwn(body, 'id_token')) return new Response(text, { status, headers: kept })
  const { id_token: _unused, ...rest } = body
  return new Response(JSON.stringify(rest), { status, headers: kept })
}

/**
 * The refresh token of a successful response, even if the response is invalid otherwise: the refresh token that was sent
 * may be used up by then. `null` where there is none.
 */
export function refreshTokenIn ({ text, status }: Pick<FetchedText, 'text' | 'status'>): string | null {
  const value = status === 200 ? membersOf(text).refresh_token : null
  return typeof value === 'string' && isSendable(value) ? value : null
}

/**
 * Whether a token consists of characters that a header may have (RFC 6749 appendix A.12 and A.17). With any other, the
 * error of the request would quote the token.
 */
export function isSendable (token: string): boolean {
  return /^[\x20-\x7e]+$/.test(token)
}

/** The members of the JSON object that a response consists of. Another text has no `id_token` and no `refresh_token`. */
function membersOf (text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(parseJson(text)) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
