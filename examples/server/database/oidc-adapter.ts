import type { Database } from './database.ts'

type Payload = Record<string, unknown>

/** What oidc-provider asks of a store, for one kind of record. */
export interface OidcAdapter {
  upsert (id: string, payload: Payload, expiresIn?: number): Promise<void>
  find (id: string): Promise<Payload | undefined>
  findByUid (uid: string): Promise<Payload | undefined>
  findByUserCode (): Promise<undefined>
  consume (id: string): Promise<void>
  destroy (id: string): Promise<void>
  revokeByGrantId (grantId: string): Promise<void>
}

/** The `adapter` of oidc-provider: its records in one table. */
export function createOidcAdapter (database: Database): (model: string) => OidcAdapter {
  const first = async (text: string, values: unknown[]): Promise<Payload | undefined> =>
    (await database.query<{ payload: Payload }>(text, values)).rows[0]?.payload

  return model => ({
    async upsert (id, payload, expiresIn) {
      await database.query(`
        insert into oidc_records (model, id, payload, grant_id, uid, expires_at)
        values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
        on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id,
          uid = excluded.uid, expires_at = excluded.expires_at`,
      [model, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null, expiresIn ?? null])
    },
    find: id => first('select payload from oidc_records where model = $1 and id = $2', [model, id]),
    findByUid: uid => first('select payload from oidc_records where model = $1 and uid = $2', [model, uid]),
    // The device flow is off.
    findByUserCode: async () => undefined,
    async consume (id) {
      await database.query(`
        update oidc_records set payload = payload || jsonb_build_object('consumed', floor(extract(epoch from now())))
        where model = $1 and id = $2`, [model, id])
    },
    async destroy (id) {
      await database.query('delete from oidc_records where model = $1 and id = $2', [model, id])
    },
    async revokeByGrantId (grantId) {
      await database.query('delete from oidc_records where model = $1 and grant_id = $2', [model, grantId])
    }
  })
}

/** What has expired is not found by oidc-provider any more, and need not be kept. */
export async function forgetExpired (database: Database): Promise<void> {
  await database.query('delete from oidc_records where expires_at < now()')
}
