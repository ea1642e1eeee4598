import type { RefreshOutcome } from '../../errors/client-errors.ts'

/** What the authorization server says of itself, and what is over in a moment. */
const passing = ['temporarily_unavailable', 'server_error', 'slow_down']
/** What it says of the refresh token. */
const final = ['invalid_grant', 'invalid_token']
/** What it says of the client or the request, with whatever status. */
const ofTheClient = [
  'invalid_client', 'invalid_request', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'invalid_target', 'invalid_dpop_proof', 'use_dpop_nonce'
]

/**
 * What a failed token request means for the session, by its strongest signal: the error code, then the status. Only what
 * is said of the refresh token ends a session; a client that is configured wrongly must not sign its users out.
 *
 * @param code the `error` of the body, `null` where there is none
 */
export function refreshOutcome (status: number, code: string | null): RefreshOutcome {
  if (status >= 500 || status === 429 || status === 408) return 'retry'
  if (code !== null && passing.includes(code)) return 'retry'
  if (code !== null && final.includes(code)) return 'over'
  if (code !== null && ofTheClient.includes(code)) return 'keep'
  return status === 401 || status === 403 ? 'over' : 'keep'
}

/** Whether a code is of the grammar of RFC 6749 section 5.2, and short enough for a log. */
export function isTokenErrorCode (code: string): boolean {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(code)
}
