import type { GrantAccess } from '../../../plugins/entry-points/impersonation.ts'
import type { Database } from '../database/database.ts'

/** A grant, in a list: the authorization server has the grant itself. */
export interface ListedGrant {
  readonly id: string
  readonly account: string
  readonly client: string
  /** The member of staff who made it in the customer's place; `null` when the customer did. */
  readonly staff: string | null
  readonly impersonation: string | null
  readonly access: GrantAccess
  readonly createdAt: Date
}

/** What the page of connected clients shows of a grant. */
export interface ConnectedClient {
  readonly grantId: string
  readonly name: string
  readonly access: string
  readonly staff: string | null
  readonly since: Date
}

/** Which grants there are. */
export interface Grants {
  add (grant: Omit<ListedGrant, 'createdAt'>): Promise<void>
  /** Those that can still be used: the authorization server lets a grant expire without a word. */
  of (account: string): Promise<readonly ListedGrant[]>
  /** Those that a member of staff made in a customer's place. */
  ofPair (staff: string, account: string): Promise<readonly string[]>
  remove (id: string): Promise<void>
  /** Forgets those that the authorization server has not kept. */
  forgetExpired (): Promise<void>
}

const columns = 'id, account, client, staff, impersonation, access, created_at as "createdAt"'

const isThere = "exists (select from oidc_records r where r.model = 'Grant' and r.id = grants.id and (r.expires_at is null or r.expires_at > now()))"

export function createGrants (database: Database): Grants {
  return {
    async add ({ id, account, client, staff, impersonation, access }) {
      await database.query(`
        insert into grants (id, account, client, staff, impersonation, access) values ($1, $2, $3, $4, $5, $6)
        on conflict (id) do nothing`, [id, account, client, staff, impersonation, JSON.stringify(access)])
    },
    of: async account =>
      (await database.query<ListedGrant>(`select ${columns} from grants where account = $1 and ${isThere} order by created_at`, [account])).rows,
    ofPair: async (staff, account) => (await database.query<{ id: string }>(
      'select id from grants where staff = $1 and account = $2', [staff, account])).rows.map(({ id }) => id),
    async remove (id) { await database.query('delete from grants where id = $1', [id]) },
    async forgetExpired () { await database.query(`delete from grants where not ${isThere}`) }
  }
}
