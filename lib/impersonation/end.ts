import { callHost } from '../time-limit.ts'
import type { WritableRevocationStore } from '../stores/revocations/revocation.ts'

/** An impersonation that has ended: of one customer, or without `customer` of every customer. */
export interface EndedImpersonation {
  readonly staff: string
  /** Default: every customer, for a member of staff who leaves or may no longer impersonate. */
  readonly customer?: string
}

/** Options for ending impersonations: how grants are deleted and tokens revoked. */
export interface ImpersonationEnds {
  /** The issuer of the tokens. */
  readonly issuer: string
  /** The issuer of staff accounts, if it is another one. Default: `issuer`. */
  readonly actorIssuer?: string
  /** The revocation store of the resource servers: tokens issued so far are refused from the next request on. */
  readonly revocations?: WritableRevocationStore
  /** Deletes the codes, grants and refresh tokens whose records say the same: `isOfImpersonation(record, ended)` for each. */
  readonly deleteGrants?: (ended: EndedImpersonation) => void | Promise<void>
  /** How long `deleteGrants` and the revocation store may take each, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number
}

/**
 * Deletes the grants and revokes the tokens that a member of staff made as a customer. Call it after a log-out or when the
 * session expired; without a customer, when the account is deleted or loses rights. The customer's own grants and tokens, and
 * those of other staff, stay valid.
 *
 * End the session first, so that no new grant is made meanwhile. If deleting the grants fails or takes too long, the tokens
 * are still revoked, and vice versa. If it throws, call it again later: it is idempotent.
 *
 * @param ended `null` for a session that impersonates nobody: nothing is done
 * @throws what `deleteGrants` or the store throws; TimeLimitError; an AggregateError when both fail
 */
export async function endImpersonation (ended: EndedImpersonation | null, ends: ImpersonationEnds): Promise<void> {
  if (ended === null) return
  const { staff, customer } = ended
  if (typeof staff !== 'string' || (customer !== undefined && typeof customer !== 'string')) {
    throw new TypeError('endImpersonation needs { staff, customer }, or { staff } for every customer')
  }
  const { issuer, actorIssuer = issuer, revocations, deleteGrants, timeoutMs = 10_000 } = ends
  const pair = Object.freeze(customer === undefined ? { staff } : { staff, customer })
  const actor = { issuer: actorIssuer, subject: staff }
  const errors: unknown[] = []
  // Grants first: a token that is issued while its grant is being deleted is older than the revocation.
  for (const step of [
    () => deleteGrants?.(pair),
    () => revocations?.revoke(customer === undefined ? { issuer, actor } : { issuer, subject: customer, actor })
  ]) {
    try {
      await callHost<unknown>(timeoutMs, step)
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 1) throw new AggregateError(errors, 'neither the grants nor the tokens of an impersonation could be ended')
  if (errors.length > 0) throw errors[0]
}

/**
 * Whether a grant was made in this impersonation, by the record that was saved with it. The record `null` means the customer's
 * own grant.
 *
 * @throws TypeError for undefined: the record was not found, and counting it as the customer's own would keep the grant
 */
export function isOfImpersonation (record: { readonly staff?: unknown, readonly customer?: unknown } | null, { staff, customer }: EndedImpersonation): boolean {
  if (record === undefined) throw new TypeError('the record of a grant must be what was saved with it, or null for a customer\'s own, got undefined')
  return record?.staff === staff && (customer === undefined || record.customer === customer)
}
