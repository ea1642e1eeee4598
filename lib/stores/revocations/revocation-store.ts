/** Who acts for the subject of a token. */
export interface TokenActor {
  readonly issuer: string
  readonly subject: string
}

/** What a token can be revoked by. */
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
}

/** Knows what was revoked before it expired. */
export interface RevocationStore {
  /**
   * Whether the token, its grant, its session, its subject, its actor or the pair of both was revoked: one call, one round
   * trip. It is asked on every request, also about tokens that were verified before, so revoking takes effect with the next
   * request.
   *
   * It may throw: the answer is then 503, as it is not known whether the token is good.
   */
  isRevoked (token: RevocableToken): boolean | Promise<boolean>
}
