import type { PublicErrorRow } from './public-error.ts'

export type ErrorCode =
  | 'FST_OAUTH_TOKEN_MISSING'
  | 'FST_OAUTH_TOKEN_INVALID'
  | 'FST_OAUTH_TOKEN_EXPIRED'
  | 'FST_OAUTH_REQUEST_MALFORMED'
  | 'FST_OAUTH_PROOF_INVALID'
  | 'FST_OAUTH_PROOF_NONCE_REQUIRED'
  | 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT'
  | 'FST_OAUTH_SCOPE_INSUFFICIENT'
  | 'FST_OAUTH_ACTOR_REFUSED'
  | 'FST_OAUTH_TENANT_REFUSED'
  | 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT'
  | 'FST_OAUTH_POLICY_REFUSED'
  | 'FST_OAUTH_ACCESS_DENIED'
  | 'FST_OAUTH_UNAVAILABLE'
  | 'FST_OAUTH_OPTION_INVALID'

/** One refusal as the client sees it. */
export interface ErrorRow extends PublicErrorRow {
  readonly oauthError: string | null
}

/**
 * Every refusal this package makes, in one table: its HTTP status, the `error` of its challenge or body (RFC 6750
 * section 3.1, RFC 9470 section 3, RFC 6749 section 4.1.2.1; `null` where the standards give none) and the text that a client may read.
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
  FST_OAUTH_PROOF_INVALID: {
    statusCode: 401, oauthError: 'invalid_dpop_proof', message: 'The proof of possession is invalid'
  },
  FST_OAUTH_PROOF_NONCE_REQUIRED: {
    statusCode: 401, oauthError: 'use_dpop_nonce', message: 'The proof of possession needs the nonce of this response'
  },
  FST_OAUTH_AUTHENTICATION_INSUFFICIENT: {
    statusCode: 401, oauthError: 'insufficient_user_authentication', message: 'The user must authenticate again, or by another method'
  },
  FST_OAUTH_SCOPE_INSUFFICIENT: {
    statusCode: 403, oauthError: 'insufficient_scope', message: 'The access token does not cover this request'
  },
  FST_OAUTH_ACTOR_REFUSED: {
    statusCode: 403, oauthError: null, message: 'The actor of the access token may not make this request'
  },
  FST_OAUTH_TENANT_REFUSED: {
    statusCode: 403, oauthError: null, message: 'The access token is bound to another organization or team'
  },
  FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT: {
    statusCode: 403, oauthError: null, message: 'The authorization details of the access token do not cover this request'
  },
  FST_OAUTH_POLICY_REFUSED: {
    statusCode: 403, oauthError: null, message: 'A policy does not allow this request'
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
