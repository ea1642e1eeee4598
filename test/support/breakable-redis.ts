import { Redis } from 'ioredis'
import type { NodeRedisClient } from '../../lib/stores/redis-client.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

/** A connection to Redis that can be broken: its commands fail at once then, and never arrive. */
export interface BreakableRedis {
  readonly client: NodeRedisClient
  isBroken: boolean
  /** After as many commands it is broken. */
  answersLeft: number
  /** The names of the commands that were tried, also those that failed. */
  readonly commands: string[]
  /** Resolves when as many further commands were answered. */
  until (answers: number): Promise<void>
}

export async function connectBreakable (t: Teardown, url: string): Promise<BreakableRedis> {
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  await redis.ping()
  const waiting = new Set<() => void>()
  const breakable: BreakableRedis = {
    isBroken: false,
    answersLeft: Infinity,
    commands: [],
    client: {
      async sendCommand ([name, ...words]: string[]) {
        breakable.commands.push(name!)
        if (breakable.isBroken || breakable.answersLeft <= 0) throw new Error('Connection is closed.')
        breakable.answersLeft--
        const reply = await redis.call(name!, ...words)
        for (const count of waiting) count()
        return reply
      }
    },
    until: async answers => {
      await new Promise<void>(resolve => {
        const count = (): void => { if (--answers === 0) resolve() }
        waiting.add(count)
      })
    }
  }
  return breakable
}
