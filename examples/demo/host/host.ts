import type { Clock } from '../../../plugins/index.ts'
import type { OrganizationDirectory } from '../../../plugins/entry-points/impersonation.ts'
import { createPostgresOrganizationDirectory } from '../../../plugins/entry-points/stores/postgres.ts'
import type { Database } from '../database/database.ts'
import type { Accounts } from './accounts.ts'
import { createAccounts } from './accounts.ts'
import type { ClientNames } from './client-names.ts'
import { createClientNames } from './client-names.ts'
import type { Grants } from './grants.ts'
import { createGrants } from './grants.ts'
import type { ImpersonationLimits, Impersonations } from './impersonations.ts'
import { createImpersonations } from './impersonations.ts'
import type { Organizations } from './organizations.ts'
import { createOrganizations } from './organizations.ts'
import type { Sessions } from './sessions.ts'
import { createSessions } from './sessions.ts'
import type { Staff } from './staff.ts'
import { createStaff } from './staff.ts'

/** The application around the authorization server: who there is, who is signed in, and who decides what. */
export interface Host {
  readonly database: Database
  readonly accounts: Accounts
  readonly staff: Staff
  readonly sessions: Sessions
  readonly impersonations: Impersonations
  readonly organizations: Organizations
  readonly grants: Grants
  readonly clientNames: ClientNames
  /** What the guard asks: at the authorization server, and again at the resources. */
  readonly directory: OrganizationDirectory
}

export function createHost (database: Database, limits: ImpersonationLimits, clock: Clock): Host {
  const impersonations = createImpersonations(database, limits, clock)
  return {
    database,
    impersonations,
    accounts: createAccounts(database),
    staff: createStaff(database),
    sessions: createSessions(database, impersonations, clock),
    organizations: createOrganizations(database),
    grants: createGrants(database),
    clientNames: createClientNames(database),
    directory: createPostgresOrganizationDirectory({
      client: { query: (text, values) => database.query(text, values) }
    })
  }
}
