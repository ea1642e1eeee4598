import type { GrantRefusalReason } from '../reasons.ts'
import type { GrantReach, OrganizationDirectory, ReachReport } from '../stores/organization-directory.ts'

/** A member of staff who acts as a customer. */
export interface Impersonation {
  /** Who really sits there. */
  readonly staff: string
  /** Who it looks like. */
  readonly customer: string
}

/** Why a grant may or may not be made. */
export type GrantReason =
  | 'not_impersonating'
  | 'approved'
  | GrantRefusalReason

/** What was decided about a grant, for the answer and for the audit. */
export interface GrantDecision {
  readonly allowed: boolean
  readonly reason: GrantReason
  /** `null` when nobody impersonates, or when that could not be found out. */
  readonly impersonation: Impersonation | null
  /** Organizations in reach that have not approved; for the audit, never for the answer. */
  readonly withoutApproval: readonly string[]
  /** What failed, where a look-up did. */
  readonly error: unknown
}

/**
 * Decides whether a grant may be made. A customer acting for themselves always may; nothing is looked up then. A member
 * of staff who impersonates one may only when every organization the grant would reach has said yes to AI processing.
 * What is unknown, empty, malformed or cannot be looked up is a no.
 *
 * It never throws.
 */
export async function judgeGrant (
  impersonation: Impersonation | null, reach: unknown, directory: OrganizationDirectory
): Promise<GrantDecision> {
  const decide = (reason: GrantReason, withoutApproval: readonly string[] = [], error: unknown = null): GrantDecision =>
    Object.freeze({
      allowed: reason === 'not_impersonating' || reason === 'approved',
      reason,
      impersonation,
      withoutApproval,
      error
    })

  if (impersonation === null) return decide('not_impersonating')
  const checked = checkReach(reach)
  if (checked === null) return decide('reach_malformed')
  let report: ReachReport
  try {
    report = await directory.report(impersonation.customer, checked)
  } catch (error) {
    return decide('lookup_failed', [], error)
  }
  // A directory is somebody else's code: what it did not say clearly, it did not say.
  if (!isReport(report)) return decide('lookup_failed', [], new TypeError('the directory gave no report'))
  if (report.complete !== true) return decide('organization_unknown', report.withoutApproval)
  if (report.withoutApproval.length > 0) return decide('not_approved', report.withoutApproval)
  return decide(report.organizations > 0 ? 'approved' : 'reach_empty')
}

/** A decision for when not even the session could be looked at: whoever that is, nothing is granted. */
export function lookupFailed (error: unknown): GrantDecision {
  return Object.freeze({ allowed: false, reason: 'lookup_failed', impersonation: null, withoutApproval: [], error })
}

/** No level means everything: a grant that does not limit itself is not limited. */
function checkReach (reach: unknown): GrantReach | null {
  if (reach === undefined || reach === null) return { level: 'all' }
  const { level, organizations, teams } = reach as Record<string, unknown>
  if (level === undefined || level === null || level === 'all') return { level: 'all' }
  if (level === 'organization' && isListOfIds(organizations)) return { level, organizations }
  if (level === 'team' && isListOfIds(teams)) return { level, teams }
  return null
}

function isListOfIds (value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(id => typeof id === 'string')
}

function isReport (value: unknown): value is ReachReport {
  if (typeof value !== 'object' || value === null) return false
  const { organizations, withoutApproval } = value as Record<string, unknown>
  return Number.isSafeInteger(organizations) && isListOfIds(withoutApproval)
}
