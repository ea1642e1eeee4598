import { describeValue } from '../errors/detail.ts'
import { readClaim } from './claim-path.ts'
import type { Claims } from './claim-path.ts'
import { parseConfirmation } from './confirmation.ts'
import type { ExpectedToken } from './expected-token.ts'
import { optionOf } from './expected-token.ts'
import { describeMark, fixForIdToken, identifiesAccessTokens, markOfIdToken } from './id-token.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { criticalParameterOf, hasType, refused } from './jwt.ts'
import { asymmetricAlgorithms } from './signature.ts'
import { audienceOf, isAbsent, isText, nameOf, subjectOf } from './token-claims.ts'

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
export function checkAlgorithm ({ jwt: { header: { alg } }, expected }: CheckInput): void {
  const { algorithms } = expected
  if (algorithms.includes(alg as string)) return
  throw refused('algorithm_refused', {
    expected: `alg is one of ${algorithms.join(', ')}`,
    received: `alg is ${describeValue(alg)}`,
    fix: asymmetricAlgorithms.includes(alg as string)
      ? `add it to ${optionOf(expected, 'algorithms')}, if the issuer is meant to sign with it`
      : 'the issuer must sign with one of these: with a symmetric algorithm this server could issue tokens itself, and with none there is no signature'
  })
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
    fix: 'send the access token: this is another kind of token of the issuer'
  })
}

const fixForMissingAudience = (expected: ExpectedToken): string =>
  'request the token for this resource (parameter resource or audience of the token request); ' +
  `or set ${optionOf(expected, 'claims.audience')}, if another claim names the audience; ` +
  `or set ${optionOf(expected, 'allowMissingAudience')}: true, if this issuer issues tokens for this resource alone`

const fixForForeignAudience = (expected: ExpectedToken): string =>
  'request the token for this resource, or configure its audience at the issuer (an audience mapper, an API); ' +
  `or set ${optionOf(expected, 'audience')} to a value that only tokens for this API have`

/** RFC 9068 section 4: exact, never a prefix. */
export function checkAudience ({ jwt: { claims }, expected, brokenRules }: CheckInput): void {
  const { audiences, foreignAudiences } = expected
  const audience = audienceOf(claims, expected)
  if (audience === null) throw refused('audience_missing', audienceDetail(claims, expected, fixForMissingAudience(expected)))
  if (!audience.some(one => audiences.includes(one))) throw refused('audience_foreign', audienceDetail(claims, expected, fixForForeignAudience(expected)))
  if (foreignAudiences === 'accept' || audience.every(one => audiences.includes(one))) return
  if (foreignAudiences === 'refuse') throw refused('audience_foreign', audienceDetail(claims, expected, `${optionOf(expected, 'rejectForeignAudiences')} refuses further audiences`))
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
  if (now < time - expected.clockToleranceSeconds) {
    throw refused('token_not_yet_valid', {
      ...timeDetail(name, time, now, expected), fix: `synchronize the clocks of issuer and server, or raise ${optionOf(expected, 'clockToleranceSeconds')}`
    })
  }
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
  if (!isText(subject)) throw missingSubject(claims, expected)
  for (const name of ['client_id', 'jti', 'iat']) {
    const value = claims[name]
    if (expected.profile === 'rfc9068' && (name === 'iat' ? value === undefined : !isText(value))) throw refused('claim_missing', { expected: `claim ${name} (RFC 9068 section 2.2)`, received: describeClaim(name, value) })
    if (name !== 'iat' && !isMissing(value, expected) && !isText(value)) {
      throw refused('claim_malformed', { expected: `${name} is a string`, received: `${name} is ${describeValue(value)}` })
    }
  }
}

function missingSubject (claims: Claims, { profile }: ExpectedToken): Error {
  const { sub, username } = claims
  const client = 'client_id, azp, cid or appid'
  if (profile === 'rfc9068') {
    return refused('claim_missing', { expected: `claim sub (RFC 9068 section 2.2); with profile 'jwt' ${client} suffices`, received: describeClaim('sub', sub) })
  }
  return sub === undefined || sub === null
    ? refused('claim_missing', {
      expected: `claim sub for a user, or ${client} for a client that acts for itself`,
      received: `${describeClaim('sub', sub)}, and ${isAbsent(username) ? 'there is no client' : 'username names a user'}`,
      fix: 'configure the issuer to send one of them'
    })
    : refused('claim_missing', { expected: 'sub is a string that is not empty', received: describeClaim('sub', sub), fix: 'configure the issuer to send the identifier of the user in sub' })
}

function describeClaim (name: string, value: unknown): string {
  return value === undefined ? `${name} is missing` : `${name} is ${describeValue(value)}`
}

/** Claims that this issuer's access tokens have with exactly these values, and its other tokens do not (`token_use: access`). */
export function checkClaimValues ({ jwt: { claims }, expected }: CheckInput): void {
  for (const [name, value] of Object.entries(expected.requiredClaims)) {
    const found = readClaim(claims, name)
    if (found === value) continue
    throw refused('type_refused', {
      expected: `${name} is ${value} (requiredClaims)`,
      received: describeClaim(name, found),
      fix: `send an access token of the issuer; or correct ${optionOf(expected, 'requiredClaims')}, if its access tokens have another value`
    })
  }
}

/**
 * An ID token is not an access token. RFC 9068 tells them apart by `typ`. Where `typ` does not, and no `requiredClaims`
 * do, the other claims have to.
 */
export function checkNotAnIdToken ({ jwt: { claims }, expected }: CheckInput): void {
  if (expected.profile === 'rfc9068' || expected.allowIdTokens || identifiesAccessTokens(expected)) return
  const found = markOfIdToken(claims, expected)
  if (found === null) return
  throw refused('type_refused', {
    expected: 'an access token',
    received: describeMark(found),
    fix: `${fixForIdToken}; or, if it is an access token, set ${optionOf(expected, 'requiredClaims')} to a claim that only access tokens of this issuer have`
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

/** A claim that is `null` says nothing (RFC 7519 does not define it): the standard's own profile refuses it as malformed. */
function isMissing (value: unknown, { profile }: ExpectedToken): boolean {
  return value === undefined || (value === null && profile === 'jwt')
}

/** RFC 7519 section 2: seconds since the epoch, fractions allowed. */
function isNumericDate (value: unknown): value is number {
  return Number.isFinite(value)
}
