/** A member of staff who acts as a customer, as the server knows it from the session that it keeps itself. */
export interface Impersonation {
  /** Who really sits there. */
  readonly staff: string
  /** Who it looks like. */
  readonly customer: string
  /** The session in which it happens. Default: it is not said, and all of this pair's are one. */
  readonly sessionId?: string | null
  /** Whether staff may look and not touch. Default: false. */
  readonly readOnly?: boolean
  /** When it is over in any case, in milliseconds since the epoch. Default: it is not known. */
  readonly endsAt?: number | null
  /** How long it lasts when nothing is done. Default: it is not known. */
  readonly idleTimeoutSeconds?: number | null
}

/** The same with nothing left out. */
export type KnownImpersonation = { readonly [Name in keyof Impersonation]-?: Exclude<Impersonation[Name], undefined> }

/**
 * Reads what a host's function, or a database, says of an impersonation.
 *
 * @returns `null` for null: nobody impersonates
 * @throws TypeError for what is neither null nor an impersonation: whoever that is, it is not a customer. Undefined is no
 * answer: a column of another name, a row that was not found.
 */
export function checkImpersonation (value: unknown): KnownImpersonation | null {
  if (value === null) return null
  const { staff, customer, sessionId = null, readOnly = false, endsAt = null, idleTimeoutSeconds = null } = (value ?? {}) as Partial<Impersonation>
  if (
    isText(staff) && isText(customer) && (sessionId === null || typeof sessionId === 'string') && typeof readOnly === 'boolean' &&
    (endsAt === null || Number.isFinite(endsAt)) && (idleTimeoutSeconds === null || isPositive(idleTimeoutSeconds))
  ) {
    return Object.freeze({ staff, customer, sessionId, readOnly, endsAt, idleTimeoutSeconds })
  }
  throw new TypeError('an impersonation is null for nobody, or { staff, customer } with sessionId, readOnly, endsAt and idleTimeoutSeconds')
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isPositive (value: unknown): boolean {
  return Number.isFinite(value) && (value as number) > 0
}
