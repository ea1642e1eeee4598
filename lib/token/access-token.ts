/** Who an access token speaks for. A client that acts for itself is not to be taken for a user (RFC 9068 section 5). */
export type PrincipalType = 'user' | 'client'

/** The party that acts for the subject (RFC 8693 section 4.1). */
export interface Actor {
  readonly issuer: string
  readonly subject: string
}

/**
 * A verified access token: what came out of the checks. It does not hold the token itself and is safe to log. It is
 * frozen, all the way down, as requests with the same token share it.
 *
 * @template Claims what your issuer puts into its tokens beside the registered claims
 */
export interface AccessToken<Claims extends object = Record<string, unknown>> {
  /** `iss`. Whoever is meant is the pair of issuer and subject: two issuers may use the same subject. */
  readonly issuer: string
  /** `sub` */
  readonly subject: string
  readonly principalType: PrincipalType
  /** `client_id`, or `azp` or `cid` of issuers that are not RFC 9068; `null` when the token names no client. */
  readonly clientId: string | null
  /** `aud`, always a list. */
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  /** Who acts for the subject, from `act`; `null` when nobody does. Who acted before is in the claims, for information. */
  readonly actor: Actor | null
  /** `jti`; `null` when there is none. */
  readonly tokenId: string | null
  /** `exp`, in seconds since the epoch; `null` when an introspected token says nothing of it. */
  readonly expiresAt: number | null
  /** `iat`, in seconds since the epoch; `null` when there is none. */
  readonly issuedAt: number | null
  /** Roles and the like, where the issuer has them: `roles`, or what the issuer's `claims` name. */
  readonly roles: readonly string[]
  /** Organizations that the token is bound to; `null` when it is bound to none in particular. */
  readonly organizations: readonly string[] | null
  /** Teams that the token is bound to; `null` when it is bound to none in particular. */
  readonly teams: readonly string[] | null
  /** The session (`sid`) and the grant it came from, where the issuer says; for revocation. */
  readonly sessionId: string | null
  readonly grantId: string | null
  /** `acr` and `auth_time` of the original authentication of the user (RFC 9470 section 6); `null` when not said. */
  readonly authenticationContext: string | null
  readonly authenticatedAt: number | null
  /** RFC 9396 section 9. */
  readonly authorizationDetails: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Everything the token says. */
  readonly claims: Readonly<Claims>
}
