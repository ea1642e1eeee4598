import type { GrantAccess } from '../../plugins/entry-points/impersonation.ts'

/** Claims of our access tokens beside the registered ones: the authorization server writes them, the resource servers read them. */
export const claimNames = {
  /** The grant that the token was issued from, for revocation. */
  grant: 'grant_id',
  /** What the token gives access to, where that is not everything. */
  access: 'access'
} as const

/** What a token gives access to: every organization of the subject, where it does not say. */
export function accessOf (claims: Readonly<Record<string, unknown>>): GrantAccess {
  return claims[claimNames.access] as GrantAccess | undefined ?? { level: 'all' }
}
