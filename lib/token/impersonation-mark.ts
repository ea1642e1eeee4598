import type { Actor } from './access-token.ts'
import { readClaim } from './claim-path.ts'

/** The claim that marks an access token which a member of staff obtained while impersonating the subject. */
export const impersonationClaim = 'impersonation'

/**
 * The member of staff whom the mark names. It stands in for an `act` that is missing, or that was dropped because it equals
 * the subject: staff and customers may have identifiers in common.
 *
 * @param issuer of the token, which is the issuer of the actor where the mark names none
 * @returns `null` when there is no mark, or when it names nobody
 */
export function markedActorOf (claims: Readonly<Record<string, unknown>>, issuer: string): Actor | null {
  const mark = readClaim(claims, impersonationClaim) as { readonly actor?: { readonly sub?: unknown, readonly iss?: unknown } | null } | null | undefined
  const { sub, iss = issuer } = mark?.actor ?? {}
  return typeof sub === 'string' && sub !== '' && typeof iss === 'string' ? { issuer: iss, subject: sub } : null
}
