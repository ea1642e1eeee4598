import type { Database } from '../../examples/server/database/database.ts'
import { openDatabase } from '../../examples/server/database/database.ts'
import type { ExampleServer, ExampleServerOptions } from '../../examples/server/start.ts'
import { startExampleServer } from '../../examples/server/start.ts'

/** Databases that nobody uses at the moment: to start one takes seconds, to empty it takes none. */
const free: Database[] = []

/** An example server, and what it keeps. */
export interface StartedExample extends ExampleServer {
  readonly database: Database
}

/** The example server on free ports, closed when the test ends. */
export async function startExample (
  t: { teardown (close: () => unknown): unknown },
  options: Partial<ExampleServerOptions> = {}
): Promise<StartedExample> {
  const database = free.pop() ?? await openDatabase()
  const server = await startExampleServer({ port: 0, asPort: 0, partnerPort: 0, database, ...options })
  t.teardown(async () => {
    await server.close()
    await database.execute('drop schema public cascade; drop schema oauth_directory cascade; create schema public')
    free.push(database)
  })
  return { ...server, database }
}
