import type { GrantAccess } from '../../../plugins/entry-points/impersonation.ts'
import type { Database } from '../database/database.ts'

export interface Team {
  readonly id: string
  readonly name: string
}

/** One of a customer's organizations, as the customer sees it. */
export interface CustomerOrganization {
  readonly id: string
  readonly name: string
  readonly aiApproved: boolean
  /** Whether the customer may decide for it. */
  readonly admin: boolean
  readonly teams: readonly Team[]
}

export interface Organizations {
  of (customer: string): Promise<readonly CustomerOrganization[]>
  /** @returns false when that is not for this customer to decide */
  setApproval (customer: string, organization: string, approved: boolean): Promise<boolean>
  /** The name of an access level, with the names of its organizations or teams. */
  describe (access: GrantAccess): Promise<string>
}

export function createOrganizations (database: Database): Organizations {
  const names = async (table: 'organization_names' | 'team_names', column: 'organization' | 'team', ids: readonly string[]): Promise<string> => {
    const { rows } = await database.query<{ name: string }>(
      `select name from ${table} where ${column} = any($1::text[]) order by name`, [ids])
    return rows.map(({ name }) => name).join(', ')
  }
  return {
    async of (customer) {
      const { rows } = await database.query<CustomerOrganization>(`
        select o.id, n.name, o.ai_approved is true as "aiApproved", a.customer is not null as admin,
          coalesce((select json_agg(json_build_object('id', t.id, 'name', tn.name) order by tn.name)
            from oauth_directory.teams t join team_names tn on tn.team = t.id where t.organization = o.id), '[]') as teams
        from oauth_directory.memberships m
          join oauth_directory.organizations o on o.id = m.organization
          join organization_names n on n.organization = o.id
          left join administrators a on a.customer = m.customer and a.organization = o.id
        where m.customer = $1 order by n.name`, [customer])
      return rows
    },
    async setApproval (customer, organization, approved) {
      const { rows } = await database.query(`
        update oauth_directory.organizations set ai_approved = $3
        where id = $2 and exists (select from administrators where customer = $1 and organization = $2)
        returning id`, [customer, organization, approved])
      return rows.length > 0
    },
    async describe (access) {
      switch (access.level) {
        case 'all': return 'All organizations'
        case 'organization': return await names('organization_names', 'organization', access.organizations)
        case 'team': return `Teams: ${await names('team_names', 'team', access.teams)}`
      }
    }
  }
}
