import type { RefusalDetail } from './detail.ts'
import type { ErrorCode } from './error-table.ts'
import { errorTable } from './error-table.ts'
import type { PublicErrorFields, PublicErrorInit } from './public-error.ts'
import type { ProofReason, Reason, RequestReason, TokenReason, UnavailableReason } from './reasons.ts'

const brand: unique symbol = Symbol.for('fastify-oauth-resource-server.error')

/** The base class of the package's errors. It sets {@link PublicErrorFields}. */
export abstract class PublicError<Code extends string> extends Error implements PublicErrorFields<Code> {
  readonly code: Code
  readonly status: number
  readonly statusCode: number
  readonly expose: boolean

  constructor ({ code, statusCode, expose, message, cause }: PublicErrorInit<Code>) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = statusCode
    this.statusCode = statusCode
    this.expose = expose
  }
}

/** What an error carries beyond its row of the table. */
export interface ErrorDetails {
  /** Why, for the log of the host: a word of {@link reasonTable}. It never reaches a client unless the host sends it. */
  reason: Reason
  /** The text a client may read, in place of the table's. */
  message?: string
  /** For the log alone; see {@link RefusalDetail}. */
  detail?: RefusalDetail | null
  cause?: unknown
}

/**
 * The error of every refusal. `code`, `statusCode` and `message` are what Fastify's own error handler prints; the error
 * handler of the host may read the rest. It never holds a token.
 */
export class OAuthResourceError extends PublicError<ErrorCode> {
  /** The `error` code of the OAuth standards, `null` where they give none. */
  readonly oauthError: string | null
  /** Why, for the log; see {@link ErrorDetails.reason}. */
  readonly reason: Reason
  /** What was expected, what came, how to fix it. For the log alone: it is not enumerable, so no body shows it. */
  declare readonly detail: RefusalDetail | null

  constructor (code: ErrorCode, { reason, message, detail = null, cause }: ErrorDetails) {
    const row = errorTable[code]
    // A fault of the options is a matter between the server and its operator.
    super({ code, statusCode: row.statusCode, expose: row.statusCode !== 500, message: message ?? row.message, cause })
    this.name = 'OAuthResourceError'
    this.oauthError = row.oauthError
    this.reason = reason
    Object.defineProperty(this, brand, { value: true })
    Object.defineProperty(this, 'detail', { value: detail })
  }
}

/** An option that cannot be used: thrown at boot, it names the option and the value. */
export class OptionError extends OAuthResourceError {
  constructor (message: string) {
    super('FST_OAUTH_OPTION_INVALID', { reason: 'option_invalid', message })
    this.name = 'OptionError'
  }
}

/** No credentials came with a request that needs an access token. Answered 401, without an `error`. */
export class MissingTokenError extends OAuthResourceError {
  /** Every scope that the operation needs, where that is more than the route's rule says. */
  readonly requiredScopes: readonly string[]

  constructor (requiredScopes: readonly string[] = []) {
    super('FST_OAUTH_TOKEN_MISSING', { reason: 'token_missing' })
    this.name = 'MissingTokenError'
    this.requiredScopes = Object.freeze([...requiredScopes])
  }
}

/** Credentials that are not of the grammar of RFC 6750 section 2.1, or more than one of them. Answered 400. */
export class MalformedRequestError extends OAuthResourceError {
  constructor (reason: RequestReason, detail: RefusalDetail | null = null) {
    super('FST_OAUTH_REQUEST_MALFORMED', { reason, detail })
    this.name = 'MalformedRequestError'
  }
}

/** An access token was presented and is no good. Answered 401 `invalid_token`. */
export class InvalidTokenError extends OAuthResourceError {
  constructor (reason: TokenReason, cause?: unknown, detail: RefusalDetail | null = null) {
    super(reason === 'token_expired' ? 'FST_OAUTH_TOKEN_EXPIRED' : 'FST_OAUTH_TOKEN_INVALID', { reason, detail, cause })
    this.name = 'InvalidTokenError'
  }
}

/** The DPoP proof of the request is missing or invalid. Answered 401 `invalid_dpop_proof` (RFC 9449 section 7.1). */
export class InvalidProofError extends OAuthResourceError {
  constructor (reason: ProofReason, detail: RefusalDetail | null = null) {
    super('FST_OAUTH_PROOF_INVALID', { reason, detail })
    this.name = 'InvalidProofError'
  }
}

/**
 * The DPoP proof lacks the nonce of this server, or has an old one. Answered 401 `use_dpop_nonce`, with the nonce in the
 * `DPoP-Nonce` header (RFC 9449 section 9).
 */
export class NonceRequiredError extends OAuthResourceError {
  /** The nonce that the next proof needs. */
  readonly nonce: string

  constructor (nonce: string, detail: RefusalDetail | null = null) {
    super('FST_OAUTH_PROOF_NONCE_REQUIRED', { reason: 'proof_nonce_required', detail })
    this.name = 'NonceRequiredError'
    this.nonce = nonce
  }
}

/** The token is good and its scope does not suffice. Answered 403 `insufficient_scope` with every scope needed. */
export class InsufficientScopeError extends OAuthResourceError {
  /** Every scope that the operation needs, those the token already has among them. */
  readonly requiredScopes: readonly string[]

  constructor (requiredScopes: readonly string[], detail: RefusalDetail | null = null) {
    super('FST_OAUTH_SCOPE_INSUFFICIENT', { reason: 'scope_insufficient', detail })
    this.name = 'InsufficientScopeError'
    this.requiredScopes = Object.freeze([...requiredScopes])
  }
}

/** What it takes of the authentication of the user (RFC 9470 section 3). */
export interface RequiredAuthentication {
  /** Any one of these authentication contexts, in the order of preference; empty when any will do. */
  acrValues?: readonly string[]
  /** How long ago the user may have authenticated at most; `null` when it does not matter. */
  maxAgeSeconds?: number | null
  /** Every scope that the operation needs, where the token lacks one of them: the user is then asked once for both. */
  requiredScopes?: readonly string[]
}

/**
 * The token is good, and its user was not authenticated as the operation needs it. Answered 401
 * `insufficient_user_authentication` with what it takes.
 */
export class InsufficientAuthenticationError extends OAuthResourceError {
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
  readonly requiredScopes: readonly string[]

  constructor ({ acrValues = [], maxAgeSeconds = null, requiredScopes = [] }: RequiredAuthentication, detail: RefusalDetail | null = null) {
    super('FST_OAUTH_AUTHENTICATION_INSUFFICIENT', { reason: 'authentication_insufficient', detail })
    this.name = 'InsufficientAuthenticationError'
    this.acrValues = Object.freeze([...acrValues])
    this.maxAgeSeconds = maxAgeSeconds
    this.requiredScopes = Object.freeze([...requiredScopes])
  }
}

/** Whether the token is good could not be found out. Answered 503 with `Retry-After`, never 401. */
export class UnavailableError extends OAuthResourceError {
  /** Seconds after which another try makes sense. */
  readonly retryAfterSeconds: number

  constructor (reason: UnavailableReason, retryAfterSeconds: number, cause?: unknown, detail: RefusalDetail | null = null) {
    super('FST_OAUTH_UNAVAILABLE', { reason, detail, cause })
    this.name = 'UnavailableError'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** True of this package's errors, also of those another installed copy of it threw. */
export function isOAuthResourceError (value: unknown): value is OAuthResourceError {
  return typeof value === 'object' && value !== null && (value as { [brand]?: unknown })[brand] === true
}

/**
 * The error of this package that `error` is or was caused by, `null` when there is none. Applications wrap errors;
 * what the wire says must not depend on it.
 */
export function findOAuthResourceError (error: unknown): OAuthResourceError | null {
  let current = error
  // A chain of causes may be a ring.
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    if (isOAuthResourceError(current)) return current
    current = (current as { cause?: unknown }).cause
  }
  return null
}

/**
 * Makes an expected answer without recording a stack trace: anyone can cause as many of them as they like, and a trace
 * would cost more than the rest of the refusal.
 */
export function withoutStackTrace<T> (make: () => T): T {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}
