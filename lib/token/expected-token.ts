import type { AccessToken } from './access-token.ts'
import type { ClaimPath } from './claim-path.ts'

/**
 * The kinds of JWT access token there are. `rfc9068` is the standard. `jwt` is for issuers that send `typ: JWT` or
 * none and leave claims out; ID tokens are then recognized by what they lack and by claims of their own.
 */
export type TokenProfile = 'rfc9068' | 'jwt'

/** Where an issuer puts what has no registered claim, or another than it should have. */
export interface ClaimMapping {
  /** Default: `aud`. */
  readonly audience: ClaimPath
  /** The actor that acts for the subject; where this claim is missing, `act` is read. */
  readonly actor: ClaimPath
  readonly roles: ClaimPath
  readonly organizations: ClaimPath | null
  readonly teams: ClaimPath | null
  readonly session: ClaimPath
  readonly grant: ClaimPath | null
}

/** A rule about verified access tokens. */
export interface TokenRule {
  /** Its name in the log. */
  readonly name: string
  readonly check: (accessToken: AccessToken) => boolean | Promise<boolean>
  /** Whether a token that breaks the rule is accepted and reported, until the rule is trusted. */
  readonly reportOnly: boolean
}

/**
 * The claims of a token whose client acts for itself: a name and a value, or `true` for a claim of any value. All of them
 * must match. `{clientId}` and `{subject}` stand for the client and the subject of the token.
 */
export type ClientMark = Readonly<Record<string, string | true>>

/** What the tokens of one issuer must be. The slice of the configuration that the checks of a token need. */
export interface ExpectedToken {
  /** The identifier of the issuer, compared as a string. */
  readonly issuer: string
  /** One of these must be in `aud`. */
  readonly audiences: readonly string[]
  /** Whether a token without an audience is taken for one of this resource, as the issuer issues them for no other. */
  readonly allowMissingAudience: boolean
  /** Whether members of `cnf` that are not understood are ignored; such a token may be a plain bearer token here. */
  readonly allowUnknownConfirmation: boolean
  /** What any further audience does to a token; `report`: it is accepted, and reported. */
  readonly foreignAudiences: 'accept' | 'report' | 'refuse'
  /** JWS algorithms, exact case. */
  readonly algorithms: readonly string[]
  readonly profile: TokenProfile
  /** Whether tokens are accepted that nothing distinguishes from an ID token, as `aud` alone decides. */
  readonly allowIdTokens: boolean
  /** Claims that scopes are read from; each a space-delimited string or a list. */
  readonly scopeClaims: readonly ClaimPath[]
  readonly claims: ClaimMapping
  /** Claims that must have exactly these values. */
  readonly requiredClaims: Readonly<Record<string, string>>
  /** What else tells that a client acts for itself, beside a subject that is the client. */
  readonly clientTokens: readonly ClientMark[]
  /** Rules of the host, asked after every other check. */
  readonly tokenRules: readonly TokenRule[]
  /** How far the clocks of issuer and resource may differ. */
  readonly clockToleranceSeconds: number
  /** What the log says beside a refusal. */
  readonly hints: IssuerHints
}

/** What the log says about a refusal beside the refusal: where the issuer is configured, and what may have been meant. No check depends on it. */
export interface IssuerHints {
  /** The option that configures the issuer: `authorizationServers[0]`. */
  readonly option: string
  /** Whether its value is the identifier alone, so that an option of the issuer has no place yet. */
  readonly isIdentifier: boolean
  /** The preset that is set. */
  readonly preset: string | null
  /** The preset of the product that the identifier names, and what tokens must be with it; `null` where a preset is set. */
  readonly withPreset: { readonly name: string, readonly expected: ExpectedToken } | null
  /** What to do about tokens of the same issuer under another identifier, by that identifier. */
  readonly otherIdentifiers: ReadonlyMap<string, string>
}

/** An option of the issuer as a fix names it: `authorizationServers[0].audience`. */
export function optionOf ({ hints: { option } }: Pick<ExpectedToken, 'hints'>, name: string): string {
  return `${option}.${name}`
}

/** A setting of the issuer as a fix names it: `authorizationServers[0].profile: 'jwt'`. */
export function settingOf ({ issuer, hints: { option, isIdentifier } }: Pick<ExpectedToken, 'hints' | 'issuer'>, name: string, value: string): string {
  const setting = `${option}.${name}: '${value}'`
  return isIdentifier ? `${setting} (write { issuer: '${issuer}', ${name}: '${value}' } in place of the identifier)` : setting
}

/** The first placeholder of a value that stands for nothing; `null` when there is none. */
export function unknownPlaceholder (value: string | true): string | null {
  return value === true ? null : /\{(?!clientId\}|subject\})[^{}]*\}/.exec(value)?.[0] ?? null
}
