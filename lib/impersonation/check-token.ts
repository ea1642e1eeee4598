import type { Clock } from '../clock.ts'
import { InvalidTokenError, OAuthResourceError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { callHost, isPromise, withinTime } from '../time-limit.ts'
import type { GrantDecision } from './check-grant.ts'
import { decision, hasEnded, checkGrant, lookupFailed } from './check-grant.ts'
import type { TokenImpersonation } from './token-impersonation.ts'
import type { ImpersonatedTokenSettings } from './token-options.ts'

/** What was decided about a token that is used. */
export interface TokenDecision {
  readonly impersonation: TokenImpersonation | null
  readonly decision: GrantDecision
  /** `null` when the token may be used. */
  readonly refusal: OAuthResourceError | null
}

/**
 * Checks a verified access token, each time it is used. It answers at once with `null` for a token that is not impersonated:
 * nothing is looked up for those.
 *
 * It never throws.
 */
export type CheckToken = (accessToken: AccessToken) => TokenDecision | null | Promise<TokenDecision | null>

const retryAfterSeconds = 5

export function createCheckToken ({ directory, impersonationOf, accessOf, sessionIsActive, timeoutMs }: ImpersonatedTokenSettings, clock: Clock): CheckToken {
  const decide = async (impersonation: TokenImpersonation, accessToken: AccessToken): Promise<GrantDecision> => {
    try {
      const now = clock.now()
      if (hasEnded(impersonation, now)) return decision('impersonation_ended', { impersonation })
      if (sessionIsActive !== null && await callHost(timeoutMs, () => sessionIsActive(impersonation, accessToken)) !== true) {
        return decision('impersonation_ended', { impersonation })
      }
      const access = await callHost(timeoutMs, () => accessOf(accessToken))
      return await checkGrant(impersonation, access, directory, { now, timeoutMs, grantedAt: grantedAtOf(impersonation, accessToken), issuer: accessToken.issuer })
    } catch (error) {
      return decision('lookup_failed', { impersonation, error })
    }
  }
  const checkMark = (found: unknown, accessToken: AccessToken): null | Promise<TokenDecision> => {
    if (found === null) return null
    const impersonation = readImpersonation(found)
    if (impersonation === null) return Promise.resolve(failed(new TypeError('impersonationOf must return null or { staff, customer }')))
    return decide(impersonation, accessToken).then(decided => ({ impersonation, decision: decided, refusal: refusalOf(decided) }))
  }

  return accessToken => {
    try {
      const found = impersonationOf(accessToken)
      if (!isPromise(found)) return checkMark(found, accessToken)
      return withinTime(found, timeoutMs).then(late => checkMark(late, accessToken)).catch(failed)
    } catch (error) {
      return failed(error)
    }
  }
}

function failed (error: unknown): TokenDecision {
  const decided = lookupFailed(error)
  return { impersonation: null, decision: decided, refusal: refusalOf(decided) }
}

/** `iat` is in whole seconds: an approval of the same second counts as younger than the grant. */
function grantedAtOf ({ grantedAt = null }: TokenImpersonation, { issuedAt }: AccessToken): number | null {
  return grantedAt ?? (issuedAt === null ? null : Math.floor(issuedAt) * 1000)
}

/** Reads what a function of the host returned, which may be anything. */
function readImpersonation (value: unknown): TokenImpersonation | null {
  const { staff = null, customer, endsAt = null, grantedAt = null } = (value ?? {}) as Partial<Record<string, unknown>>
  const readable = typeof customer === 'string' && (staff === null || typeof staff === 'string') &&
    (endsAt === null || Number.isFinite(endsAt)) && (grantedAt === null || Number.isFinite(grantedAt))
  return readable ? { ...value as TokenImpersonation, staff } : null
}

/** 401 after the end of the session, 503 when the check could not be completed, 403 otherwise. */
function refusalOf ({ allowed, reason, error }: GrantDecision): OAuthResourceError | null {
  if (allowed) return null
  return withoutStackTrace(() => {
    if (reason === 'impersonation_ended') return new InvalidTokenError('impersonation_over')
    if (reason === 'lookup_failed') return new UnavailableError('impersonation_unavailable', retryAfterSeconds, error)
    return new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: reason as Exclude<typeof reason, 'approved' | 'not_impersonating'> })
  })
}
