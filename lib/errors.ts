export type ErrorCode =
  | 'FST_OAUTH_TOKEN_MISSING'
  | 'FST_OAUTH_TOKEN_INVALID'
  | 'FST_OAUTH_TOKEN_EXPIRED'
  | 'FST_OAUTH_REQUEST_MALFORMED'
  | 'FST_OAUTH_SCOPE_INSUFFICIENT'
  | 'FST_OAUTH_ACCESS_DENIED'
  | 'FST_OAUTH_UNAVAILABLE'
  | 'FST_OAUTH_OPTION_INVALID'

/** One refusal as the wire sees it. */
export interface ErrorRow {
  readonly statusCode: number
  readonly oauthError: string | null
  readonly message: string
}

/**
 * Every refusal this package makes, in one table: its HTTP status, the `error` of its challenge or body (RFC 6750
 * section 3.1, RFC 6749 section 4.1.2.1; `null` where the standards give none) and the text that a client may read.
 */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  FST_OAUTH_TOKEN_MISSING: {
    statusCode: 401, oauthError: null, message: 'An access token is required'
  },
  FST_OAUTH_TOKEN_INVALID: {
    statusCode: 401, oauthError: 'invalid_token', message: 'The access token is invalid'
  },
  FST_OAUTH_TOKEN_EXPIRED: {
    statusCode: 401, oauthError: 'invalid_token', message: 'The access token has expired'
  },
  FST_OAUTH_REQUEST_MALFORMED: {
    statusCode: 400, oauthError: 'invalid_request', message: 'The Authorization header is malformed'
  },
  FST_OAUTH_SCOPE_INSUFFICIENT: {
    statusCode: 403, oauthError: 'insufficient_scope', message: 'The access token does not cover this request'
  },
  FST_OAUTH_ACCESS_DENIED: {
    statusCode: 403, oauthError: 'access_denied', message: 'This authorization is not allowed'
  },
  FST_OAUTH_UNAVAILABLE: {
    statusCode: 503, oauthError: null, message: 'The access token cannot be checked at the moment'
  },
  FST_OAUTH_OPTION_INVALID: {
    statusCode: 500, oauthError: null, message: 'An option is invalid'
  }
}

/** Why a request was refused before any token was looked at. */
export type RequestReason =
  | 'token_missing' | 'authorization_malformed' | 'authorization_repeated'

/** Why an access token is no good. */
export type TokenReason =
  | 'token_malformed' | 'token_too_long' | 'token_not_yet_valid' | 'token_inactive' | 'token_revoked'
  | 'token_rule_broken' | 'issuer_unknown' | 'algorithm_refused' | 'key_id_refused' | 'critical_header_refused'
  | 'type_refused' | 'audience_missing' | 'audience_foreign' | 'claim_missing' | 'claim_malformed' | 'actor_malformed'
  | 'proof_missing' | 'key_unknown' | 'key_ambiguous' | 'key_unusable' | 'signature_invalid' | 'token_expired'

/** Why it could not be found out whether a token is good. */
export type UnavailableReason =
  | 'keys_unavailable' | 'issuer_unresolvable' | 'introspection_unavailable' | 'revocations_unavailable'
  | 'token_rule_unavailable'

/** Why a grant by an impersonator may not be made. */
export type GrantRefusalReason =
  | 'not_approved' | 'organization_unknown' | 'reach_empty' | 'reach_malformed' | 'lookup_failed'

/** Every word that an error of this package, or its entry in the audit, gives as its reason. */
export type Reason =
  | RequestReason | TokenReason | UnavailableReason | GrantRefusalReason | 'scope_insufficient' | 'option_invalid'

/** One reason: the code it comes under, and what it means. */
export interface ReasonRow {
  readonly code: ErrorCode
  readonly meaning: string
}

/** Every reason for a refusal, for logs, counters and people. None of them ever holds a part of a token. */
export const reasonTable: Readonly<Record<Reason, ReasonRow>> = {
  token_missing: { code: 'FST_OAUTH_TOKEN_MISSING', meaning: 'No credentials came, or those of another scheme than Bearer' },
  authorization_malformed: { code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: '`Authorization: Bearer` without one token of the grammar behind it' },
  authorization_repeated: { code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: 'More than one `Authorization` header' },
  token_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Neither a signed JWT in compact form nor a token that an issuer is asked about' },
  token_too_long: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Over 16 KiB, or over 4 KiB for a token that is no JWT' },
  token_not_yet_valid: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `nbf` or `iat` is in the future' },
  token_inactive: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The issuer was asked and does not vouch for it' },
  token_revoked: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It was revoked before it expired' },
  token_rule_broken: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It breaks one of your `tokenRules`' },
  issuer_unknown: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `iss` is none of `authorizationServers`' },
  algorithm_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `alg` is not among the allowed ones' },
  key_id_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `kid` is no string, or too long' },
  critical_header_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its header asks for an extension that is not understood' },
  type_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It is a token of another kind: an ID token, for instance' },
  audience_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It has no `aud`' },
  audience_foreign: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `aud` does not name this resource, or names others too where that is refused' },
  claim_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A claim that must be there is not' },
  claim_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A claim is not of its type' },
  actor_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `act` does not say who acts' },
  proof_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It is bound to a key (`cnf`), and came as a bearer token' },
  key_unknown: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The issuer has no key for it' },
  key_ambiguous: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Several keys of the issuer would do, and it does not say which' },
  key_unusable: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The key for it is broken' },
  signature_invalid: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The key of the issuer does not confirm it' },
  token_expired: { code: 'FST_OAUTH_TOKEN_EXPIRED', meaning: 'It is past its `exp`' },
  scope_insufficient: { code: 'FST_OAUTH_SCOPE_INSUFFICIENT', meaning: 'Its scope does not cover what the route or the handler asks for' },
  not_approved: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'An organization in reach of the grant has not said yes' },
  organization_unknown: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant reaches an organization or team that the directory does not know' },
  reach_empty: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant would reach no organization at all' },
  reach_malformed: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'What the grant would reach was not said in a way that can be read' },
  lookup_failed: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'Session or directory could not be asked' },
  keys_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The keys of the issuer could not be had' },
  issuer_unresolvable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`resolveIssuer` failed, or gave something that is no issuer' },
  introspection_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The issuer could not be asked about the token' },
  revocations_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The revocation store gave no answer' },
  token_rule_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'One of your `tokenRules` failed' },
  option_invalid: { code: 'FST_OAUTH_OPTION_INVALID', meaning: 'An option, or the rule of a route, makes no sense' }
}

const brand: unique symbol = Symbol.for('fastify-oauth-resource-server.error')

/** What an error knows beyond its row of the table. */
export interface ErrorDetails {
  /** Why, for the log of the host: a word of {@link reasonTable}. It never reaches a client unless the host sends it. */
  reason: Reason
  /** The text a client may read, in place of the table's. */
  message?: string
  cause?: unknown
}

/**
 * What the package throws. `code`, `statusCode` and `message` are what Fastify's own error handler prints; a host's
 * error handler may look at the rest. It holds no token.
 */
export class OAuthResourceError extends Error {
  readonly code: ErrorCode
  readonly statusCode: number
  /** The `error` code of the OAuth standards, `null` where they give none. */
  readonly oauthError: string | null
  /** Why, for the log; see {@link ErrorDetails.reason}. */
  readonly reason: Reason

  constructor (code: ErrorCode, details: ErrorDetails) {
    const row = errorTable[code]
    super(details.message ?? row.message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'OAuthResourceError'
    this.code = code
    this.statusCode = row.statusCode
    this.oauthError = row.oauthError
    this.reason = details.reason
    Object.defineProperty(this, brand, { value: true })
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
  constructor () {
    super('FST_OAUTH_TOKEN_MISSING', { reason: 'token_missing' })
    this.name = 'MissingTokenError'
  }
}

/** Credentials that are not of the grammar of RFC 6750 section 2.1, or more than one of them. Answered 400. */
export class MalformedRequestError extends OAuthResourceError {
  constructor (reason: RequestReason) {
    super('FST_OAUTH_REQUEST_MALFORMED', { reason })
    this.name = 'MalformedRequestError'
  }
}

/** An access token was presented and is no good. Answered 401 `invalid_token`. */
export class InvalidTokenError extends OAuthResourceError {
  constructor (reason: TokenReason, cause?: unknown) {
    super(reason === 'token_expired' ? 'FST_OAUTH_TOKEN_EXPIRED' : 'FST_OAUTH_TOKEN_INVALID', { reason, cause })
    this.name = 'InvalidTokenError'
  }
}

/** The token is good and its scope does not suffice. Answered 403 `insufficient_scope` with every scope needed. */
export class InsufficientScopeError extends OAuthResourceError {
  /** Every scope that the operation needs, those the token already has among them. */
  readonly requiredScopes: readonly string[]

  constructor (requiredScopes: readonly string[]) {
    super('FST_OAUTH_SCOPE_INSUFFICIENT', { reason: 'scope_insufficient' })
    this.name = 'InsufficientScopeError'
    this.requiredScopes = Object.freeze([...requiredScopes])
  }
}

/** Whether the token is good could not be found out. Answered 503 with `Retry-After`, never 401. */
export class UnavailableError extends OAuthResourceError {
  /** Seconds after which another try makes sense. */
  readonly retryAfterSeconds: number

  constructor (reason: UnavailableReason, retryAfterSeconds: number, cause?: unknown) {
    super('FST_OAUTH_UNAVAILABLE', { reason, cause })
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
