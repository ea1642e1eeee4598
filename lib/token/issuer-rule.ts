/**
 * The kinds of JWT access token there are. `rfc9068` is the standard. `jwt` is for issuers that send `typ: JWT` or
 * none and leave claims out; what keeps ID tokens apart is then a client and no trace of an ID token.
 */
export type TokenProfile = 'rfc9068' | 'jwt'

/** What is asked of the tokens of one issuer. The slice of the configuration that the checks of a token need. */
export interface IssuerRule {
  /** The identifier of the issuer, compared as a string. */
  readonly issuer: string
  /** One of these must stand in `aud`. */
  readonly audiences: readonly string[]
  /** Whether any further audience makes a token unusable. */
  readonly rejectForeignAudiences: boolean
  /** JWS algorithms, exact case. */
  readonly algorithms: readonly string[]
  readonly profile: TokenProfile
  /** Claims that scopes are read from; each a space-delimited string or a list. */
  readonly scopeClaims: readonly string[]
  /** How far the clocks of issuer and resource may be apart. */
  readonly clockToleranceSeconds: number
}
