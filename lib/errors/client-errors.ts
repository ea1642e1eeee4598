import { PublicError } from './errors.ts'
import type { PublicErrorFields, PublicErrorRow } from './public-error.ts'

const rows = {
  FST_OAUTH_SESSION_NOT_SIGNED_IN: { statusCode: 502, message: 'The user is not signed in' },
  FST_OAUTH_SESSION_OVER: { statusCode: 502, message: 'The session is over: the authorization server no longer refreshes it' },
  FST_OAUTH_SESSION_EXPIRED: { statusCode: 502, message: 'The access token has expired, and there is no refresh token' },
  FST_OAUTH_SESSION_SUPERSEDED: { statusCode: 503, message: 'A new sign-in replaced the session while the token was being refreshed' },
  FST_OAUTH_SESSION_REFRESH_UNAVAILABLE: { statusCode: 503, message: 'The authorization server could not be reached, or failed' },
  FST_OAUTH_SESSION_REFRESH_REFUSED: { statusCode: 502, message: 'The authorization server refused the token request; the session itself may still be valid' },
  FST_OAUTH_SESSION_TOKEN_REJECTED: { statusCode: 502, message: 'The resource server refuses access tokens that were just issued' },
  FST_OAUTH_SESSION_OFFLINE: { statusCode: 503, message: 'There is no network connection' },
  FST_OAUTH_SESSION_STORE_FAILED: { statusCode: 503, message: 'The token store failed' },
  FST_OAUTH_SESSION_PROOF_MISSING: { statusCode: 502, message: 'The token is bound to a key, and no key is configured to prove possession of it' },
  FST_OAUTH_SESSION_CLOSED: { statusCode: 503, message: 'The session was closed' }
} as const

/** Why a session gave no token. */
export type SessionErrorCode = keyof typeof rows

/**
 * Every reason for which a session gives no token. `statusCode` is the status with which a server answers that lets the
 * error through; it is never 401, which would send the caller to the caller's own authorization server.
 */
export const sessionErrorTable: Readonly<Record<SessionErrorCode, PublicErrorRow>> = rows

/** Not `FST_OAUTH_SESSION_SUPERSEDED`: a user is signed in then. */
const endings: readonly SessionErrorCode[] = ['FST_OAUTH_SESSION_NOT_SIGNED_IN', 'FST_OAUTH_SESSION_OVER', 'FST_OAUTH_SESSION_EXPIRED']

export interface SessionErrorDetails {
  /** The earliest time for another attempt, in milliseconds since the epoch; `null` when there is no such time. */
  readonly retryAt?: number | null
  /** Whether only a new authorization helps. Default: depends on the code. */
  readonly needsAuthorization?: boolean
  readonly cause?: unknown
}

/** A session has no token to give, and why. It holds no token. */
export class SessionError extends PublicError<SessionErrorCode> {
  /** Before it, no token request is made. */
  readonly retryAt: number | null

  /** True when only a new authorization helps; false when the session continues. */
  readonly needsAuthorization: boolean

  constructor (code: SessionErrorCode, { retryAt = null, needsAuthorization = endings.includes(code), cause }: SessionErrorDetails = {}) {
    super({ code, ...sessionErrorTable[code], expose: false, cause })
    this.name = 'SessionError'
    this.retryAt = retryAt
    this.needsAuthorization = needsAuthorization
  }
}

/**
 * What a failed token request means for the session. `retry`: another attempt may succeed. `keep`: another attempt would fail
 * too, but the refresh token may still be valid, so it is kept. `over`: the refresh token is invalid.
 */
export type RefreshOutcome = 'retry' | 'keep' | 'over'

export interface RefreshErrorDetails {
  /** What went wrong, for a log: no secret. */
  readonly message: string
  /** The HTTP status of the authorization server's response. */
  readonly responseStatus?: number | null
  readonly oauthError?: string | null
  /** Milliseconds that the authorization server asked for before another try. */
  readonly retryAfterMs?: number | null
  /**
   * The new refresh token of a response that is otherwise invalid. The session uses it for the next request, because the old
   * one may be invalid after rotation. It is not a property of the error, so that no log shows it.
   */
  readonly rotatedTo?: string | null
  readonly cause?: unknown
}

const rotations = new WeakMap<RefreshError, string>()

/** The new refresh token of the invalid response, `null` if it has none. */
export function rotationOf (error: RefreshError): string | null {
  return rotations.get(error) ?? null
}

/** A failed token request, by what it means for the session. */
export type RefreshErrorCode = 'FST_OAUTH_REFRESH_UNAVAILABLE' | 'FST_OAUTH_REFRESH_REFUSED' | 'FST_OAUTH_REFRESH_TOKEN_INVALID'

const refreshErrors: Readonly<Record<RefreshOutcome, { code: RefreshErrorCode, statusCode: number }>> = {
  retry: { code: 'FST_OAUTH_REFRESH_UNAVAILABLE', statusCode: 503 },
  keep: { code: 'FST_OAUTH_REFRESH_REFUSED', statusCode: 502 },
  over: { code: 'FST_OAUTH_REFRESH_TOKEN_INVALID', statusCode: 502 }
}

/** A token request that gave no tokens. It shows nothing of what was sent or received but the error code. */
export class RefreshError extends PublicError<RefreshErrorCode> {
  readonly outcome: RefreshOutcome
  /** The HTTP status of the authorization server's response, `null` when there was none. */
  readonly responseStatus: number | null
  /** The `error` of RFC 6749 section 5.2, `null` when there was none. */
  readonly oauthError: string | null
  readonly retryAfterMs: number | null

  constructor (outcome: RefreshOutcome, { message, responseStatus = null, oauthError = null, retryAfterMs = null, rotatedTo = null, cause }: RefreshErrorDetails) {
    super({ ...refreshErrors[outcome], expose: false, message, cause })
    this.name = 'RefreshError'
    this.outcome = outcome
    this.responseStatus = responseStatus
    this.oauthError = oauthError
    this.retryAfterMs = retryAfterMs
    if (rotatedTo !== null) rotations.set(this, rotatedTo)
  }
}

/** The response to a failed request, as part of an error. */
export interface FailedAnswer {
  readonly status: number
  /** Parsed JSON, or text; `undefined` if there was no body, or it was too long to be read. */
  readonly body: unknown
}

export interface RequestErrorDetails {
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly url: string
  /** The response to the first attempt, when the second attempt failed. */
  readonly first: FailedAnswer | null
  readonly cause: unknown
}

/** There was no response. It is a `TypeError`, because `fetch` throws that and callers check for it. */
export class RequestError extends TypeError implements PublicErrorFields<'FST_OAUTH_NO_RESPONSE'> {
  readonly code = 'FST_OAUTH_NO_RESPONSE'
  readonly status = 502
  readonly statusCode = 502
  readonly expose = false
  readonly method: string
  readonly url: string
  readonly first: FailedAnswer | null

  constructor ({ method, url, first, cause }: RequestErrorDetails) {
    super(`${method} ${url}: no answer${first === null ? '' : `, at the second attempt, after ${first.status}`}`, { cause })
    this.name = 'RequestError'
    this.method = method
    this.url = url
    this.first = first
  }
}

/** What a response says about the token of the request; see {@link classify}. */
export type AnswerKind =
  | 'ok' | 'invalid_token' | 'authorization_needed' | 'insufficient_scope' | 'step_up' | 'use_dpop_nonce' | 'refused'

export interface AnswerErrorDetails extends FailedAnswer {
  readonly method: string
  readonly url: string
  readonly kind: AnswerKind
  readonly first: FailedAnswer | null
  readonly cause?: unknown
}

/** A response of status 400 or above, with the option `errors: 'throw'`. `status` is that of the response. */
export class AnswerError extends PublicError<'FST_OAUTH_ERROR_RESPONSE'> {
  readonly body: unknown
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly url: string
  /** What the response says about the token. */
  readonly kind: AnswerKind
  /** The response to the first attempt, when this is the response to a later one. */
  readonly first: FailedAnswer | null

  constructor ({ status, body, method, url, kind, first, cause }: AnswerErrorDetails) {
    super({ code: 'FST_OAUTH_ERROR_RESPONSE', statusCode: status, expose: false, message: `${method} ${url}: ${status}`, cause })
    this.name = 'AnswerError'
    this.body = body
    this.method = method
    this.url = url
    this.kind = kind
    this.first = first
  }
}
