import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { RedisClient } from '../../lib/stores/redis-client.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

interface ClientKind {
  readonly name: string
  /** A client that is closed when the test ends. */
  connect (t: Teardown, url: string): Promise<RedisClient>
}

/** Every client that the stores are tried with, as applications hand them over. */
export const clientKinds: readonly ClientKind[] = [
  {
    name: 'redis',
    async connect (t, url) {
      const client = createClient({ url, socket: { reconnectStrategy: false } })
      client.on('error', () => {})
      await client.connect()
      t.teardown(() => client.destroy())
      return client
    }
  },
  {
    name: 'ioredis',
    async connect (t, url) {
      const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
      client.on('error', () => {})
      await client.connect()
      t.teardown(() => client.disconnect())
      return client
    }
  },
  {
    name: 'a sendCommand of the application\'s own',
    async connect (t, url) {
      const client = new Redis(url, { lazyConnect: true })
      await client.connect()
      t.teardown(() => client.disconnect())
      return { sendCommand: ([name, ...words]: string[]) => client.call(name!, ...words) }
    }
  }
]
