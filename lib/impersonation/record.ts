import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import type { Impersonation, KnownImpersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'
import { checkAccess } from './access.ts'

/**
 * What an authorization server saves with every grant, code and token that an impersonator makes, and with none that a
 * customer makes: plain JSON, by value. It is there for as long as the grant is, whatever becomes of the member of staff.
 */
export interface ImpersonationRecord extends KnownImpersonation {
  /** What the grant reaches, as it was judged. */
  readonly reach: GrantAccess
  /** The client that it was given to; `null` when that was not said. */
  readonly client: string | null
  /** When it was made, in milliseconds since the epoch. */
  readonly grantedAt: number
}

/** What a stamp says of the grant, beside who made it. */
export interface RecordedGrant {
  /** Default: everything of the customer. */
  readonly reach?: GrantAccess | null
  readonly client?: string | null
  /** Milliseconds since the epoch. */
  readonly grantedAt: number
}

/**
 * The stamp of a new grant.
 *
 * @returns `null` when nobody impersonates
 * @throws TypeError for what is neither null nor an impersonation, and for a reach that cannot be read
 */
export function createImpersonationRecord (impersonation: Impersonation | null, { reach, client = null, grantedAt }: RecordedGrant): ImpersonationRecord | null {
  const known = checkImpersonation(impersonation)
  if (known === null) return null
  const checked = checkAccess(reach)
  if (checked === null || !Number.isFinite(grantedAt)) throw new TypeError('a stamp says what the grant reaches and when it was made')
  return Object.freeze({ ...known, reach: checked, client, grantedAt })
}

/**
 * Reads a stamp as it was saved.
 *
 * @returns `null` for null: the grant is the customer's own
 * @throws TypeError for what is no stamp: a mark that cannot be read is a mark all the same. Undefined was not saved with any
 * grant: what was not found is nobody's own.
 */
export function parseImpersonationRecord (value: unknown): ImpersonationRecord | null {
  const { reach, client, grantedAt } = (value ?? {}) as Partial<ImpersonationRecord>
  return createImpersonationRecord(value as Impersonation | null, { reach: reach ?? null, client: client ?? null, grantedAt: grantedAt! })
}

/**
 * Whether an automatic approval may use a grant again: only one that was made in the same state of impersonation. A
 * customer's own are for the customer; a member of staff's for the same member of staff, as the same customer, in the same
 * session and as free to touch.
 *
 * @param stamp what was saved with the grant: `null` for a customer's own
 * @param impersonation of the request that would use it; `null` for nobody
 */
export function isSameImpersonator (stamp: unknown, impersonation: Impersonation | null): boolean {
  try {
    const made = parseImpersonationRecord(stamp)
    const now = checkImpersonation(impersonation)
    if (made === null || now === null) return made === now
    return made.staff === now.staff && made.customer === now.customer && made.sessionId === now.sessionId && made.readOnly === now.readOnly
  } catch {
    return false
  }
}
