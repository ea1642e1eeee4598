import type { GrantReach, OrganizationDirectory, ReachReport } from './organization-directory.ts'

/** What the directory starts with. */
export interface MemoryDirectoryContents {
  /** `aiApproved`: only the boolean true is an approval. */
  readonly organizations: ReadonlyArray<{ readonly id: string, readonly aiApproved?: unknown }>
  readonly teams?: ReadonlyArray<{ readonly id: string, readonly organization: string }>
  readonly memberships?: ReadonlyArray<{ readonly customer: string, readonly organization: string }>
}

export interface MemoryOrganizationDirectory extends OrganizationDirectory {
  /** Sets or withdraws the approval of an organization; an id that is new is a new organization. */
  setApproval (organization: string, aiApproved: unknown): void
}

/** As many as an audit needs to see what happened. */
const mostNamed = 100

/** A directory in this process, for tests, examples and small installations. */
export function createMemoryOrganizationDirectory (contents: MemoryDirectoryContents): MemoryOrganizationDirectory {
  const approvals = new Map(contents.organizations.map(({ id, aiApproved }) => [id, aiApproved]))
  const owners = new Map(contents.teams?.map(({ id, organization }) => [id, organization]))
  const organizationsOf = new Map<string, Set<string>>()
  for (const { customer, organization } of contents.memberships ?? []) {
    const known = organizationsOf.get(customer)
    if (known === undefined) organizationsOf.set(customer, new Set([organization]))
    else known.add(organization)
  }

  /** The ids that a reach leads to; `null` stands for one that leads nowhere. */
  const resolve = (customer: string, reach: GrantReach): Array<string | null> => {
    switch (reach.level) {
      case 'organization': return [...reach.organizations]
      case 'team': return reach.teams.map(team => owners.get(team) ?? null)
      case 'all': return [...organizationsOf.get(customer) ?? []]
    }
  }

  return {
    setApproval (organization, aiApproved) { approvals.set(organization, aiApproved) },
    report (customer, reach): ReachReport {
      const found = new Set(resolve(customer, reach))
      const known = [...found].filter(id => id !== null && approvals.has(id)) as string[]
      return {
        organizations: known.length,
        complete: known.length === found.size,
        withoutApproval: known.filter(id => approvals.get(id) !== true).slice(0, mostNamed)
      }
    }
  }
}
