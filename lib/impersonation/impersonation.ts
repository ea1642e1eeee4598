/**
 * A member of staff who acts as a customer, as the server knows it from the session that it keeps itself. In the terms of RFC
 * 8693 the member of staff is the actor, and the customer is the subject.
 */
export interface Impersonation {
  /** The actor: the identifier of the staff account. */
  readonly staff: string
  /** The subject: the identifier of the customer's account. */
  readonly customer: string
  /** The session in which it happens. Default: it is not said, and all sessions of this pair count as one. */
  readonly sessionId?: string | null
  /** Whether staff may read and not write. Default: false. */
  readonly readOnly?: boolean
  /** When it ends in any case, in milliseconds since the epoch. Default: it is not known. */
  readonly endsAt?: number | null
  /** How long it lasts when nothing is done. Default: it is not known. */
  readonly idleTimeoutSeconds?: number | null
}

/** An impersonation with the defaults filled in. */
export type KnownImpersonation = { readonly [Name in keyof Impersonation]-?: Exclude<Impersonation[Name], undefined> }

/**
 * Reads what a function of the host, or a database, says of an impersonation.
 *
 * @returns `null` for null: nobody impersonates
 * @throws TypeError for everything else. `undefined` is no answer either: a column of another name, a row that was not found
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
  throw new TypeError('an impersonation must be null for nobody, or { staff, customer } with sessionId, readOnly, endsAt and idleTimeoutSeconds where they are known')
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isPositive (value: unknown): boolean {
  return Number.isFinite(value) && (value as number) > 0
}
