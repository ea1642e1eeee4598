import type { AccessToken } from './access-token.ts'
import {
  checkAudience, checkClaimValues, checkConfirmation, checkExpiry, checkIssuedAt, checkNotAnIdToken, checkNotBefore, checkRequiredClaims
} from './checks.ts'
import type { Check } from './checks.ts'
import { readClaim } from './claim-path.ts'
import { accessTokenFrom } from './from-claims.ts'
import type { ExpectedToken } from './expected-token.ts'
import { refused } from './jwt.ts'

/** What an issuer said about one of its tokens. */
export interface Introspected {
  readonly accessToken: AccessToken
  /** Rules that the token breaks and that are not enforced yet. */
  readonly brokenRules: readonly string[]
}

type Answer = Readonly<Record<string, unknown>>

/**
 * Makes the access token of an introspection answer (RFC 7662 section 2.2). `active` alone says that the authorization
 * server knows the token, not that it was meant for us: issuer, audience, times and kind are checked as those of a JWT.
 *
 * @param now seconds since the epoch
 * @throws InvalidTokenError
 */
export function accessTokenFromIntrospection (
  answer: Answer, rule: ExpectedToken, allowMissingAudience: boolean, now: number
): Introspected {
  if (answer.active !== true) throw refused('token_inactive')
  if (answer.iss !== undefined && answer.iss !== rule.issuer) throw refused('issuer_unknown')
  if (!isBearer(answer.token_type)) throw refused('type_refused')

  // What is believed to be meant for us is written down as if it had been said.
  const audienceIsOurs = allowMissingAudience && readClaim(answer, rule.claims.audience) === undefined
  const readBy = audienceIsOurs ? { ...rule, claims: { ...rule.claims, audience: 'aud' } } : rule
  const claims = {
    ...answer,
    ...audienceIsOurs && { aud: rule.audiences[0] },
    // A client that acts for itself may have no subject of its own; a user is not to be taken for it.
    sub: answer.sub ?? (isAbsent(answer.username) ? answer.client_id : undefined)
  }
  const brokenRules: string[] = []
  const input = { jwt: { compact: '', header: {}, claims }, rule: readBy, now, brokenRules }
  for (const check of checks) check(input)
  if (answer.exp !== undefined) checkExpiry(input)
  // Less has to be in an answer than in a JWT, and what is in it has to be of the same shape.
  checkRequiredClaims({ ...input, rule: { ...readBy, profile: 'jwt' } })
  return { accessToken: accessTokenFrom(claims, readBy), brokenRules }
}

/** Of the checks of a JWT those that an answer has to pass as well. */
const checks: readonly Check[] = [
  checkAudience, checkNotBefore, checkIssuedAt, checkClaimValues, checkNotAnIdToken, checkConfirmation
]

function isAbsent (value: unknown): boolean {
  return value === undefined || value === null
}

/** RFC 7662 section 2.2 and RFC 6749 section 5.1: optional, without case. Other kinds need a proof, or are no access tokens. */
function isBearer (type: unknown): boolean {
  return type === undefined || (typeof type === 'string' && type.toLowerCase() === 'bearer')
}
