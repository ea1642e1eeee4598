import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Daemon } from './daemon.ts'
import { DaemonEndedError, startDaemon } from './daemon.ts'
import { findPart } from './missing-part.ts'

/** A Redis of the test's own, on loopback, that keeps nothing. */
export interface RedisServer {
  /** `redis://127.0.0.1:…` */
  readonly url: string
  readonly port: number
  /** Ends it before the test does; `SIGKILL` gives it no time to close its connections. */
  stop (signal?: NodeJS.Signals): Promise<void>
  /** `SIGSTOP`: it accepts connections and answers nothing; `SIGCONT`: it goes on. */
  signal (signal: NodeJS.Signals): void
}

interface Teardown {
  teardown (close: () => unknown): unknown
}

/**
 * Without the commands that make a replica of it: the sentinel of another test looks for a server of its own at the port where
 * it was, which this one may have by now.
 */
const alone = ['REPLICAOF', 'SLAVEOF'].flatMap(command => ['--rename-command', command, `UNUSED-${command}`])

/**
 * Starts one that is stopped when the test ends. Ask `missingPart('redis')` before.
 *
 * @param args further arguments of `redis-server`, for one that belongs to others. Default: it stays alone
 * @param fixedPort of one that was ended and is to come back
 */
export async function startRedis (t: Teardown, args: readonly string[] = alone, fixedPort?: number): Promise<RedisServer> {
  const command = findPart('redis') ?? 'redis-server'
  // Between the look for a port and the start of the server somebody else may take it.
  for (let attempt = 1; ; attempt++) {
    const port = fixedPort ?? await freePort()
    let daemon: Daemon
    try {
      daemon = await startDaemon(command,
        ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/', ...args],
        /Ready to accept connections/i)
    } catch (error) {
      if (attempt < 5 && error instanceof DaemonEndedError && /in use/i.test(error.output)) continue
      throw error
    }
    t.teardown(() => daemon.stop())
    return { url: `redis://127.0.0.1:${port}`, port, stop: async signal => await daemon.stop(signal), signal: daemon.signal }
  }
}

export async function freePort (): Promise<number> {
  const server = createServer()
  const { port } = await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
  await new Promise(resolve => server.close(resolve))
  return port
}
