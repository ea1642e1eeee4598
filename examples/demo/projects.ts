import type { AccessToken } from '../../plugins/index.ts'
import type { Database } from './database/database.ts'
import { accessOf } from './token-claims.ts'

export interface Project {
  readonly name: string
}

/** The owner of a project. Two issuers may use the same subject, so it takes both to identify the owner. */
export type Owner = Pick<AccessToken, 'issuer' | 'subject' | 'claims'>

/**
 * The data that is protected. The projects of a customer belong to organizations, which a grant covers or does not; those of
 * a partner's users belong to none.
 */
export interface Projects {
  of (owner: Owner): Promise<readonly Project[]>
  /** In the first organization that the grant covers; `null` when there is none. */
  create (owner: Owner, name: string): Promise<Project | null>
}

const within = `
  select m.organization from oauth_directory.memberships m where m.customer = $1 and case $3
    when 'organization' then m.organization = any($4::text[])
    when 'team' then exists (select from oauth_directory.teams t where t.organization = m.organization and t.id = any($4::text[]))
    else $3 = 'all' end`

/** @param issuer of the customers, to whom the organizations belong */
export function createProjects (database: Database, issuer: string): Projects {
  /** Our own issuer is null in the database: its identifier contains a port. */
  const valuesOf = (owner: Owner): unknown[] => {
    const access = accessOf(owner.claims)
    const ids = access.level === 'organization' ? access.organizations : access.level === 'team' ? access.teams : []
    return [owner.subject, owner.issuer === issuer ? null : owner.issuer, access.level, ids]
  }
  return {
    of: async owner => (await database.query<Project>(`
      select name from projects where owner = $1 and partner is not distinct from $2::text
        and (partner is not null or organization in (${within})) order by id`, valuesOf(owner))).rows,
    create: async (owner, name) => (await database.query<Project>(`
      insert into projects (owner, partner, organization, name)
      select $1, $2::text, (${within} order by 1 limit 1), $5 where $2::text is not null or exists (${within})
      returning name`, [...valuesOf(owner), name])).rows[0] ?? null
  }
}
