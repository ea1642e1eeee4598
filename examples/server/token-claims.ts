import type { GrantAccess } from '../../plugins/entry-points/impersonation.ts'

/** What our access tokens say beside the registered claims, and where: one side writes it, the other reads it. */
export const claimNames = {
  /** The grant it came from, for revocation. */
  grant: 'grant_id',
  /** What it reaches, where that is not everything. */
  reach: 'reach'
} as const

/** What a token reaches: everything the subject belongs to, where it does not say. */
export function reachOf (claims: Readonly<Record<string, unknown>>): GrantAccess {
  return claims[claimNames.reach] as GrantAccess | undefined ?? { level: 'all' }
}
