/** The actor of a token: the party that acts for its subject (RFC 8693 section 4.1). */
export interface TokenActor {
  readonly issuer: string
  readonly subject: string
}

/** The identifiers by which a token can be revoked. */
export interface RevocableToken {
  readonly issuer: string
  readonly subject: string
  /** `null` where the token does not say. */
  readonly tokenId: string | null
  readonly grantId: string | null
  readonly sessionId: string | null
  /** `null` when the subject acts for itself. */
  readonly actor: TokenActor | null
  /** Seconds since the epoch; `null` where the token does not say. */
  readonly issuedAt: number | null
  /** When the user signed in (`auth_time`), in seconds since the epoch; `null` where the token does not say. */
  readonly authenticatedAt: number | null
}

/** Tells which access tokens were revoked before their expiry. */
export interface RevocationStore {
  /**
   * Whether the token, its grant, its session, its subject, its actor or the pair of subject and actor was revoked. It is
   * called for every request, also for cached tokens, so that a revocation takes effect with the next request. It must not
   * need more than one round trip.
   *
   * If it throws, or takes too long, the response is 503: whether the token is valid could not be determined.
   */
  isRevoked (token: RevocableToken): boolean | Promise<boolean>
}
