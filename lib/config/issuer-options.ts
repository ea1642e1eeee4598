import type { ConfidentialAuthentication } from '../client/oauth/client-authentication.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { ClaimPath } from '../token/claim-path.ts'
import type { ClientMark, TokenProfile } from '../token/expected-token.ts'

/** The kinds of issuer there are `issuerPresets` for. */
export type PresetName = 'entra' | 'keycloak' | 'auth0' | 'okta' | 'cognito'

/** Where an issuer puts things: the name of a claim, or a list of the names that lead to it. */
export interface ClaimOptions {
  /** The audience. Default: `aud`. */
  audience?: ClaimPath
  /**
   * Who acts for the subject: an object like `act`, or the actor's identifier alone. Default: `act`, which is looked at in
   * any case where there is nothing else.
   */
  actor?: ClaimPath
  /** Default: `roles`. */
  roles?: ClaimPath
  /** The organizations, or the teams, that a token is bound to: one or a list. Default: tokens are bound to none. */
  organizations?: ClaimPath
  teams?: ClaimPath
  /** The session a token belongs to, for revocation. Default: `sid`. */
  session?: ClaimPath
  /** The grant a token came from, for revocation. Default: none. */
  grant?: ClaimPath
}

/** A rule about verified access tokens. */
export interface TokenRuleOptions {
  /** What a log calls it. */
  name: string
  /** Whether the token keeps it: only `true` is a yes. One that throws makes the answer 503. */
  check: (accessToken: AccessToken) => boolean | Promise<boolean>
  /** Lets tokens in that break it, and logs them: for a rule that is new. Default: false. */
  reportOnly?: boolean
}

/** Asking an issuer about its tokens (RFC 7662). */
export interface IntrospectionOptions {
  clientId: string
  /** How this server proves who it is: a secret, a key, or the certificate that `fetch` presents. */
  authentication: ConfidentialAuthentication
  /** Default: what the issuer's metadata says. */
  endpoint?: string
  /** The answer must be a JWT signed with this algorithm (RFC 9701). Default: it is plain JSON. */
  signedResponseAlgorithm?: string
  /**
   * What the opaque tokens of this issuer begin with. Default: `''`, every token that is no JWT; one issuer can have that.
   * `null`: it issues JWTs alone.
   */
  opaquePrefix?: string | null
  /** How long an answer may be kept, in seconds; never past the token's expiry. 0 to ask each time. Default: 10. */
  cacheSeconds?: number
  /** How long a token that was refused is refused without asking, in seconds. Default: 0. */
  refusedCacheSeconds?: number
  /** How many questions may be under way at the same time; a token that would need one more is 503. Default: 100. */
  maxConcurrent?: number
  /** Believes answers without `aud`, as this issuer answers for this resource alone. Default: false. */
  allowMissingAudience?: boolean
  /** Makes these requests, with a client certificate for instance. Default: the `fetch` of the options. */
  fetch?: Fetch
}

/** What is asked of the tokens of one authorization server, where it is more than its identifier. */
export interface IssuerOptions {
  /** The issuer identifier (RFC 8414 section 2), exactly as it stands in `iss`. */
  issuer: string
  /** What must stand in `aud`: one value, or several of which any will do. Default: the `resource`. */
  audience?: string | readonly string[]
  /** Whether a token that names further audiences is refused; `report`: it is let in and logged. Default: false. */
  rejectForeignAudiences?: boolean | 'report'
  /** JWS algorithms. Default: RS, PS and ES with 256, 384 and 512 bits, EdDSA and Ed25519. */
  algorithms?: readonly string[]
  /**
   * `rfc9068` (default), or `jwt` for issuers that send `typ: JWT` or none. Then a client or a scope must be there, and
   * no member that only ID tokens have.
   */
  profile?: TokenProfile
  /** Claims that scopes are read from. Default: `scope`; with profile `jwt`, `scope` and `scp`. */
  scopeClaims?: readonly ClaimPath[]
  /** Where this issuer puts what has no registered claim. */
  claims?: ClaimOptions
  /** What its access tokens say word for word, and its other tokens do not: `{ token_use: 'access' }`. */
  requiredClaims?: Readonly<Record<string, string>>
  /**
   * What its tokens say when a client acts for itself, where `sub` is not the client: `[{ gty: 'client-credentials' }]`. Any
   * one of them will do. Default: none.
   */
  clientTokens?: readonly ClientMark[]
  /** Rules of your own about verified tokens; one that is broken makes the token invalid. */
  tokenRules?: readonly TokenRuleOptions[]
  /** Asks the issuer about its tokens, in place of checking them here (RFC 7662). */
  introspection?: IntrospectionOptions
  /** Data for a kind of issuer, which the other options override. See `issuerPresets`. */
  preset?: PresetName
  /** Where the keys are. Default: what the issuer's metadata says (RFC 8414, else OpenID Connect Discovery). */
  jwksUri?: string
  /** The keys themselves, a JWK Set (RFC 7517 section 5). Nothing is fetched then. */
  jwks?: Readonly<Record<string, unknown>>
  /** Whether the metadata document names this issuer. Default: true. */
  advertised?: boolean
  /** Seconds that the clocks may be apart, 0 to 300. Default: the option of the same name beside `authorizationServers`. */
  clockToleranceSeconds?: number
}
