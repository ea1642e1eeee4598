import { describeValue } from '../errors/detail.ts'
import { readClaim } from './claim-path.ts'
import type { Claims, ClaimPath } from './claim-path.ts'
import { parseConfirmation } from './confirmation.ts'
import type { ExpectedToken } from './expected-token.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { criticalParameterOf, hasType, refused } from './jwt.ts'

/** What a check looks at. */
export interface CheckInput {
  readonly jwt: Pick<UnverifiedJwt, 'header' | 'claims'>
  readonly expected: ExpectedToken
  /** Seconds since the epoch. */
  readonly now: number
  /** Takes the names of rules that the token breaks and that are not enforced yet. */
  readonly brokenRules: string[]
}

/** Throws InvalidTokenError when the token is not acceptable. */
export type Check = (input: CheckInput) => void

const maxKeyIdLength = 512

/**
 * The checks that need no key, in their order. They come before the signature, so that a token which would be refused
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
export function checkAlgorithm ({ jwt: { header: { alg } }, expected: { algorithms } }: CheckInput): void {
  if (algorithms.includes(alg as string)) return
  throw refused('algorithm_refused', { expected: `alg is one of ${algorithms.join(', ')}`, received: `alg is ${describeValue(alg)}` })
}

/** RFC 8725bis section 3.10: attacker input, so of one type and bounded before anything is looked up by it. */
export function checkKeyId ({ jwt: { header: { kid } } }: CheckInput): void {
  if (kid === undefined || (typeof kid === 'string' && kid.length <= maxKeyIdLength)) return
  throw refused('key_id_refused', { expected: `kid is a string of at most ${maxKeyIdLength} characters`, received: `kid is ${describeValue(kid)}` })
}

/** RFC 7515 section 4.1.11 and RFC 7797. */
export function checkCritical ({ jwt: { header } }: CheckInput): void {
  const name = criticalParameterOf(header)
  if (name === undefined) return
  throw refused('critical_header_refused', {
    expected: `no ${name} in the header: no extension of JWS is supported`, received: `${name} is ${describeValue(header[name])}`
  })
}

/** RFC 9068 section 4 and RFC 8725bis section 3.11: compared as a media type, without case. */
export function checkType ({ jwt: { header }, expected: { profile } }: CheckInput): void {
  const { typ } = header
  if (typ === undefined && profile === 'jwt') return
  if (hasType(header, 'at+jwt') || (profile === 'jwt' && hasType(header, 'jwt'))) return
  throw refused('type_refused', {
    expected: profile === 'jwt' ? 'typ is at+jwt or JWT, or missing' : 'typ is at+jwt (RFC 9068)',
    received: describeClaim('typ', typ),
    // Only where another profile would accept it.
    ...(typ === undefined || hasType(header, 'jwt')) && { fix: "set profile: 'jwt' or a preset for this issuer, if its access tokens have this typ" }
  })
}

const fixForMissingAudience = 'request the token for this resource (parameter resource or audience of the token request); or set claims.audience, ' +
  'if another claim names the audience; or set allowMissingAudience: true, if this issuer issues tokens for this resource alone'

const fixForForeignAudience = 'request the token for this resource, or configure its audience at the issuer (an audience mapper, an API); ' +
  'or set audience of the issuer to a value that only tokens for this API have'

/** RFC 9068 section 4: exact, never a prefix. */
export function checkAudience ({ jwt: { claims }, expected, brokenRules }: CheckInput): void {
  const { audiences, foreignAudiences } = expected
  const audience = audienceOf(claims, expected)
  if (audience === null) throw refused('audience_missing', audienceDetail(claims, expected, fixForMissingAudience))
  if (!audience.some(one => audiences.includes(one))) throw refused('audience_foreign', audienceDetail(claims, expected, fixForForeignAudience))
  if (foreignAudiences === 'accept' || audience.every(one => audiences.includes(one))) return
  if (foreignAudiences === 'refuse') throw refused('audience_foreign', audienceDetail(claims, expected, 'rejectForeignAudiences refuses further audiences'))
  brokenRules.push('foreignAudiences')
}

function audienceDetail (claims: Claims, { audiences, claims: { audience } }: ExpectedToken, fix: string): { expected: string, received: string, fix: string } {
  return {
    expected: `${nameOf(audience)} is ${audiences.join(' or ')}`,
    received: describeClaim(nameOf(audience), readClaim(claims, audience)),
    fix
  }
}

/** RFC 7519 section 4.1.4: now must be before `exp`. */
export function checkExpiry ({ jwt: { claims: { exp } }, expected, now }: CheckInput): void {
  if (!isNumericDate(exp)) throw refused('claim_missing', { expected: 'exp is a number of seconds', received: describeClaim('exp', exp) })
  if (now >= exp + expected.clockToleranceSeconds) throw refused('token_expired', timeDetail('exp', exp, now, expected))
}

/** RFC 7519 section 4.1.5. */
export function checkNotBefore (input: CheckInput): void {
  checkNotInTheFuture('nbf', input)
}

/** RFC 7519 section 4.1.6; a token from the future has not been issued. */
export function checkIssuedAt (input: CheckInput): void {
  checkNotInTheFuture('iat', input)
}

function checkNotInTheFuture (name: 'nbf' | 'iat', { jwt: { claims }, expected, now }: CheckInput): void {
  const time = claims[name]
  if (isMissing(time, expected)) return
  if (!isNumericDate(time)) throw refused('claim_malformed', { expected: `${name} is a number of seconds`, received: `${name} is ${describeValue(time)}` })
  if (now < time - expected.clockToleranceSeconds) throw refused('token_not_yet_valid', timeDetail(name, time, now, expected))
}

function timeDetail (name: string, time: number, now: number, { clockToleranceSeconds }: ExpectedToken): { expected: string, received: string } {
  return {
    expected: `${name} is ${name === 'exp' ? 'after' : 'not after'} ${now}, now, with ${clockToleranceSeconds} s of clockToleranceSeconds`,
    received: `${name} is ${time}`
  }
}

/** RFC 9068 section 2.2. Other profiles need a subject alone, or a client that acts for itself. */
export function checkRequiredClaims ({ jwt: { claims }, expected }: CheckInput): void {
  const subject = expected.profile === 'rfc9068' ? claims.sub : subjectOf(claims)
  if (!isText(subject)) throw missing('sub', claims.sub, expected.profile === 'rfc9068' && isText(clientIdOf(claims)) ? fixByProfile : fixForMissingSubject)
  for (const name of ['client_id', 'jti', 'iat']) {
    const value = claims[name]
    if (expected.profile === 'rfc9068' && (name === 'iat' ? value === undefined : !isText(value))) throw missing(name, value, fixByProfile)
    if (name !== 'iat' && !isMissing(value, expected) && !isText(value)) {
      throw refused('claim_malformed', { expected: `${name} is a string`, received: `${name} is ${describeValue(value)}` })
    }
  }
}

const fixByProfile = "set profile: 'jwt' or a preset for this issuer, if its access tokens do not follow RFC 9068"
const fixForMissingSubject = 'the token names no user (sub) and no client (client_id, azp, cid or appid): configure the issuer to send one of them'

function missing (name: string, value: unknown, fix: string): Error {
  return refused('claim_missing', { expected: `claim ${name}`, received: describeClaim(name, value), fix })
}

function describeClaim (name: string, value: unknown): string {
  return value === undefined ? `${name} is missing` : `${name} is ${describeValue(value)}`
}

/** Claims that this issuer's access tokens have with exactly these values, and its other tokens do not (`token_use: access`). */
export function checkClaimValues ({ jwt: { claims }, expected: { requiredClaims } }: CheckInput): void {
  for (const [name, value] of Object.entries(requiredClaims)) {
    const found = readClaim(claims, name)
    if (found !== value) throw refused('type_refused', { expected: `${name} is ${value} (requiredClaims)`, received: describeClaim(name, found) })
  }
}

const onlyInIdTokens = ['nonce', 'at_hash', 'c_hash', 's_hash']
const clientClaims = ['client_id', 'azp', 'cid', 'appid']

/**
 * An ID token is not an access token. RFC 9068 tells them apart by `typ`. Where `typ` does not, and no `requiredClaims`
 * do, the claims have to: an access token has a client or scopes, and none of the claims that only an ID token has
 * (OpenID Connect Core 1.0 sections 2 and 3.3.2.11), save for `nonce`, which some issuers add to all tokens.
 */
export function checkNotAnIdToken ({ jwt: { claims }, expected }: CheckInput): void {
  if (expected.profile === 'rfc9068' || expected.allowIdTokens === true || identifiesAccessTokens(expected)) return
  const scope = expected.scopeClaims.some(path => !isAbsent(readClaim(claims, path)))
  const client = clientClaims.find(name => !isAbsent(claims[name]))
  const mark = onlyInIdTokens.find(name => name in claims && !(name === 'nonce' && scope && client !== undefined))
  if (mark !== undefined) throw idToken(`${mark} is in the token, as in an ID token`)
  if (client === undefined && !scope) throw idToken('there is no client and no scope in the token, as in an ID token')
  // The audience of an ID token is the client (`azp` repeats it).
  const audience = audienceOf(claims, expected) ?? []
  if (isText(claims.azp) && audience.length === 1 && audience[0] === claims.azp && !scope) {
    throw idToken('azp is the audience and there is no scope in the token, as in an ID token')
  }
}

/** Entra writes `ver` into its ID tokens as well. */
function identifiesAccessTokens ({ requiredClaims }: ExpectedToken): boolean {
  return Object.keys(requiredClaims).some(name => name !== 'ver')
}

function idToken (received: string): Error {
  return refused('type_refused', {
    expected: 'an access token',
    received,
    fix: 'send the access token; or set requiredClaims to a claim that only access tokens of this issuer have, or allowIdTokens'
  })
}

/**
 * RFC 7800 section 3.1: a token that is bound to a key is worth nothing without a proof of that key. Here `cnf` is read; the
 * proof is checked with each request that presents the token.
 */
export function checkConfirmation ({ jwt: { claims: { cnf } }, expected: { allowUnknownConfirmation } }: CheckInput): void {
  if (parseConfirmation(cnf, allowUnknownConfirmation) !== 'unsupported') return
  throw refused('confirmation_unsupported', {
    expected: 'cnf has no other members than jkt (RFC 9449) and x5t#S256 (RFC 8705), each a SHA-256 thumbprint',
    received: `cnf is ${describeValue(cnf)}`
  })
}

/** The audience as a list; `null` when it is missing or not made of strings. */
export function audienceOf (claims: Claims, { claims: { audience: path }, audiences, allowMissingAudience }: ExpectedToken): readonly string[] | null {
  const aud = readClaim(claims, path)
  if (allowMissingAudience === true && (isAbsent(aud) || aud === '' || (Array.isArray(aud) && aud.length === 0))) return audiences.slice(0, 1)
  if (typeof aud === 'string') return [aud]
  return Array.isArray(aud) && aud.length > 0 && aud.every(one => typeof one === 'string') ? aud as string[] : null
}

/**
 * The subject. A client that acts for itself may have none of its own (RFC 7662 section 2.2); where there is a `username`,
 * the token is a user's.
 */
export function subjectOf (claims: Claims): unknown {
  return claims.sub ?? (isAbsent(claims.username) ? clientIdOf(claims) : undefined)
}

/** `client_id`, or the claim that issuers have instead; `null` when the token names no client. */
export function clientIdOf (claims: Claims): string | null {
  return clientClaims.map(name => claims[name]).find(isText) ?? null
}

/** A claim that is `null` says nothing (RFC 7519 does not define it): the standard's own profile refuses it as malformed. */
function isMissing (value: unknown, { profile }: ExpectedToken): boolean {
  return value === undefined || (value === null && profile === 'jwt')
}

function isAbsent (value: unknown): boolean {
  return value === undefined || value === null
}

function nameOf (path: ClaimPath): string {
  return typeof path === 'string' ? path : path.join('.')
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** RFC 7519 section 2: seconds since the epoch, fractions allowed. */
function isNumericDate (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
