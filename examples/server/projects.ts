import type { GrantReach } from '../../plugins/index.ts'
import type { Database } from './database/database.ts'

export interface Project {
  readonly name: string
}

/** The data that is protected. A project belongs to an organization, which a grant reaches or does not. */
export interface Projects {
  of (owner: string, reach: GrantReach): Promise<readonly Project[]>
  /** In the first organization within reach; `null` when there is none. */
  create (owner: string, reach: GrantReach, name: string): Promise<Project | null>
}

const within = `
  select m.organization from oauth_directory.memberships m where m.customer = $1 and case $2
    when 'organization' then m.organization = any($3::text[])
    when 'team' then exists (select from oauth_directory.teams t where t.organization = m.organization and t.id = any($3::text[]))
    when 'all' then true
    else false end`

export function createProjects (database: Database): Projects {
  return {
    of: async (owner, reach) => (await database.query<Project>(
      `select name from projects where owner = $1 and organization in (${within}) order by id`, valuesOf(owner, reach))).rows,
    create: async (owner, reach, name) => (await database.query<Project>(`
      insert into projects (owner, organization, name)
      select $1, (${within} order by 1 limit 1), $4 where exists (${within})
      returning name`, [...valuesOf(owner, reach), name])).rows[0] ?? null
  }
}

function valuesOf (owner: string, reach: GrantReach): unknown[] {
  switch (reach.level) {
    case 'organization': return [owner, reach.level, reach.organizations]
    case 'team': return [owner, reach.level, reach.teams]
    case 'all': return [owner, reach.level, []]
  }
}
