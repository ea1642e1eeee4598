import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import type { Database } from '../../examples/demo/database/database.ts'
import { databaseOf } from '../../examples/demo/database/database.ts'

const cache = new URL('../../node_modules/.cache/embedded-database/', import.meta.url)

/**
 * An empty database as the example makes it. Most of the time that takes goes into `initdb`, whose outcome is always the
 * same: it is kept, for this version of PGlite, and read where it is there.
 */
export async function openEmbeddedDatabase (): Promise<Database> {
  const manifest = await readFile(new URL('../../node_modules/@electric-sql/pglite/package.json', import.meta.url))
  const file = new URL(`${createHash('sha256').update(manifest).digest('hex')}.tar`, cache)
  const kept = await readFile(file).catch(() => null)
  if (kept !== null) return databaseOf(await PGlite.create({ loadDataDir: new Blob([kept]) }))
  const database = await PGlite.create()
  const dump = await database.dumpDataDir('none')
  await mkdir(cache, { recursive: true })
  // Several processes may be at it: each sees a whole file or none.
  const part = new URL(`${file.href}.${process.pid}`)
  await writeFile(part, Buffer.from(await dump.arrayBuffer()))
  await rename(part, file)
  return databaseOf(database)
}
