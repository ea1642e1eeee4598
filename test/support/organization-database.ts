import { readFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { PostgresClient } from '../../lib/stores/organizations/postgres-organization-directory.ts'
import { missingPostgres, startPostgres } from './postgres-server.ts'

/** The SQL file of the package. */
export const organizationSchema = new URL('../../sql/organization-directory.sql', import.meta.url)

/** A database with the tables of `sql/organization-directory.sql`, all of them empty. */
export interface OrganizationDatabase {
  /** What an application would hand to the directory. */
  readonly client: PostgresClient
  /** Runs statements that take no values. */
  run (text: string): Promise<unknown>
}

interface Teardown {
  teardown (close: () => unknown): unknown
}

interface DatabaseKind {
  readonly name: string
  /** For the `skip` of a test. */
  readonly missing: string | false
  open (t: Teardown): Promise<OrganizationDatabase>
}

/** Every database that the directory is tried on. */
export const databaseKinds: readonly DatabaseKind[] = [
  { name: 'PGlite', missing: false, open: openPGlite },
  { name: 'PostgreSQL', missing: missingPostgres(), open: openPostgres }
]

async function openPGlite (t: Teardown): Promise<OrganizationDatabase> {
  const client = await PGlite.create()
  t.teardown(() => client.close())
  await client.exec(await readFile(organizationSchema, 'utf8'))
  return { client, run: text => client.exec(text) }
}

async function openPostgres (t: Teardown): Promise<OrganizationDatabase> {
  const { url } = await startPostgres(t)
  const client = new pg.Pool({ connectionString: url })
  t.teardown(() => client.end())
  await client.query(await readFile(organizationSchema, 'utf8'))
  return { client, run: text => client.query(text) }
}
