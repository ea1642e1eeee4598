import type { PGlite } from '@electric-sql/pglite'
import type { Pool } from 'pg'

/** The rows of a query. The names of the columns are those of the query. */
export interface Answer<Row> {
  readonly rows: Row[]
}

/** PostgreSQL, in this process or elsewhere: the same SQL either way. */
export interface Database {
  /** @throws DatabaseUnavailableError when the database does not answer in time */
  query<Row = Record<string, unknown>> (text: string, values?: readonly unknown[]): Promise<Answer<Row>>
  /** Runs several statements at once, which take no values. */
  execute (script: string): Promise<void>
  close (): Promise<void>
}

/** The database did not answer in time. Fastify answers with its status. */
export class DatabaseUnavailableError extends Error {
  readonly statusCode = 503
  constructor (cause: unknown) {
    super('The database does not answer at the moment.', { cause })
    this.name = 'DatabaseUnavailableError'
  }
}

/**
 * Below the time limits of the guard (2 seconds for each look-up), so that a locked table is a 503 and not a pool without free
 * connections. A query that is given up is cancelled on the server, too.
 */
const limits = {
  max: 10,
  connectionTimeoutMillis: 1500,
  statement_timeout: 1500,
  lock_timeout: 1000,
  // When the server cannot even cancel.
  query_timeout: 3000,
  idle_in_transaction_session_timeout: 5000
}

/** For statements that create tables, and wait for another process that does. */
const patience = "set lock_timeout = '60s'; set statement_timeout = '60s'"

/** @param url of a PostgreSQL server; without one the database is in this process, and its data is lost at the end */
export async function openDatabase (url?: string): Promise<Database> {
  return url === undefined ? await openPglite() : await openPostgres(url)
}

async function openPglite (): Promise<Database> {
  const { PGlite } = await import('@electric-sql/pglite')
  return databaseOf(await PGlite.create())
}

export function databaseOf (database: PGlite): Database {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) => await database.query<Row>(text, [...values]),
    async execute (script) { await database.exec(script) },
    close: async () => { await database.close() }
  }
}

async function openPostgres (url: string): Promise<Database> {
  const { default: pg } = await import('pg')
  const pool: Pool = new pg.Pool({ connectionString: url, ...limits })
  // Idle connections that break are replaced; a query that fails rejects by itself.
  pool.on('error', () => {})
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    async query<Row> (text: string, values: readonly unknown[] = []) {
      try {
        return { rows: (await pool.query(text, [...values])).rows as Row[] }
      } catch (error) {
        throw isTimeout(error) ? new DatabaseUnavailableError(error) : error
      }
    },
    async execute (script) {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        await client.query(`${patience}; ${script}`)
      } finally {
        await client.end()
      }
    },
    close: async () => { await pool.end() }
  }
}

/** Cancelled by a limit (57014), a lock that is not available (55P03), a lost connection (class 08, 57P…), or no connection at all. */
function isTimeout (error: unknown): boolean {
  const { code = '', message } = error as { code?: string, message: string }
  return /^(?:57014|55P03|08.{3}|57P.{2}|ECONNREFUSED|ECONNRESET|ETIMEDOUT)$/.test(code) || /timeout/i.test(message)
}
