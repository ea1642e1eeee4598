/** The access level of a grant: the organizations listed, the owners of the teams listed, or everything the customer belongs to. */
export type GrantAccess =
  | { readonly level: 'organization', readonly organizations: readonly string[] }
  | { readonly level: 'team', readonly teams: readonly string[] }
  | { readonly level: 'all' }

/** What a directory knows about the organizations that a grant covers. */
export interface AccessReport {
  /** How many known organizations the grant covers; one that it names several times may be counted as often. 0 is none. */
  readonly organizations: number
  /** True only when every organization and team that was named, or that a membership names, is known. */
  readonly complete: boolean
  /** Those without an explicit approval, for the audit. It may be cut to the first hundred, never to none. */
  readonly withoutApproval: readonly string[]
  /**
   * When the youngest of these approvals was given, in milliseconds since the epoch: a token that is older was issued under an
   * approval that has been withdrawn since. `null` or absent: not known.
   */
  readonly approvedSince?: number | null
}

/** Knows organizations, their teams and members, and which of them have approved AI processing. */
export interface OrganizationDirectory {
  /**
   * Reports on everything that a grant covers, in one round trip however many organizations that are. Only an explicit yes is an
   * approval: an unset or unreadable one is none.
   *
   * It may throw; then the grant is not made.
   *
   * @param issuer the issuer of the access token, whose subject is the customer: with several trusted issuers, the same `sub`
   * may be different users. Undefined for a grant of this server.
   */
  report (customer: string, access: GrantAccess, issuer?: string): AccessReport | Promise<AccessReport>
}
