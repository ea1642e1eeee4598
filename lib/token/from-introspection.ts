import { describeValue } from '../errors/detail.ts'
import type { AccessToken } from './access-token.ts'
import {
  checkAudience, checkClaimValues, checkConfirmation, checkExpiry, checkIssuedAt, checkNotAnIdToken, checkNotBefore, checkRequiredClaims
} from './checks.ts'
import type { Check } from './checks.ts'
import { accessTokenFrom } from './from-claims.ts'
import { parseConfirmation } from './confirmation.ts'
import type { ExpectedToken } from './expected-token.ts'
import { refused } from './jwt.ts'
import { runChecks } from './run-checks.ts'

/** The access token of an introspection response. */
export interface Introspected {
  readonly accessToken: AccessToken
  /** Rules that the token breaks and that are not enforced yet. */
  readonly brokenRules: readonly string[]
  /** How long it may still be remembered, where another server got the answer. */
  readonly maxAgeMs?: number
}

type Members = Readonly<Record<string, unknown>>

/**
 * Makes the access token of an introspection response (RFC 7662 section 2.2). `active` alone says that the authorization
 * server knows the token, not that the token is meant for this resource: issuer, audience, times and kind are checked as
 * those of a JWT.
 *
 * @param now seconds since the epoch
 * @throws InvalidTokenError
 */
export function accessTokenFromIntrospection (response: Members, expected: ExpectedToken, now: number): Introspected {
  const claims = withoutNulls(response)
  const { active, iss, token_type: type, exp, cnf } = claims
  if (active !== true) throw refused('token_inactive', { expected: 'active is true (RFC 7662)', received: `active is ${describeValue(active)}` })
  if (iss !== undefined && iss !== expected.issuer) {
    throw refused('issuer_unknown', { expected: `iss is ${expected.issuer}`, received: `iss is ${describeValue(iss)}` })
  }
  const confirmation = parseConfirmation(cnf, expected.allowUnknownConfirmation)
  const wanted = confirmation !== null && confirmation !== 'unsupported' && confirmation.keyThumbprint !== null ? 'DPoP' : 'Bearer'
  if (!isOfType(type, wanted)) {
    throw refused('type_refused', { expected: `token_type is ${wanted}, or missing`, received: `token_type is ${describeValue(type)}` })
  }

  const brokenRules: string[] = []
  const input = { jwt: { header: {}, claims }, expected, now, brokenRules }
  runChecks(checks, input)
  if (exp !== undefined) checkExpiry(input)
  // Fewer members are required than claims of a JWT, and those that are there must be of the same shape.
  checkRequiredClaims({ ...input, expected: { ...expected, profile: 'jwt' } })
  return { accessToken: accessTokenFrom(claims, expected), brokenRules }
}

/** Of the checks of a JWT those that a response has to pass as well. */
const checks: readonly Check[] = [
  checkAudience, checkNotBefore, checkIssuedAt, checkClaimValues, checkNotAnIdToken, checkConfirmation
]

/** Every member is optional, and some servers write `null` for one that they have no value for. `cnf` restricts the token. */
function withoutNulls (response: Members): Members {
  return Object.fromEntries(Object.entries(response).filter(([name, value]) => value !== null || name === 'cnf'))
}

/**
 * RFC 7662 section 2.2 and RFC 6749 section 5.1: optional, without case; `DPoP` for a token that is bound to a key (RFC 9449
 * section 6.2). Other types are no access tokens.
 */
function isOfType (type: unknown, wanted: string): boolean {
  return type === undefined || (typeof type === 'string' && type.toLowerCase() === wanted.toLowerCase())
}
