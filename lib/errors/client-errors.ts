/** Every reason for which a session gives no token, with what it means. */
export const sessionFaults = {
  not_signed_in: 'Nobody is signed in',
  session_over: 'The authorization server does not renew this session any more',
  session_expired: 'The access token is dead, and there was never a way to renew it',
  superseded: 'Somebody signed in anew while the token was being renewed',
  refresh_unavailable: 'The authorization server could not be reached, or had a fault of its own',
  refresh_refused: 'The authorization server did not accept the token request, which says nothing about the session',
  token_refused: 'The resource refuses tokens that were only just issued',
  offline: 'There is no network',
  store_failed: 'The store of the tokens failed',
  proof_missing: 'The token is bound to a key, and there is nothing to prove it with',
  closed: 'The session was closed'
} as const

/** Why a session gave no token. */
export type SessionFault = keyof typeof sessionFaults

/** Not `superseded`: somebody is signed in then. */
const endings: readonly SessionFault[] = ['not_signed_in', 'session_over', 'session_expired']

export interface SessionErrorDetails {
  /** When another try makes sense, in milliseconds since the epoch; `null` when it makes none, or always. */
  readonly retryAt?: number | null
  /** That only a new authorization helps. Default: as the code says. */
  readonly needsAuthorization?: boolean
  readonly cause?: unknown
}

/** A session has no token to give, and why. It holds no token. */
export class SessionError extends Error {
  readonly fault: SessionFault
  /** Before it, no token request is made. */
  readonly retryAt: number | null

  /** True when only a new authorization helps; false when the session continues. */
  readonly needsAuthorization: boolean

  constructor (fault: SessionFault, { retryAt = null, needsAuthorization = endings.includes(fault), cause }: SessionErrorDetails = {}) {
    super(sessionFaults[fault], cause === undefined ? undefined : { cause })
    this.name = 'SessionError'
    this.fault = fault
    this.retryAt = retryAt
    this.needsAuthorization = needsAuthorization
  }
}

/**
 * What a failed token request means for the session. `retry`: it may work in a moment. `keep`: it will not, and the
 * session is not to blame. `over`: the refresh token is dead.
 */
export type RefreshOutcome = 'retry' | 'keep' | 'over'

export interface RefreshErrorDetails {
  /** What went wrong, for a log: no secret. */
  readonly message: string
  readonly status?: number | null
  readonly oauthError?: string | null
  /** Milliseconds that the authorization server asked for before another try. */
  readonly retryAfterMs?: number | null
  /**
   * The refresh token that came with an answer that is of no use otherwise: a session shows that the next time, as the one
   * before it may be used up. It is not to be seen on the error.
   */
  readonly rotatedTo?: string | null
  readonly cause?: unknown
}

const rotations = new WeakMap<RefreshError, string>()

/** The refresh token that came all the same, `null` where none did. */
export function rotationOf (error: RefreshError): string | null {
  return rotations.get(error) ?? null
}

/** A token request that gave no tokens. It shows nothing of what was sent or received but the error code. */
export class RefreshError extends Error {
  readonly outcome: RefreshOutcome
  /** The HTTP status, `null` when there was none. */
  readonly status: number | null
  /** The `error` of RFC 6749 section 5.2, `null` when there was none. */
  readonly oauthError: string | null
  readonly retryAfterMs: number | null

  constructor (outcome: RefreshOutcome, { message, status = null, oauthError = null, retryAfterMs = null, rotatedTo = null, cause }: RefreshErrorDetails) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'RefreshError'
    this.outcome = outcome
    this.status = status
    this.oauthError = oauthError
    this.retryAfterMs = retryAfterMs
    if (rotatedTo !== null) rotations.set(this, rotatedTo)
  }
}

/** An answer, as an error tells of it. */
export interface FailedAnswer {
  readonly status: number
  /** JSON as parsed, other text as it is, `undefined` where there was none, or more than is looked at. */
  readonly body: unknown
}

export interface RequestErrorDetails {
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly url: string
  /** The answer to the first attempt, when it was the second that failed. */
  readonly first: FailedAnswer | null
  readonly cause: unknown
}

/** No answer came. It is a `TypeError` because that is what a `fetch` throws, and what its callers look for. */
export class RequestError extends TypeError {
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

/** What an answer says about the token that was sent; see `classify` for each. */
export type AnswerKind =
  | 'ok' | 'invalid_token' | 'authorization_needed' | 'insufficient_scope' | 'step_up' | 'use_dpop_nonce' | 'refused'

export interface AnswerErrorDetails extends FailedAnswer {
  readonly method: string
  readonly url: string
  readonly kind: AnswerKind
  readonly first: FailedAnswer | null
  readonly cause?: unknown
}

/** An answer of status 400 or above, where those are to be thrown. */
export class AnswerError extends Error {
  readonly status: number
  readonly body: unknown
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly url: string
  /** What the answer says about the token. */
  readonly kind: AnswerKind
  /** The answer to the first attempt, when this is the one to the second. */
  readonly first: FailedAnswer | null

  constructor ({ status, body, method, url, kind, first, cause }: AnswerErrorDetails) {
    super(`${method} ${url}: ${status}`, cause === undefined ? undefined : { cause })
    this.name = 'AnswerError'
    this.status = status
    this.body = body
    this.method = method
    this.url = url
    this.kind = kind
    this.first = first
  }
}
