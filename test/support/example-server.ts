import tap from 'tap'
import type { Database } from '../../examples/demo/database/database.ts'
import { openDatabase } from '../../examples/demo/database/database.ts'
import type { ExampleServer, ExampleServerOptions } from '../../examples/demo/start.ts'
import { startExampleServer } from '../../examples/demo/start.ts'
import { openEmbeddedDatabase } from './embedded-database.ts'

/** Databases that nobody uses at the moment: to start one takes seconds, to empty it takes none. */
const free: Database[] = []
// A database keeps a timer, and with it the process.
tap.teardown(async () => { for (const database of free) await database.close() })

/** An example server, and what it keeps. */
export interface StartedExample extends ExampleServer {
  readonly database: Database
}

/** The example server on free ports, closed when the test ends. It has a database of its own, unless the options name one. */
export async function startExample (
  t: { teardown (close: () => unknown): unknown },
  options: Partial<ExampleServerOptions> = {}
): Promise<StartedExample> {
  const own = options.database === undefined && options.databaseUrl === undefined
  const database = options.database ?? (own ? free.pop() ?? await openEmbeddedDatabase() : await openDatabase(options.databaseUrl))
  const server = await startExampleServer({ port: 0, asPort: 0, partnerPort: 0, ...options, database })
  t.teardown(async () => {
    await server.close()
    if (own) {
      await database.execute('drop schema public cascade; drop schema oauth_directory cascade; create schema public')
      free.push(database)
    } else if (options.database === undefined) {
      await database.close()
    }
  })
  return { ...server, database }
}
