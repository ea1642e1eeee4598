import { errors } from 'oidc-provider'
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

export interface OidcAdapterOptions {
  /** Revokes the grant of a code or a refresh token that was used twice. */
  onReuse (grantId: string): Promise<void>
}

const ofGrants: readonly string[] = ['AuthorizationCode', 'AccessToken', 'RefreshToken']

/** The `adapter` of oidc-provider: its records in one table. */
export function createOidcAdapter (database: Database, { onReuse }: OidcAdapterOptions): (model: string) => OidcAdapter {
  const first = async (text: string, values: unknown[]): Promise<Payload | undefined> =>
    (await database.query<{ payload: Payload }>(text, values)).rows[0]?.payload

  return model => ({
    async upsert (id, payload, expiresIn) {
      // No code or token is saved for a grant that is gone, also when it was revoked a moment ago.
      const needsGrant = ofGrants.includes(model)
      const { rows } = await database.query(`
        insert into oidc_records (model, id, payload, grant_id, uid, expires_at)
        select $1, $2, $3::jsonb, $4::text, $5, now() + make_interval(secs => $6)
        where not $7 or exists (select from oidc_records where model = 'Grant' and id = $4 for share)
        on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id,
          uid = excluded.uid, expires_at = excluded.expires_at
        returning id`,
      [model, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null, expiresIn ?? null, needsGrant && payload.grantId !== undefined])
      if (rows.length === 0) throw new errors.InvalidGrant('the grant is gone')
    },
    find: id => first('select payload from oidc_records where model = $1 and id = $2', [model, id]),
    findByUid: uid => first('select payload from oidc_records where model = $1 and uid = $2', [model, uid]),
    // The device flow is off.
    findByUserCode: async () => undefined,
    async consume (id) {
      // One statement: of several requests with one code, one wins (RFC 6749 section 4.1.2).
      const { rows } = await database.query(`
        update oidc_records set payload = payload || jsonb_build_object('consumed', floor(extract(epoch from now())))
        where model = $1 and id = $2 and not payload ? 'consumed' returning id`, [model, id])
      if (rows.length > 0) return
      const used = await first('select payload from oidc_records where model = $1 and id = $2', [model, id])
      if (typeof used?.grantId === 'string') await onReuse(used.grantId)
      throw new errors.InvalidGrant('it was used before')
    },
    async destroy (id) {
      await database.query('delete from oidc_records where model = $1 and id = $2', [model, id])
      // Nothing is saved for it from here on. What was saved while oidc-provider revoked the tokens, which it does beside this,
      // goes with the grant.
      if (model === 'Grant') await database.query('delete from oidc_records where grant_id = $1', [id])
    },
    async revokeByGrantId (grantId) {
      await database.query('delete from oidc_records where model = $1 and grant_id = $2', [model, grantId])
    }
  })
}

/** Deletes expired records, which oidc-provider does not find any more. */
export async function forgetExpired (database: Database): Promise<void> {
  await database.query('delete from oidc_records where expires_at < now()')
}
