import { refused } from './jwt.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { readClaim } from './claim-path.ts'
import type { ExpectedToken } from './expected-token.ts'

/** What a check looks at. */
export interface CheckInput {
  readonly jwt: UnverifiedJwt
  readonly rule: ExpectedToken
  /** Seconds since the epoch. */
  readonly now: number
  /** Takes the names of rules that the token breaks and that are not enforced yet. */
  readonly brokenRules: string[]
}

const maxKeyIdLength = 512

/** Throws InvalidTokenError when the token is not acceptable. */
export type Check = (input: CheckInput) => void

/**
 * The checks that need no key, in their order. They stand before the signature, so that a token which would be refused
 * anyway causes neither a look-up of keys nor work on a signature; one that passes them is not yet believed.
 * RFC 9068 section 4, RFC 8725bis section 3.
 */
export const checks: readonly Check[] = [
  checkAlgorithm,
  checkKeyId,
  checkCritical,
  checkType,
  checkAudience,
  checkExpiry,
  checkNotBefore,
  checkIssuedAt,
  checkRequiredClaims,
  checkClaimValues,
  checkNotAnIdToken,
  checkConfirmation
]

/** RFC 8725bis section 3.1: from an explicit list, exact case. */
export function checkAlgorithm ({ jwt, rule }: CheckInput): void {
  if (!rule.algorithms.includes(jwt.header.alg as string)) throw refused('algorithm_refused')
}

/** RFC 8725bis section 3.10: attacker input, so of one type and bounded before anything is looked up by it. */
export function checkKeyId ({ jwt }: CheckInput): void {
  const { kid } = jwt.header
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKeyIdLength)) throw refused('key_id_refused')
}

/** RFC 7515 section 4.1.11 and RFC 7797: no extension is understood here, so none may be critical. */
export function checkCritical ({ jwt }: CheckInput): void {
  if ('crit' in jwt.header || 'b64' in jwt.header) throw refused('critical_header_refused')
}

/** RFC 9068 section 4 and RFC 8725bis section 3.11: compared as a media type, without case. */
export function checkType ({ jwt, rule }: CheckInput): void {
  const { typ } = jwt.header
  if (typ === undefined && rule.profile === 'jwt') return
  if (typeof typ !== 'string') throw refused('type_refused')
  const type = typ.toLowerCase().replace(/^application\//, '')
  if (type !== 'at+jwt' && !(type === 'jwt' && rule.profile === 'jwt')) throw refused('type_refused')
}

/** RFC 9068 section 4: exact, never a prefix. */
export function checkAudience ({ jwt, rule, brokenRules }: CheckInput): void {
  const audience = audienceOf(jwt.claims, rule)
  if (audience === null) throw refused('audience_missing')
  if (!audience.some(one => rule.audiences.includes(one))) throw refused('audience_foreign')
  if (rule.foreignAudiences === 'accept' || audience.every(one => rule.audiences.includes(one))) return
  if (rule.foreignAudiences === 'refuse') throw refused('audience_foreign')
  brokenRules.push('foreignAudiences')
}

/** RFC 7519 section 4.1.4: now must be before `exp`. */
export function checkExpiry ({ jwt, rule, now }: CheckInput): void {
  const { exp } = jwt.claims
  if (!isNumericDate(exp)) throw refused('claim_missing')
  if (now >= exp + rule.clockToleranceSeconds) throw refused('token_expired')
}

/** RFC 7519 section 4.1.5. */
export function checkNotBefore ({ jwt, rule, now }: CheckInput): void {
  const { nbf } = jwt.claims
  if (nbf === undefined) return
  if (!isNumericDate(nbf)) throw refused('claim_malformed')
  if (now < nbf - rule.clockToleranceSeconds) throw refused('token_not_yet_valid')
}

/** RFC 7519 section 4.1.6; a token from the future has not been issued. */
export function checkIssuedAt ({ jwt, rule, now }: CheckInput): void {
  const { iat } = jwt.claims
  if (iat === undefined) return
  if (!isNumericDate(iat)) throw refused('claim_malformed')
  if (now < iat - rule.clockToleranceSeconds) throw refused('token_not_yet_valid')
}

/** RFC 9068 section 2.2. */
export function checkRequiredClaims ({ jwt: { claims }, rule }: CheckInput): void {
  if (!isText(claims.sub)) throw refused('claim_missing')
  if (rule.profile === 'rfc9068') {
    if (!isText(claims.client_id) || !isText(claims.jti) || claims.iat === undefined) throw refused('claim_missing')
  }
  for (const name of ['client_id', 'jti']) {
    if (claims[name] !== undefined && !isText(claims[name])) throw refused('claim_malformed')
  }
}

/** What this issuer's access tokens say word for word, and its other tokens do not (`token_use: access`). */
export function checkClaimValues ({ jwt: { claims }, rule }: CheckInput): void {
  for (const [name, value] of Object.entries(rule.requiredClaims)) {
    if (readClaim(claims, name) !== value) throw refused('type_refused')
  }
}

/**
 * An ID token is not an access token. RFC 9068 tells them apart by `typ`; where `typ` does not, an access token has a
 * client or scopes, and none of the members that only an ID token has (OpenID Connect Core 1.0 sections 2 and 3.3.2.11).
 */
export function checkNotAnIdToken ({ jwt: { claims }, rule }: CheckInput): void {
  if (rule.profile === 'rfc9068') return
  if (['nonce', 'at_hash', 'c_hash', 's_hash'].some(name => name in claims)) throw refused('type_refused')
  if (!['client_id', 'azp', 'cid'].some(name => name in claims) && !hasScope(claims, rule)) throw refused('type_refused')
  // The audience of an ID token is the client (`azp` repeats it).
  const audience = audienceOf(claims, rule) ?? []
  if (isText(claims.azp) && audience.length === 1 && audience[0] === claims.azp && !hasScope(claims, rule)) {
    throw refused('type_refused')
  }
}

/**
 * RFC 7800 section 3.1: a token that is bound to a key is worth nothing without a proof of that key. No kind of proof is
 * understood here, so a bound token is refused and never taken for a plain one.
 */
export function checkConfirmation ({ jwt }: CheckInput): void {
  if (jwt.claims.cnf !== undefined) throw refused('proof_missing')
}

/** The audience as a list; `null` when it is missing or not made of strings. */
export function audienceOf (claims: Readonly<Record<string, unknown>>, rule: ExpectedToken): readonly string[] | null {
  const aud = readClaim(claims, rule.claims.audience)
  if (typeof aud === 'string') return [aud]
  return Array.isArray(aud) && aud.length > 0 && aud.every(one => typeof one === 'string') ? aud as string[] : null
}

function hasScope (claims: Readonly<Record<string, unknown>>, rule: ExpectedToken): boolean {
  return rule.scopeClaims.some(path => readClaim(claims, path) !== undefined)
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** RFC 7519 section 2: seconds since the epoch, fractions allowed. */
function isNumericDate (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
