import type { ExampleServer, ExampleServerOptions } from '../../examples/server/start.ts'
import { startExampleServer } from '../../examples/server/start.ts'

/** The example server on free ports, closed when the test ends. */
export async function startExample (
  t: { teardown (close: () => unknown): unknown },
  options: Partial<ExampleServerOptions> = {}
): Promise<ExampleServer> {
  const server = await startExampleServer({ port: 0, asPort: 0, partnerPort: 0, ...options })
  t.teardown(() => server.close())
  return server
}
