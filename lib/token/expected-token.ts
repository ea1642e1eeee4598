import type { AccessToken } from './access-token.ts'
import type { ClaimPath } from './claim-path.ts'
import type { ClientMark } from './principal.ts'

/**
 * The kinds of JWT access token there are. `rfc9068` is the standard. `jwt` is for issuers that send `typ: JWT` or
 * none and leave claims out; what keeps ID tokens apart is then a client and no trace of an ID token.
 */
export type TokenProfile = 'rfc9068' | 'jwt'

/** Where an issuer puts what has no registered claim, or another than it should have. */
export interface ClaimMapping {
  /** Default: `aud`. */
  readonly audience: ClaimPath
  /** Who acts for the subject; where it has nothing, `act` is looked at all the same. */
  readonly actor: ClaimPath
  readonly roles: ClaimPath
  readonly organizations: ClaimPath | null
  readonly teams: ClaimPath | null
  readonly session: ClaimPath
  readonly grant: ClaimPath | null
}

/** A rule about verified access tokens. */
export interface TokenRule {
  /** What a log calls it. */
  readonly name: string
  readonly check: (accessToken: AccessToken) => boolean | Promise<boolean>
  /** Whether a token that breaks it is let in and told of, until the rule is trusted. */
  readonly reportOnly: boolean
}

/** What is asked of the tokens of one issuer. The slice of the configuration that the checks of a token need. */
export interface ExpectedToken {
  /** The identifier of the issuer, compared as a string. */
  readonly issuer: string
  /** One of these must stand in `aud`. */
  readonly audiences: readonly string[]
  /** Whether a token without an audience is taken for one of this resource, as the issuer issues them for no other. */
  readonly allowMissingAudience?: boolean
  /** What any further audience does to a token; `report`: it is let in, and told of. */
  readonly foreignAudiences: 'accept' | 'report' | 'refuse'
  /** JWS algorithms, exact case. */
  readonly algorithms: readonly string[]
  readonly profile: TokenProfile
  /** Whether a token that nothing distinguishes from an ID token is accepted: `aud` alone decides. */
  readonly allowIdTokens?: boolean
  /** Claims that scopes are read from; each a space-delimited string or a list. */
  readonly scopeClaims: readonly ClaimPath[]
  readonly claims: ClaimMapping
  /** What a token must say word for word, to be an access token of this issuer. */
  readonly requiredClaims: Readonly<Record<string, string>>
  /** What tokens say whose client acts for itself, beside a subject that is the client. */
  readonly clientTokens: readonly ClientMark[]
  /** Rules of the host's own, asked after everything else. */
  readonly tokenRules: readonly TokenRule[]
  /** How far the clocks of issuer and resource may be apart. */
  readonly clockToleranceSeconds: number
}
