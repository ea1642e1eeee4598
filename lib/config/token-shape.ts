import { OptionError } from '../errors/errors.ts'
import { anyFunction, claimPath, closed, text, texts } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { AccessToken } from '../token/access-token.ts'
import { asymmetricAlgorithms } from '../token/signature.ts'
import type { ClaimPath } from '../token/claim-path.ts'
import type { ClientMark, ExpectedToken, IssuerHints, TokenProfile } from '../token/expected-token.ts'
import { unknownPlaceholder } from '../token/expected-token.ts'
import type { SignatureAlgorithm } from './algorithms.ts'
import { checkAlgorithms } from './algorithms.ts'

/** The claims in which an issuer has what no registered claim has: the name of a claim, or the path of names that leads to it. */
export interface ClaimOptions {
  /** The audience. Default: `aud`. */
  audience?: ClaimPath
  /** The actor: an object like `act`, or its identifier alone. Default: `act`, which is read wherever this claim is missing. */
  actor?: ClaimPath
  /** Default: `roles`. */
  roles?: ClaimPath
  /** The organizations that a token is bound to: one or a list. Default: tokens are not bound. */
  organizations?: ClaimPath
  /** The teams that a token is bound to. Default: tokens are not bound. */
  teams?: ClaimPath
  /** The session of a token, for revocation. Default: `sid`. */
  session?: ClaimPath
  /** The grant that a token comes from, for revocation. Default: none. */
  grant?: ClaimPath
}

/** A rule about verified access tokens. */
export interface TokenRuleOptions {
  /** Its name in the log. */
  name: string
  /** Whether the token keeps the rule: only `true` counts. If it throws, the response is 503. */
  check: (accessToken: AccessToken) => boolean | Promise<boolean>
  /** Accepts tokens that break the rule, and logs them: for a new rule. Default: false. */
  reportOnly?: boolean
}

/** What the access tokens of an issuer look like: the options that a preset can set. */
export interface TokenShapeOptions {
  /** One of these must be in `aud`. Default: the `resource`. */
  audience?: string | readonly string[]
  /**
   * Accepts tokens without `aud`, signed ones and introspected ones alike. Dangerous where the issuer issues tokens for other
   * resources, too: those are then accepted. A token with a foreign `aud` is refused all the same. The server warns about it
   * at each start. Default: false.
   */
  allowMissingAudience?: boolean
  /**
   * Ignores members of `cnf` that are not understood (RFC 7800 section 3.1). Dangerous: a token that the issuer bound by such
   * a member is then accepted as a bearer token. `jkt` and `x5t#S256` count all the same. The server warns about it at each
   * start. Default: false.
   */
  allowUnknownConfirmation?: boolean
  /** Whether a token with further audiences is refused; `report`: it is accepted and logged. Default: false. */
  rejectForeignAudiences?: boolean | 'report'
  /** JWS algorithms. Default: all asymmetric ones that are supported. */
  algorithms?: readonly SignatureAlgorithm[]
  /**
   * `rfc9068` (default): `typ` is `at+jwt` and the claims of RFC 9068 are there, which distinguishes access tokens from ID
   * tokens for certain. `jwt`: for issuers that send `typ: JWT` or none; access tokens are then recognized by
   * `requiredClaims`, or else by a client or a scope and no claim of ID tokens. The log of a refused token says which one
   * would accept it.
   */
  profile?: TokenProfile
  /**
   * Accepts tokens that nothing distinguishes from an ID token, for issuers whose service tokens have neither a client nor a
   * scope: GitHub Actions, Kubernetes, Google. `aud` alone then decides. Use it only with an audience that is not the client
   * id of any application. Default: false.
   */
  allowIdTokens?: boolean
  /** Claims that scopes are read from. Default: `scope`; with profile `jwt`, `scope` and `scp`. */
  scopeClaims?: readonly ClaimPath[]
  /** The claims in which this issuer has what no registered claim has. */
  claims?: ClaimOptions
  /** Claims that access tokens must have with exactly these values, and other tokens do not: `{ token_use: 'access' }`. */
  requiredClaims?: Readonly<Record<string, string>>
  /**
   * The claims of a token whose client acts for itself, where `sub` is not the client: `[{ gty: 'client-credentials' }]`. One
   * match is enough. Default: none.
   */
  clientTokens?: readonly ClientMark[]
  /** Rules of your own about verified tokens. A token that breaks one is invalid. */
  tokenRules?: readonly TokenRuleOptions[]
}

/** @internal */
export const tokenShapeSchemas: OptionSchemas<keyof TokenShapeOptions> = optionGroup<TokenShapeOptions>()({
  audience: Type.Optional(Type.Union([text, texts])),
  allowMissingAudience: Type.Optional(Type.Boolean()),
  allowUnknownConfirmation: Type.Optional(Type.Boolean()),
  rejectForeignAudiences: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('report')])),
  algorithms: Type.Optional(texts),
  profile: Type.Optional(Type.Enum(['rfc9068', 'jwt'])),
  allowIdTokens: Type.Optional(Type.Boolean()),
  scopeClaims: Type.Optional(Type.Array(claimPath, { minItems: 1 })),
  claims: Type.Optional(Type.Object(optionGroup<ClaimOptions>()({
    audience: Type.Optional(claimPath),
    actor: Type.Optional(claimPath),
    roles: Type.Optional(claimPath),
    organizations: Type.Optional(claimPath),
    teams: Type.Optional(claimPath),
    session: Type.Optional(claimPath),
    grant: Type.Optional(claimPath)
  }), closed)),
  requiredClaims: Type.Optional(Type.Record(Type.String(), Type.String())),
  clientTokens: Type.Optional(Type.Array(
    Type.Record(Type.String(), Type.Union([text, Type.Literal(true)]), { minProperties: 1 }))),
  tokenRules: Type.Optional(Type.Array(Type.Object(optionGroup<TokenRuleOptions>()({
    name: text,
    check: anyFunction,
    reportOnly: Type.Optional(Type.Boolean())
  }), closed)))
})

/** Settings of the plugin that an issuer takes where it has none of its own. */
export interface TokenShapeDefaults {
  readonly resource: string
  readonly clockToleranceSeconds: number
}

/** What is known of an issuer beside the shape of its tokens. */
export interface TokenShapeContext extends TokenShapeDefaults {
  /** What the issuer is called where the user wrote it. */
  readonly name: string
  readonly hints: IssuerHints
}

/** @throws OptionError */
export function resolveExpectedToken (
  issuer: string, options: TokenShapeOptions, { name, resource, clockToleranceSeconds, hints }: TokenShapeContext
): ExpectedToken {
  const {
    audience = resource, rejectForeignAudiences = false, algorithms = asymmetricAlgorithms, profile = 'rfc9068',
    allowMissingAudience = false, allowUnknownConfirmation = false, allowIdTokens = false, claims = {}, requiredClaims = {}, clientTokens = [], tokenRules = []
  } = options
  checkAlgorithms(algorithms, `${name}.algorithms`)
  checkClientTokens(clientTokens, `${name}.clientTokens`)
  return Object.freeze({
    issuer,
    audiences: Object.freeze(typeof audience === 'string' ? [audience] : [...audience]),
    allowMissingAudience,
    allowUnknownConfirmation,
    foreignAudiences: rejectForeignAudiences === 'report' ? 'report' : rejectForeignAudiences ? 'refuse' : 'accept',
    algorithms: Object.freeze([...algorithms]),
    profile,
    allowIdTokens,
    scopeClaims: Object.freeze([...options.scopeClaims ?? (profile === 'jwt' ? ['scope', 'scp'] : ['scope'])]),
    claims: Object.freeze({
      audience: claims.audience ?? 'aud',
      actor: claims.actor ?? 'act',
      roles: claims.roles ?? 'roles',
      organizations: claims.organizations ?? null,
      teams: claims.teams ?? null,
      session: claims.session ?? 'sid',
      grant: claims.grant ?? null
    }),
    requiredClaims: Object.freeze({ ...requiredClaims }),
    clientTokens: Object.freeze(clientTokens.map(mark => Object.freeze({ ...mark }))),
    tokenRules: Object.freeze(tokenRules.map(rule => Object.freeze({ reportOnly: false, ...rule }))),
    clockToleranceSeconds,
    hints
  })
}

/** A mark that no token can have would take clients for users. */
function checkClientTokens (marks: readonly ClientMark[], name: string): void {
  const unknown = marks.flatMap(mark => Object.values(mark)).map(unknownPlaceholder).find(found => found !== null)
  if (unknown !== undefined) throw new OptionError(`${name} has the placeholder ${unknown}; known are {clientId} and {subject}`)
}
