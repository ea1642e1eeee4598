import type { Clock } from '../clock.ts'
import type { OAuthResourceError } from '../errors/errors.ts'
import { InvalidTokenError, OAuthResourceError as Refusal, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { askWithin } from '../time-limit.ts'
import type { GrantDecision } from './check-grant.ts'
import { decision, hasEnded, checkGrant, lookupFailed } from './check-grant.ts'
import type { TokenImpersonation } from './token-impersonation.ts'
import type { ImpersonatedTokenSettings } from './token-options.ts'

/** What was decided about a token that is used. */
export interface UseDecision {
  readonly impersonation: TokenImpersonation | null
  readonly decision: GrantDecision
  /** `null` when it may be used. */
  readonly refusal: OAuthResourceError | null
}

/**
 * Judges an access token that was verified, each time it is used. It answers at once with `null` for a token that nobody
 * impersonates by: nothing is looked up for those.
 *
 * It never throws.
 */
export type CheckUse = (accessToken: AccessToken) => UseDecision | null | Promise<UseDecision | null>

const retryAfterSeconds = 5

export function createCheckUse ({ directory, impersonationOf, reachOf, isAlive, timeoutMs }: ImpersonatedTokenSettings, clock: Clock): CheckUse {
  const judge = async (impersonation: TokenImpersonation, accessToken: AccessToken): Promise<GrantDecision> => {
    try {
      const now = clock.now()
      const over = hasEnded(impersonation, now) || (isAlive !== null && await askWithin(timeoutMs, () => isAlive(impersonation, accessToken)) !== true)
      if (over) return decision('impersonation_ended', { impersonation })
      const reach = await askWithin(timeoutMs, () => reachOf(accessToken))
      return await checkGrant(impersonation, reach, directory, { now, timeoutMs, grantedAt: grantedAtOf(impersonation, accessToken), issuer: accessToken.issuer })
    } catch (error) {
      return decision('lookup_failed', { impersonation, error })
    }
  }
  const judgeIfMarked = (found: unknown, accessToken: AccessToken): null | Promise<UseDecision> => {
    if (found === null) return null
    const impersonation = readImpersonation(found)
    if (impersonation === null) return Promise.resolve(verdict(null, lookupFailed(new TypeError('impersonationOf must return null or { staff, customer }'))))
    return judge(impersonation, accessToken).then(decided => verdict(impersonation, decided))
  }
  const failed = (error: unknown): UseDecision => verdict(null, lookupFailed(error))

  return accessToken => {
    try {
      const found = impersonationOf(accessToken)
      if (typeof (found as { then?: unknown } | null)?.then !== 'function') return judgeIfMarked(found, accessToken)
      return askWithin(timeoutMs, () => found).then(late => judgeIfMarked(late, accessToken)).catch(failed)
    } catch (error) {
      return failed(error)
    }
  }
}

/** Whole seconds stand for their beginning: where it is not known which came first, the approval came after the grant. */
function grantedAtOf ({ grantedAt = null }: TokenImpersonation, { issuedAt }: AccessToken): number | null {
  return grantedAt ?? (issuedAt === null ? null : Math.floor(issuedAt) * 1000)
}

/** Of a host's own function, which may give anything. */
function readImpersonation (value: unknown): TokenImpersonation | null {
  const { staff = null, customer, endsAt = null, grantedAt = null } = (value ?? {}) as Partial<Record<string, unknown>>
  const readable = typeof customer === 'string' && (staff === null || typeof staff === 'string') &&
    (endsAt === null || Number.isFinite(endsAt)) && (grantedAt === null || Number.isFinite(grantedAt))
  return readable ? { ...value as TokenImpersonation, staff } : null
}

function verdict (impersonation: TokenImpersonation | null, decided: GrantDecision): UseDecision {
  return { impersonation, decision: decided, refusal: refusalOf(decided) }
}

/** A dead session leaves a dead token; what could not be found out is not held against the token; all else is not allowed. */
function refusalOf ({ allowed, reason, error }: GrantDecision): OAuthResourceError | null {
  if (allowed) return null
  return withoutStackTrace(() => {
    if (reason === 'impersonation_ended') return new InvalidTokenError('impersonation_over')
    if (reason === 'lookup_failed') return new UnavailableError('impersonation_unavailable', retryAfterSeconds, error)
    return new Refusal('FST_OAUTH_ACCESS_DENIED', { reason: reason as Exclude<typeof reason, 'approved' | 'not_impersonating'> })
  })
}
