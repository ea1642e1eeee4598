import type { GrantRefusalReason } from '../errors/reasons.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from '../stores/organizations/organization-directory.ts'
import { callHost } from '../time-limit.ts'
import type { ImpersonationRecord } from './record.ts'
import { checkAccess, isListOfIds } from './record.ts'

/** The steps that make a grant: a session is at hand, and says whether a member of staff impersonates a customer. */
export type NewGrantStep = 'first-party' | 'consent'

/**
 * The steps that use a grant again. What was saved with the grant says who made it; `exchange` and `refresh` have no session
 * at all.
 */
export type ExistingGrantStep = 'automatic-approval' | 'exchange' | 'refresh'

/** The steps at which a grant is checked. */
export type GrantStep = NewGrantStep | ExistingGrantStep

export const newGrantSteps: readonly NewGrantStep[] = ['first-party', 'consent']
export const existingGrantSteps: readonly ExistingGrantStep[] = ['automatic-approval', 'exchange', 'refresh']

export function isNewGrantStep (step: unknown): step is NewGrantStep {
  return newGrantSteps.includes(step as NewGrantStep)
}

export function isExistingGrantStep (step: unknown): step is ExistingGrantStep {
  return existingGrantSteps.includes(step as ExistingGrantStep)
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
  /** When the impersonation ends in any case, in milliseconds since the epoch. Default: it is not known. */
  readonly endsAt?: number | null
}

/** What was decided about a grant, for the response and for the audit. */
export interface GrantDecision {
  /** Only `true` makes a grant. */
  readonly allowed: boolean
  readonly reason: GrantReason
  /** `null` when nobody impersonates, or when the check could not be completed. */
  readonly impersonation: Impersonated | null
  /** What the grant gives access to; `null` when it was not said, or cannot be read. */
  readonly access: GrantAccess | null
  /**
   * What to save with the grant, its codes and its tokens; `null` for a customer's own grant, and for a refusal. For a grant
   * that exists it is the record that was saved with it.
   */
  readonly record: ImpersonationRecord | null
  /** Organizations that the grant covers and that have not approved; for the audit, never for the response. */
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
  /** The issuer of the token that is used. Default: it is a grant of this server's own. */
  readonly issuer?: string
}

/**
 * Decides whether a grant may be made, or used again. A customer acting for themselves always may; nothing is looked up
 * then. A member of staff who impersonates a customer may only when every organization that the grant covers has approved AI
 * processing, and had when the grant was made. Unknown ids, an empty list and a malformed answer refuse; a look-up that fails
 * is `lookup_failed`.
 *
 * It never throws.
 */
export async function checkGrant (
  impersonation: Impersonated | null, access: unknown, directory: OrganizationDirectory, settings: CheckGrantSettings
): Promise<GrantDecision> {
  if (impersonation === null) return decision('not_impersonating', { impersonation, access: checkAccess(access) })
  const checked = checkAccess(access)
  if (hasEnded(impersonation, settings.now)) return decision('impersonation_ended', { impersonation, access: checked })
  if (checked === null) return decision('access_malformed', { impersonation })
  const known = { impersonation, access: checked }
  let report: AccessReport
  try {
    report = await callHost(settings.timeoutMs, () => directory.report(impersonation.customer, checked, settings.issuer))
  } catch (error) {
    return decision('lookup_failed', { ...known, error })
  }
  // A directory is the host's code: an unclear answer counts as none.
  if (!isReport(report)) return decision('lookup_failed', { ...known, error: new TypeError('directory.report must return { organizations, complete, withoutApproval, approvedSince }') })
  const { organizations, complete, withoutApproval, approvedSince = null } = report
  if (complete !== true) return decision('organization_unknown', { ...known, withoutApproval })
  if (withoutApproval.length > 0) return decision('not_approved', { ...known, withoutApproval })
  if (organizations <= 0) return decision('access_empty', known)
  return decision(isOlder(settings.grantedAt, approvedSince) ? 'approval_younger' : 'approved', known)
}

/** The decision when even the session could not be read: nothing is granted, to customers neither. */
export function lookupFailed (error: unknown): GrantDecision {
  return decision('lookup_failed', { impersonation: null, error })
}

/** A decision that needs no directory. */
export function decision (reason: GrantReason, details: Pick<GrantDecision, 'impersonation'> & Partial<GrantDecision>): GrantDecision {
  return Object.freeze({
    access: null,
    record: null,
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

/** An approval that is younger than the grant is not the approval that the grant was made under. */
function isOlder (grantedAt: number | null | undefined, approvedSince: number | null): boolean {
  return grantedAt !== undefined && approvedSince !== null && (grantedAt ?? -Infinity) < approvedSince
}

function isReport (value: unknown): value is AccessReport {
  if (typeof value !== 'object' || value === null) return false
  const { organizations, withoutApproval, approvedSince = null } = value as Record<string, unknown>
  return Number.isSafeInteger(organizations) && isListOfIds(withoutApproval) && (approvedSince === null || Number.isFinite(approvedSince))
}
