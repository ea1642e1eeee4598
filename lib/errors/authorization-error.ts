import { PublicError } from './errors.ts'
import type { PublicErrorRow } from './public-error.ts'

const rows = {
  FST_OAUTH_ADDRESS_REFUSED: { statusCode: 502, message: 'A URL from metadata or a redirect is not https, or its host is not a public internet address' },
  FST_OAUTH_RESOURCE_METADATA_MISSING: { statusCode: 502, message: 'Neither the challenge nor the well-known locations lead to a metadata document of the resource' },
  FST_OAUTH_RESOURCE_MISMATCH: { statusCode: 502, message: 'The metadata document is of another resource' },
  FST_OAUTH_SIGNED_METADATA_INVALID: { statusCode: 502, message: 'The signed part of the metadata document could not be verified' },
  FST_OAUTH_ISSUER_MISSING: { statusCode: 502, message: 'The metadata document names no authorization server, or none that is allowed' },
  FST_OAUTH_SERVER_METADATA_MISSING: { statusCode: 502, message: 'The authorization server has no metadata at its well-known locations' },
  FST_OAUTH_ISSUER_MISMATCH: { statusCode: 502, message: 'The metadata of the authorization server names another issuer' },
  FST_OAUTH_SERVER_MISMATCH: { statusCode: 502, message: 'The authorization server lists the resources it serves, and this resource is not among them' },
  FST_OAUTH_PKCE_UNSUPPORTED: { statusCode: 502, message: 'The authorization server does not advertise PKCE with S256' },
  FST_OAUTH_ENDPOINT_MISSING: { statusCode: 502, message: 'The authorization server has no endpoint for this request' },
  FST_OAUTH_CLIENT_UNKNOWN: { statusCode: 502, message: 'No client is registered with the authorization server, and none can be registered' },
  FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER: { statusCode: 502, message: 'The client is registered with another authorization server' },
  FST_OAUTH_CLIENT_LOST: { statusCode: 502, message: 'The client that the tokens were issued to no longer exists' },
  FST_OAUTH_REGISTRATION_REFUSED: { statusCode: 502, message: 'The authorization server did not register the client' },
  FST_OAUTH_REDIRECT_URI_REFUSED: { statusCode: 502, message: 'The redirect URI is neither https nor a loopback address' },
  FST_OAUTH_AUTHENTICATION_UNSUPPORTED: { statusCode: 502, message: 'The authorization server supports none of the authentication methods of the client' },
  FST_OAUTH_RESPONSE_UNEXPECTED: { statusCode: 502, message: 'The response at the redirect URI does not belong to a pending authorization' },
  FST_OAUTH_RESPONSE_MIXED_UP: { statusCode: 502, message: 'The response at the redirect URI is not from the authorization server of this authorization' },
  FST_OAUTH_AUTHORIZATION_REFUSED: { statusCode: 502, message: 'The authorization server, or its user, refused the authorization' },
  FST_OAUTH_TOKEN_REQUEST_REFUSED: { statusCode: 502, message: 'The token endpoint refused the request' },
  FST_OAUTH_TOKEN_RESPONSE_INVALID: { statusCode: 502, message: 'The token endpoint sent an invalid response' },
  FST_OAUTH_TOKEN_TYPE_REFUSED: { statusCode: 502, message: 'The token is not bound to the key that it was requested for' },
  FST_OAUTH_PROOF_UNSUPPORTED: { statusCode: 502, message: 'The resource accepts only key-bound tokens, and client and server share no algorithm for proofs' },
  FST_OAUTH_SIGN_IN_NEEDED: { statusCode: 502, message: 'The user must sign in, which this process cannot do: start an authorization' },
  FST_OAUTH_SERVER_UNAVAILABLE: { statusCode: 503, message: 'The authorization server could not be reached, or failed' },
  FST_OAUTH_REVOCATION_FAILED: { statusCode: 502, message: 'The authorization server did not revoke a token' },
  FST_OAUTH_INTERACTION_ABORTED: { statusCode: 504, message: 'The user did not return from the authorization server in time' }
} as const

/** Why there is no authorization. */
export type AuthorizationErrorCode = keyof typeof rows

/**
 * Every failure on the way to tokens. `statusCode` is the status with which a server answers that lets the error through;
 * it is never 401, which would send the caller to the caller's own authorization server.
 */
export const authorizationErrorTable: Readonly<Record<AuthorizationErrorCode, PublicErrorRow>> = rows

export interface AuthorizationErrorDetails {
  /** More than the text of the table, for a log: no secret, and nothing that an attacker chose. */
  message?: string
  /** The `error` code of OAuth, where an authorization server sent one that may be acted on. */
  oauthError?: string | null
  /** Its `error_description`, made safe to print. */
  description?: string | null
  /** The HTTP status of the authorization server's response, where there was one. */
  responseStatus?: number | null
}

/**
 * There is no authorization, and why. It never holds a token, a code, a verifier or a client secret: what the protocol
 * library throws does, and is therefore no `cause` of it.
 */
export class AuthorizationError extends PublicError<AuthorizationErrorCode> {
  readonly oauthError: string | null
  readonly description: string | null
  readonly responseStatus: number | null

  constructor (code: AuthorizationErrorCode, { message, oauthError = null, description = null, responseStatus = null }: AuthorizationErrorDetails = {}) {
    const row = authorizationErrorTable[code]
    super({ code, ...row, expose: false, message: message === undefined ? row.message : `${row.message}: ${message}` })
    this.name = 'AuthorizationError'
    this.oauthError = oauthError
    this.description = description
    this.responseStatus = responseStatus
  }
}
