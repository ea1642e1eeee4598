import type { PGlite } from '@electric-sql/pglite'
import type { Pool } from 'pg'

/** What a query gives back. Names of columns are those of the query. */
export interface Answer<Row> {
  readonly rows: Row[]
}

/** PostgreSQL, in this process or elsewhere: the same SQL either way. */
export interface Database {
  query<Row = Record<string, unknown>> (text: string, values?: readonly unknown[]): Promise<Answer<Row>>
  /** Several statements at once, which take no values. */
  execute (script: string): Promise<void>
  close (): Promise<void>
}

/** @param url of a PostgreSQL server; without one the database is in this process, and gone with it */
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
  const pool: Pool = new pg.Pool({ connectionString: url, max: 5 })
  // Connections that break while nobody uses them are replaced; a query that fails says so itself.
  pool.on('error', () => {})
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      ({ rows: (await pool.query(text, [...values])).rows as Row[] }),
    async execute (script) { await pool.query(script) },
    close: async () => { await pool.end() }
  }
}
