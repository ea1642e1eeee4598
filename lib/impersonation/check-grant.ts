import type { GrantRefusalReason } from '../errors/reasons.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from '../stores/organizations/organization-directory.ts'
import { askWithin } from '../time-limit.ts'
import { checkAccess, isListOfIds } from './access.ts'

/** The ways on which a grant comes to be, or is used again. */
export type GrantStep = 'first-party' | 'automatic-approval' | 'consent' | 'exchange' | 'refresh'

/** On these there is a client and no session of anybody's: who made the grant is known by its stamp alone. */
export function isBackChannel (path: unknown): boolean {
  return path === 'exchange' || path === 'refresh'
}

/** Why a grant may or may not be made. */
export type GrantReason =
  | 'not_impersonating'
  | 'approved'
  | GrantRefusalReason

/** Who impersonates whom. */
export interface Impersonated {
  /** `null` where a token does not say. */
  readonly staff: string | null
  readonly customer: string
  readonly endsAt?: number | null
}

/** What was decided about a grant, for the answer and for the audit. */
export interface GrantDecision {
  readonly allowed: boolean
  readonly reason: GrantReason
  /** `null` when nobody impersonates, or when that could not be found out. */
  readonly impersonation: Impersonated | null
  /** What the grant would reach; `null` when nobody impersonates, or when it was not said in a way that can be read. */
  readonly reach: GrantAccess | null
  /** Organizations in reach that have not approved; for the audit, never for the answer. */
  readonly withoutApproval: readonly string[]
  /** What failed, where a look-up did. */
  readonly error: unknown
}

/** What the decision depends on beside who and what. */
export interface CheckGrantSettings {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** How long the directory may take. */
  readonly timeoutMs: number
  /**
   * When the grant was made that is used again, in milliseconds since the epoch. `null` when that is not known: no approval
   * is known to be older then. Default: it is about to be made.
   */
  readonly grantedAt?: number | null
  /** Whose token is used. Default: it is a grant of this server's own. */
  readonly issuer?: string
}

const defaultRules: CheckGrantSettings = { now: -Infinity, timeoutMs: 2000 }

/**
 * Decides whether a grant may be made, or used again. A customer acting for themselves always may; nothing is looked up
 * then. A member of staff who impersonates one may only when every organization the grant would reach has said yes to AI
 * processing, and had when the grant was made. What is unknown, empty, malformed or cannot be looked up is a no.
 *
 * It never throws.
 */
export async function checkGrant (
  impersonation: Impersonated | null, reach: unknown, directory: OrganizationDirectory, rules: CheckGrantSettings = defaultRules
): Promise<GrantDecision> {
  if (impersonation === null) return decision('not_impersonating', { impersonation })
  const checked = checkAccess(reach)
  if (hasEnded(impersonation, rules.now)) return decision('impersonation_ended', { impersonation, reach: checked })
  if (checked === null) return decision('access_malformed', { impersonation })
  const known = { impersonation, reach: checked }
  let report: AccessReport
  try {
    report = await askWithin(rules.timeoutMs, () => directory.report(impersonation.customer, checked, rules.issuer))
  } catch (error) {
    return decision('lookup_failed', { ...known, error })
  }
  // A directory is somebody else's code: what it did not say clearly, it did not say.
  if (!isReport(report)) return decision('lookup_failed', { ...known, error: new TypeError('the directory gave no report') })
  const { organizations, complete, withoutApproval, approvedSince = null } = report
  if (complete !== true) return decision('organization_unknown', { ...known, withoutApproval })
  if (withoutApproval.length > 0) return decision('not_approved', { ...known, withoutApproval })
  if (organizations <= 0) return decision('access_empty', known)
  return decision(isOlder(rules.grantedAt, approvedSince) ? 'approval_younger' : 'approved', known)
}

/** A decision for when not even the session could be looked at: whoever that is, nothing is granted. */
export function lookupFailed (error: unknown): GrantDecision {
  return decision('lookup_failed', { impersonation: null, error })
}

/** A decision that no directory is needed for. */
export function decision (reason: GrantReason, details: Pick<GrantDecision, 'impersonation'> & Partial<GrantDecision>): GrantDecision {
  return Object.freeze({
    reach: null,
    withoutApproval: [],
    error: null,
    ...details,
    allowed: reason === 'not_impersonating' || reason === 'approved',
    reason
  })
}

export function hasEnded ({ endsAt = null }: Pick<Impersonated, 'endsAt'>, now: number): boolean {
  return endsAt !== null && endsAt <= now
}

/** An approval that is younger than the grant is another one than it was made under. */
function isOlder (grantedAt: number | null | undefined, approvedSince: number | null): boolean {
  return grantedAt !== undefined && approvedSince !== null && (grantedAt ?? -Infinity) < approvedSince
}

function isReport (value: unknown): value is AccessReport {
  if (typeof value !== 'object' || value === null) return false
  const { organizations, withoutApproval, approvedSince = null } = value as Record<string, unknown>
  return Number.isSafeInteger(organizations) && isListOfIds(withoutApproval) && (approvedSince === null || Number.isFinite(approvedSince))
}
