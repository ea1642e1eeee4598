import { errorTable } from '../errors/error-table.ts'
import type { GrantDecision } from './check-grant.ts'

/** Where an authorization request that is refused leads back to (RFC 6749 section 4.1.2.1). */
export interface RefusalRedirect {
  /** A redirect URI that the client registered: the host has checked that. It is used as the string it is. */
  readonly redirectUri: string
  /** Of the authorization request, as it came. Default: it had none. */
  readonly state?: string | null
  /** The issuer identifier of the authorization server (RFC 9207 section 2). */
  readonly issuer: string
  /** Default: `query`. */
  readonly responseMode?: 'query' | 'fragment'
}

/** How a grant that may not be made is answered. */
export type GrantRefusalOptions =
  /** A redirect back to the client. Give it only when the redirect URI is one that the client registered. */
  | RefusalRedirect
  /** `access_denied` (default) with 403, or `invalid_grant` with 400, as a token endpoint answers (RFC 6749 section 5.2). */
  | { readonly error: 'access_denied' | 'invalid_grant' }

/** The response to a grant that may not be made. */
export interface GrantRefusal {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  /** Where the response leads; `null` when it is `body`. */
  readonly location: string | null
  readonly body: { readonly error: string, readonly error_description: string }
}

const retryAfterSeconds = 5

/**
 * Says how a refusal is answered. A check that could not be completed is 503 with `Retry-After` and `temporarily_unavailable`,
 * whatever the options say; every other refusal is `access_denied` or `invalid_grant`. It names no organization.
 *
 * @throws TypeError for a redirect URI with a fragment (RFC 6749 section 3.1.2), or with characters that no URI has
 */
export function grantRefusal ({ reason }: Pick<GrantDecision, 'reason'>, options: GrantRefusalOptions = { error: 'access_denied' }): GrantRefusal {
  const unavailable = reason === 'lookup_failed'
  const denied = 'redirectUri' in options ? 'access_denied' : options.error
  const body = unavailable
    ? { error: 'temporarily_unavailable', error_description: 'Whether this authorization is allowed could not be checked' }
    : { error: denied, error_description: errorTable.FST_OAUTH_ACCESS_DENIED.message }
  const headers = { 'cache-control': 'no-store' }
  if ('redirectUri' in options) {
    // Never 307, which would send the body of the request on to the client (RFC 9700 section 4.12).
    return { statusCode: 303, headers, location: refusalLocation(options, body.error, body.error_description), body }
  }
  if (unavailable) return { statusCode: 503, headers: { ...headers, 'retry-after': String(retryAfterSeconds) }, location: null, body }
  return { statusCode: denied === 'invalid_grant' ? 400 : 403, headers, location: null, body }
}

/** The address that a refused authorization request is redirected to. */
function refusalLocation ({ redirectUri, state, issuer, responseMode = 'query' }: RefusalRedirect, error: string, description: string): string {
  if (!/^[\x21-\x7e]+$/.test(redirectUri) || redirectUri.includes('#')) {
    throw new TypeError('redirectUri must be a URI without a fragment, in characters that a URI may have')
  }
  const parameters = new URLSearchParams({ error, error_description: description, ...typeof state === 'string' && { state }, iss: issuer })
  return `${redirectUri}${separatorOf(redirectUri, responseMode)}${String(parameters)}`
}

/** The query of the redirect URI is kept (RFC 6749 section 3.1.2). */
function separatorOf (redirectUri: string, responseMode: 'query' | 'fragment'): string {
  if (responseMode === 'fragment') return '#'
  if (!redirectUri.includes('?')) return '?'
  return /[?&]$/.test(redirectUri) ? '' : '&'
}
