import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import type { Impersonation, KnownImpersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'

/**
 * What an authorization server saves with every grant, code and token that an impersonator makes, and with none that a
 * customer makes: plain JSON, by value. It stays as long as the grant does, also when the staff account is deleted.
 */
export interface ImpersonationRecord extends KnownImpersonation {
  /** What the grant gives access to, as it was checked. */
  readonly access: GrantAccess
  /** The client that the grant was made for; `null` when it was not said. */
  readonly client: string | null
  /** When the grant was checked and made, in milliseconds since the epoch. */
  readonly grantedAt: number
}

/** What a record says of the grant, beside who made it. */
export interface RecordedGrant {
  /** Default: everything of the customer. */
  readonly access?: GrantAccess | null
  /** The client that the grant is for. Default: `null`, it is not said. */
  readonly client?: string | null
  /** Milliseconds since the epoch. */
  readonly grantedAt: number
}

/**
 * Makes the record of a new grant. A decision of the guard carries it already (`decision.record`); this is for grants that
 * are made without the guard.
 *
 * @returns `null` when nobody impersonates
 * @throws TypeError for what is neither null nor an impersonation, and for an access that cannot be read
 */
export function createImpersonationRecord (impersonation: Impersonation | null, { access, client = null, grantedAt }: RecordedGrant): ImpersonationRecord | null {
  const known = checkImpersonation(impersonation)
  if (known === null) return null
  const checked = checkAccess(access)
  if (checked === null) throw new TypeError('an impersonation record needs access: { level: "all" }, { level: "organization", organizations } or { level: "team", teams }')
  if (!Number.isFinite(grantedAt)) throw new TypeError('an impersonation record needs grantedAt, in milliseconds since the epoch')
  return Object.freeze({ ...known, access: checked, client, grantedAt })
}

/**
 * Reads a record as it was saved.
 *
 * @returns `null` for null: the grant is the customer's own
 * @throws TypeError for everything else that is no record. A record that cannot be read still marks the grant; and `undefined`
 * was not saved with any grant, so a row that was not found is not taken for a customer's own.
 */
export function parseImpersonationRecord (value: unknown): ImpersonationRecord | null {
  const { access, client, grantedAt } = (value ?? {}) as Partial<ImpersonationRecord>
  return createImpersonationRecord(value as Impersonation | null, { access: access ?? null, client: client ?? null, grantedAt: grantedAt! })
}

/**
 * Whether an automatic approval may use a grant again: only one that was made in the same state of impersonation. A
 * customer's own grants are for the customer; those of a member of staff are for the same member of staff, as the same
 * customer, in the same session and with the same write access.
 *
 * @param storedRecord what was saved with the grant: `null` for a customer's own
 * @param impersonation of the request that would use it; `null` when no impersonation is going on
 */
export function isSameImpersonator (storedRecord: unknown, impersonation: Impersonation | null): boolean {
  try {
    const made = parseImpersonationRecord(storedRecord)
    const now = checkImpersonation(impersonation)
    return made?.staff === now?.staff && made?.customer === now?.customer && made?.sessionId === now?.sessionId && made?.readOnly === now?.readOnly
  } catch {
    return false
  }
}

/**
 * Reads the access of a grant. A record without a level has access to everything.
 *
 * @returns `null` for what cannot be read
 */
export function checkAccess (access: unknown): GrantAccess | null {
  if (access === undefined || access === null) return { level: 'all' }
  const { level, organizations, teams } = access as Record<string, unknown>
  if (level === undefined || level === null || level === 'all') return { level: 'all' }
  if (level === 'organization' && isListOfIds(organizations)) return { level, organizations }
  if (level === 'team' && isListOfIds(teams)) return { level, teams }
  return null
}

export function isListOfIds (value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(id => typeof id === 'string')
}
