import type { AccessToken } from './access-token.ts'
import { checkAudience, checkConfirmation, checkExpiry, checkIssuedAt, checkNotBefore } from './checks.ts'
import type { Check } from './checks.ts'
import { accessTokenFrom } from './from-claims.ts'
import type { IssuerRule } from './issuer-rule.ts'
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
  answer: Answer, rule: IssuerRule, allowMissingAudience: boolean, now: number
): Introspected {
  if (answer.active !== true) throw refused('token_inactive')
  if (answer.iss !== undefined && answer.iss !== rule.issuer) throw refused('issuer_unknown')
  if (!isBearer(answer.token_type)) throw refused('type_refused')

  const missingAudience = answer.aud === undefined && allowMissingAudience
  const claims = {
    ...answer,
    ...missingAudience && { aud: rule.audiences[0] },
    // A client that acts for itself may have no subject of its own.
    sub: answer.sub ?? answer.client_id
  }
  const checks: Check[] = [checkAudience, checkNotBefore, checkIssuedAt, checkConfirmation]
  if (answer.exp !== undefined) checks.push(checkExpiry)
  const brokenRules: string[] = []
  for (const check of checks) check({ jwt: { compact: '', header: {}, claims }, rule, now, brokenRules })
  if (typeof claims.sub !== 'string' || claims.sub === '') throw refused('claim_missing')
  return { accessToken: accessTokenFrom(claims, rule), brokenRules }
}

/** RFC 7662 section 2.2 and RFC 6749 section 5.1: optional, without case. Other kinds need a proof, or are no access tokens. */
function isBearer (type: unknown): boolean {
  return type === undefined || (typeof type === 'string' && type.toLowerCase() === 'bearer')
}
