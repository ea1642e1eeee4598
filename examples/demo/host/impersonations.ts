import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../plugins/index.ts'
import type { Database } from '../database/database.ts'

export interface ImpersonationLimits {
  /** An impersonation that is not used ends after this time. */
  readonly idleSeconds: number
  /** It ends after this time in any case. */
  readonly totalSeconds: number
}

/** An impersonation that goes on. */
export interface RunningImpersonation {
  readonly id: string
  readonly staff: string
  readonly customer: string
  readonly customerName: string
  readonly readOnly: boolean
  readonly endsAt: Date
}

export interface EndedImpersonation {
  readonly id: string
  readonly staff: string
  readonly customer: string
  readonly endedBy: string
}

/** With the names of both. */
export interface PastImpersonation {
  readonly staff: string
  readonly customer: string
  readonly readOnly: boolean
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly endedBy: string | null
}

export interface Impersonations {
  readonly limits: ImpersonationLimits
  start (session: string, staff: string, customer: string, readOnly: boolean): Promise<void>
  /** The one that runs in a browser session. It counts as a use: the idle time starts again. */
  use (session: string): Promise<RunningImpersonation | null>
  /** Whether it still runs, for grants and tokens that were made in it. It only reads: it does not count as a use. */
  isRunning (id: string): Promise<boolean>
  /** Ends the one that runs in a browser session. */
  end (session: string, by: string): Promise<void>
  /**
   * Ends every one that may not go on: it was idle for too long, its time is up, its browser session is gone, or its
   * member of staff was removed or may not impersonate any more.
   *
   * After that the grants and tokens of each are deleted. Where that fails, it is tried again at the next call.
   */
  settle (): Promise<void>
  recent (): Promise<readonly PastImpersonation[]>
  /**
   * Deletes the grants and tokens of one that has ended. It is called again for one for which it failed, or was interrupted by
   * the end of the process.
   */
  onEnd (listener: (ended: EndedImpersonation) => Promise<void>): void
  /** Is called with what failed then. The request that happened to start the clean-up goes on. */
  onFailure (listener: (error: unknown) => void): void
}

const mayImpersonate = "exists (select from staff s where s.id = i.staff and s.role in ('support', 'admin'))"
const signedIn = 'exists (select from sessions b where b.id = i.session and b.staff = i.staff)'
/** `$1` is now, and `$2` is when the last use of an idle one was. */
const mayNotGoOn = `ends_at <= $1 or last_used_at <= $2 or not ${mayImpersonate} or not ${signedIn}`

export function createImpersonations (database: Database, limits: ImpersonationLimits, clock: Clock): Impersonations {
  const listeners: Array<(ended: EndedImpersonation) => Promise<void>> = []
  const failureListeners: Array<(error: unknown) => void> = []
  const now = (): Date => new Date(clock.now())
  const idleSince = (): Date => new Date(clock.now() - limits.idleSeconds * 1000)

  const cleanOne = async (ended: EndedImpersonation): Promise<void> => {
    try {
      for (const listener of listeners) await listener(ended)
      await database.query('update impersonations set cleaned_at = $2 where id = $1', [ended.id, now()])
    } catch (error) {
      for (const listener of failureListeners) listener(error)
    }
  }
  const cleanAll = async (): Promise<void> => {
    const { rows } = await database.query<EndedImpersonation>(`
      select id, staff, customer, ended_by as "endedBy" from impersonations
      where ended_at is not null and cleaned_at is null order by ended_at`)
    for (const ended of rows) await cleanOne(ended)
  }
  let cleaning: Promise<void> = Promise.resolve()
  /** One clean-up at a time: revoking a pair twice would revoke grants made in between. */
  const clean = (): Promise<void> => {
    const mine = cleaning.then(cleanAll)
    cleaning = mine.catch(() => {})
    return mine
  }

  const endWhere = async (condition: string, by: string, values: readonly unknown[]): Promise<void> => {
    await database.query(`
      update impersonations as i set ended_at = $1, ended_by = ${by}
      where ended_at is null and (${condition})`, [now(), ...values])
    await clean()
  }

  const settle = async (): Promise<void> => {
    await endWhere(mayNotGoOn, `
      case when not ${mayImpersonate} then 'staff removed or demoted' when not ${signedIn} then 'signed out'
        when ends_at <= $1 then 'total limit' else 'idle limit' end`, [idleSince()])
  }

  return {
    limits,
    settle,
    async start (session, staff, customer, readOnly) {
      const startedAt = clock.now()
      await endWhere('session = $2', "'another one was started'", [session])
      await database.query(`
        insert into impersonations (id, session, staff, customer, read_only, started_at, last_used_at, ends_at)
        values ($1, $2, $3, $4, $5, $6, $6, $7)`,
      [randomUUID(), session, staff, customer, readOnly, new Date(startedAt), new Date(startedAt + limits.totalSeconds * 1000)])
    },
    async use (session) {
      await settle()
      const { rows } = await database.query<RunningImpersonation>(`
        update impersonations i set last_used_at = $2 from accounts a
        where i.session = $1 and i.ended_at is null and a.id = i.customer
        returning i.id, i.staff, i.customer, a.name as "customerName", i.read_only as "readOnly", i.ends_at as "endsAt"`,
      [session, now()])
      return rows[0] ?? null
    },
    async isRunning (id) {
      const { rows } = await database.query(`
        select 1 from impersonations i where id = $3 and ended_at is null and not (${mayNotGoOn})`, [now(), idleSince(), id])
      return rows.length > 0
    },
    async end (session, by) { await endWhere('session = $2', '$3', [session, by]) },
    recent: async () => (await database.query<PastImpersonation>(`
      select coalesce(s.name, f.name, i.staff) as staff, coalesce(a.name, i.customer) as customer, read_only as "readOnly",
        started_at as "startedAt", ended_at as "endedAt", ended_by as "endedBy"
      from impersonations i left join staff s on s.id = i.staff left join former_staff f on f.id = i.staff
        left join accounts a on a.id = i.customer
      order by started_at desc limit 50`)).rows,
    onEnd (listener) { listeners.push(listener) },
    onFailure (listener) { failureListeners.push(listener) }
  }
}
