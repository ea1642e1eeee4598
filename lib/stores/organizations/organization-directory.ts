/**
 * What a grant would reach: the organizations that are listed, the owners of the teams that are listed, or everything
 * that the customer belongs to.
 */
export type GrantAccess =
  | { readonly level: 'organization', readonly organizations: readonly string[] }
  | { readonly level: 'team', readonly teams: readonly string[] }
  | { readonly level: 'all' }

/** What a directory found out about the organizations that a grant would reach. */
export interface AccessReport {
  /** How many organizations the grant would reach. */
  readonly organizations: number
  /** True only when every organization and team that was named, or that a membership names, is known. */
  readonly complete: boolean
  /** Those without an explicit approval, for the audit. It may be cut to the first hundred, never to none. */
  readonly withoutApproval: readonly string[]
  /**
   * When the youngest of the approvals in reach was given, in milliseconds since the epoch: a token that is older was not
   * covered by it, as the approval it was made under has been withdrawn since. `null` or absent: not known.
   */
  readonly approvedSince?: number | null
}

/** Knows organizations, their teams and members, and which of them let AI clients process their data. */
export interface OrganizationDirectory {
  /**
   * Reports on everything a grant would reach, in one round trip however many organizations that are. Only an explicit
   * yes is an approval: an unset or unreadable one is none.
   *
   * It may throw; a grant whose reach cannot be found out is not made.
   *
   * @param issuer of the token that is used, whose subject the customer is: where several are trusted, "ann" of one need not
   * be "ann" of another. Undefined for a grant of this server's own.
   */
  report (customer: string, reach: GrantAccess, issuer?: string): AccessReport | Promise<AccessReport>
}
