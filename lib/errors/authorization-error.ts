/** Why no authorization came about. */
export type AuthorizationFault = keyof typeof authorizationFaults

/** Every fault on the way to tokens, with what it means. */
export const authorizationFaults = {
  address_refused: 'A URL from elsewhere leads to an address that is not of the internet, or is not https',
  resource_metadata_missing: 'Neither the challenge nor the well-known places have a metadata document of the resource',
  resource_mismatch: 'The metadata document is about another resource',
  signed_metadata_invalid: 'The signed part of the metadata document is not from whom it should be',
  issuer_missing: 'The metadata document names no authorization server, or none that is wanted',
  server_metadata_missing: 'The authorization server has no metadata at its well-known places',
  issuer_mismatch: 'The metadata at the places of the authorization server is that of another one',
  server_mismatch: 'The authorization server lists the resources it serves, and this one is not among them',
  pkce_unsupported: 'The authorization server does not say that it supports PKCE with S256',
  endpoint_missing: 'The authorization server has no endpoint for what is to be done',
  client_unknown: 'There is no way to become a client of the authorization server',
  client_of_another_issuer: 'The client is registered with another authorization server',
  client_lost: 'The client that the tokens were issued to is not there any more',
  registration_refused: 'The authorization server did not register the client',
  redirect_uri_refused: 'The redirect URI is neither https nor on this machine',
  authentication_unsupported: 'The authorization server takes none of the ways in which the client can prove who it is',
  response_unexpected: 'The answer at the redirect URI does not belong to an authorization that is under way',
  response_mixed_up: 'The answer at the redirect URI is not from the authorization server that was asked',
  authorization_refused: 'The authorization server, or its user, said no',
  token_request_refused: 'The token endpoint refused',
  token_response_invalid: 'The token endpoint answered with something that is no answer',
  token_type_refused: 'The token is not bound to the key it was asked for',
  proof_unsupported: 'The resource takes tokens that are bound to a key alone, and no algorithm for proofs is shared',
  sign_in_needed: 'The user has to sign in, which is not done here: begin an authorization',
  server_unavailable: 'The authorization server could not be reached, or has a fault of its own',
  revocation_failed: 'The authorization server did not take a token back',
  interaction_aborted: 'Nobody came back from the authorization server in time'
} as const

export interface AuthorizationErrorDetails {
  /** What stands behind the meaning of the fault, for a log: no secret, and nothing that an attacker chose. */
  message?: string
  /** The `error` code of OAuth, where an authorization server sent one that may be acted on. */
  oauthError?: string | null
  /** Its `error_description`, made safe to print. */
  description?: string | null
  /** The HTTP status, where there was one. */
  status?: number | null
}

/**
 * There is no authorization, and why. It never holds a token, a code, a verifier or a client secret: what the protocol
 * library throws does, and is therefore no `cause` of it.
 */
export class AuthorizationError extends Error {
  readonly fault: AuthorizationFault
  readonly oauthError: string | null
  readonly description: string | null
  readonly status: number | null

  constructor (fault: AuthorizationFault, details: AuthorizationErrorDetails = {}) {
    const { message, oauthError = null, description = null, status = null } = details
    super(message === undefined ? authorizationFaults[fault] : `${authorizationFaults[fault]}: ${message}`)
    this.name = 'AuthorizationError'
    this.fault = fault
    this.oauthError = oauthError
    this.description = description
    this.status = status
  }
}
