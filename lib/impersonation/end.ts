import type { WritableRevocationStore } from '../stores/revocations/revocation.ts'

/** What is over: what a member of staff does as one customer, or, without a customer, as anybody. */
export interface EndedImpersonation {
  readonly staff: string
  /** Default: every customer; for a member of staff who leaves, or may not impersonate any more. */
  readonly customer?: string
}

/** Where the grants and tokens of an authorization server are. */
export interface ImpersonationEnds {
  /** The issuer of the tokens. */
  readonly issuer: string
  /** Where staff are accounts of another issuer. Default: `issuer`. */
  readonly actorIssuer?: string
  /** That of the resource servers: what was made so far is refused with the next request. */
  readonly revocations?: WritableRevocationStore
  /** Deletes the codes, grants and refresh tokens whose stamps say the same: `isOf(stamp)` for each that has one. */
  readonly deleteGrants?: (ended: EndedImpersonation) => void | Promise<void>
}

/**
 * Ends what a member of staff made as a customer: after a log-out, when a session expired, or without a customer when an
 * account goes or may do less. The customer's own grants and tokens, and those of other staff, live on.
 *
 * End the session first, so that nothing new is made meanwhile. Both the grants and the tokens are seen to, also when one of
 * them fails.
 *
 * @param ended `null` for a session that impersonates nobody: nothing is done
 * @throws what `deleteGrants` or the store throws; an AggregateError when both do
 */
export async function endImpersonation (ended: EndedImpersonation | null, ends: ImpersonationEnds): Promise<void> {
  if (ended === null) return
  const { staff, customer } = ended
  if (typeof staff !== 'string' || (customer !== undefined && typeof customer !== 'string')) {
    throw new TypeError('an impersonation ends for { staff, customer }, or for { staff } and every customer')
  }
  const { issuer, actorIssuer = issuer, revocations, deleteGrants } = ends
  const pair = Object.freeze(customer === undefined ? { staff } : { staff, customer })
  const actor = { issuer: actorIssuer, subject: staff }
  const errors: unknown[] = []
  // Grants first: a token that is made of one while it is being deleted is older than the revocation.
  for (const step of [
    () => deleteGrants?.(pair),
    () => revocations?.revoke(customer === undefined ? { issuer, actor } : { issuer, subject: customer, actor })
  ]) {
    try {
      await step()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 1) throw new AggregateError(errors, 'neither the grants nor the tokens of an impersonation could be ended')
  if (errors.length > 0) throw errors[0]
}

/**
 * Whether a grant was made in what is over, by its stamp; `null` is a customer's own.
 *
 * @throws TypeError for undefined: a stamp that was not found would leave its grant alive
 */
export function isOfImpersonation (stamp: { readonly staff?: unknown, readonly customer?: unknown } | null, { staff, customer }: EndedImpersonation): boolean {
  if (stamp === undefined) throw new TypeError('a grant has a stamp, or null for a customer\'s own')
  return stamp?.staff === staff && (customer === undefined || stamp.customer === customer)
}
