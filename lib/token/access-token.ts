import type { Confirmation } from './confirmation.ts'

/** Whether an access token speaks for a user, or for a client that acts for itself (RFC 9068 section 5). */
export type PrincipalType = 'user' | 'client'

/** The party that acts for the subject (RFC 8693 section 4.1). */
export interface Actor {
  readonly issuer: string
  readonly subject: string
}

/**
 * A verified access token. It does not contain the token itself and is safe to log. It is deeply frozen, as requests with
 * the same token share it.
 *
 * @template Claims the claims of your issuer's tokens beside the registered ones
 */
export interface AccessToken<Claims extends object = Record<string, unknown>> {
  /** `iss`. Only issuer and subject together identify a user: two issuers may use the same subject. */
  readonly issuer: string
  /** `sub`; the client id where a client that acts for itself has no `sub`. */
  readonly subject: string
  /** `user`, or `client` for a client that acts for itself (RFC 9068 section 5). */
  readonly principalType: PrincipalType
  /** `client_id`, or `azp`, `cid` or `appid` of issuers that do not follow RFC 9068; `null` when the token names no client. */
  readonly clientId: string | null
  /** `aud`, always a list. With `allowMissingAudience`, a token without one has the first configured audience. */
  readonly audience: readonly string[]
  /** `scope`, or the claims that `scopeClaims` of the issuer names, one scope an item; empty when the token has none. */
  readonly scopes: readonly string[]
  /** The actor that acts for the subject, from `act`; `null` when there is none. Prior actors are in the claims, for information. */
  readonly actor: Actor | null
  /** `jti`; `null` when there is none. */
  readonly tokenId: string | null
  /** `exp`, in seconds since the epoch; `null` when an introspection response has none. */
  readonly expiresAt: number | null
  /** `iat`, in seconds since the epoch; `null` when there is none. */
  readonly issuedAt: number | null
  /** `roles`, or the claim that `claims.roles` of the issuer names; empty when it is missing or has another shape than strings. */
  readonly roles: readonly string[]
  /** Organizations that the token is bound to; `null` when it is bound to none in particular. */
  readonly organizations: readonly string[] | null
  /** Teams that the token is bound to; `null` when it is bound to none in particular. */
  readonly teams: readonly string[] | null
  /** The session of the token (`sid`), for revocation; `null` when there is none. */
  readonly sessionId: string | null
  /** The grant of the token, for revocation; `null` when it is not known. */
  readonly grantId: string | null
  /** `acr` of the user's authentication (RFC 9470 section 6); `null` when there is none. */
  readonly authenticationContext: string | null
  /** `auth_time` of the user's authentication, in seconds since the epoch; `null` when there is none. */
  readonly authenticatedAt: number | null
  /** `authorization_details` (RFC 9396 section 9), each with its `type`; empty when there are none. */
  readonly authorizationDetails: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** `cnf` (RFC 7800): the key or certificate that the token is bound to; `null` for a bearer token. */
  readonly confirmation: Confirmation | null
  /** All claims of the token, by their names. */
  readonly claims: Readonly<Claims>
}
