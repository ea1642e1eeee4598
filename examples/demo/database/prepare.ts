import { readFile } from 'node:fs/promises'
import type { Database } from './database.ts'

const scripts = [
  new URL('../../../sql/organization-directory.sql', import.meta.url),
  new URL('schema.sql', import.meta.url),
  new URL('demo-data.sql', import.meta.url)
]

/** Makes the tables and puts the demonstration's people into them, where they are not there yet. */
export async function prepareDatabase (database: Database): Promise<void> {
  for (const script of scripts) await database.execute(await readFile(script, 'utf8'))
}
