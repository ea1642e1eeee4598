import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from './organization-directory.ts'

/** An organization, as far as AI clients are concerned. */
export interface MemoryOrganization {
  readonly id: string
  /** Only the boolean true is an approval. */
  readonly aiApproved?: unknown
  /** When the approval was given, in milliseconds since the epoch. Default: 0, before any grant. */
  readonly approvedSince?: number
}

/** What the directory starts with. */
export interface MemoryDirectoryContents {
  readonly organizations: readonly MemoryOrganization[]
  readonly teams?: ReadonlyArray<{ readonly id: string, readonly organization: string }>
  readonly memberships?: ReadonlyArray<{ readonly customer: string, readonly organization: string }>
}

export interface MemoryDirectoryOptions {
  readonly clock?: Clock
}

export interface MemoryOrganizationDirectory extends OrganizationDirectory {
  /** Sets or withdraws the approval of an organization; an id that is new is a new organization. */
  setApproval (organization: string, aiApproved: unknown): void
  report (customer: string, access: GrantAccess): AccessReport
}

/** The most organizations that an audit entry lists. */
const mostNamed = 100

/** A directory in this process, for tests, examples and small installations. */
export function createMemoryOrganizationDirectory (
  contents: MemoryDirectoryContents, { clock = systemClock }: MemoryDirectoryOptions = {}
): MemoryOrganizationDirectory {
  /** Since when each has been approving, in milliseconds since the epoch; `null` for those that do not. */
  const approvals = new Map(contents.organizations.map(({ id, aiApproved, approvedSince = 0 }) =>
    [id, aiApproved === true ? approvedSince : null]))
  const owners = new Map(contents.teams?.map(({ id, organization }) => [id, organization]))
  const organizationsOf = new Map<string, Set<string>>()
  for (const { customer, organization } of contents.memberships ?? []) {
    const known = organizationsOf.get(customer)
    if (known === undefined) organizationsOf.set(customer, new Set([organization]))
    else known.add(organization)
  }

  /** The organizations that an access covers; `null` stands for a team that is not known. */
  const resolve = (customer: string, access: GrantAccess): Array<string | null> => {
    switch (access.level) {
      case 'organization': return [...access.organizations]
      case 'team': return access.teams.map(team => owners.get(team) ?? null)
      case 'all': return [...organizationsOf.get(customer) ?? []]
    }
  }

  return {
    setApproval (organization, aiApproved) {
      // Set again it is the same approval; after a withdrawal it is another one.
      approvals.set(organization, aiApproved === true ? approvals.get(organization) ?? clock.now() : null)
    },
    report (customer, access) {
      const found = new Set(resolve(customer, access))
      const known = [...found].filter(id => id !== null && approvals.has(id)) as string[]
      const withoutApproval: string[] = []
      let approvedSince: number | null = null
      for (const id of known) {
        const since = approvals.get(id)!
        if (since !== null) approvedSince = Math.max(approvedSince ?? since, since)
        else if (withoutApproval.length < mostNamed) withoutApproval.push(id)
      }
      return { organizations: known.length, complete: known.length === found.size, withoutApproval, approvedSince }
    }
  }
}
