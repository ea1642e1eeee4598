import { hash } from 'node:crypto'
import { RedisStoreError } from '../../errors/store-errors.ts'
import { Type } from '../../options/type.ts'
import type { RedisConnection, RedisStoreOptions } from '../redis-store.ts'
import { connectStore, redisStoreSchema } from '../redis-store.ts'
import { createMemoryReplayStore } from './memory-replay-store.ts'
import type { ReplayStore } from './replay-store.ts'
import { checkReplayTime } from './replay-store.ts'

/**
 * Options of {@link createRedisReplayStore}. The default of `prefix` is `oauth-replay:`, that of `whenUnavailable` is `refuse`.
 *
 * With `whenUnavailable: 'local'`, this server also remembers the identifiers itself. While Redis is away it refuses those
 * that it has seen, so that an identifier is accepted once by each server in place of once by all. When Redis is back, it is
 * told which identifiers were accepted meanwhile.
 */
export interface RedisReplayStoreOptions extends RedisStoreOptions {
  /** How many identifiers this server remembers itself, with `whenUnavailable: 'local'`. Default: 1,000,000. */
  readonly maxLocalEntries?: number
}

/** A replay store in Redis. */
export interface RedisReplayStore extends ReplayStore {
  /** @throws RedisStoreError, TypeError when the client changes replies; in an outage ReplayStoreFullError */
  seen (key: string, untilMs: number): Promise<boolean>
}

const schema = { ...redisStoreSchema, maxLocalEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000 })) }

/** As many identifiers are written to Redis at a time after an outage. */
const batch = 100

/**
 * Remembers identifiers in Redis or Valkey, for any number of servers: one command for each, `SET … NX PX`, with one key, so
 * that it works on a cluster. Keys in Redis are digests of a fixed length.
 *
 * Redis must neither evict nor lose keys: an identifier that is lost can be replayed until it expires. After a failover to a
 * replica this applies to the identifiers that the replica had not received. If the call throws, the command may have been
 * carried out: a request that is repeated needs a new identifier.
 *
 * @throws OptionError
 */
export function createRedisReplayStore (options: RedisReplayStoreOptions): RedisReplayStore {
  const connection = connectStore('replays', schema, options)
  const { send, outage, whenUnavailable, clock } = connection
  const { prefix = 'oauth-replay:', maxLocalEntries = 1_000_000 } = options

  const record = async (name: string, untilMs: number): Promise<boolean> => {
    // Redis refuses a time of 0. An identifier that has expired is recorded all the same: the clock here may be ahead.
    const lifeMs = Math.max(1, Math.ceil(untilMs - clock.now()))
    const reply = await send(['SET', name, '1', 'NX', 'PX', String(lifeMs)])
    if (reply !== 'OK' && reply !== null) throw new TypeError(`the Redis client returned ${typeof reply} for SET, expected OK or null`)
    return reply === null
  }
  const seen = whenUnavailable === 'local'
    ? createLocalFallback(record, connection, maxLocalEntries)
    : async (name: string, untilMs: number) => await outage.attempt(async () => await record(name, untilMs))
  return {
    async seen (key, untilMs) {
      checkReplayTime(untilMs)
      return await seen(prefix + hash('sha256', key, 'base64url'), untilMs)
    }
  }
}

type Record = (name: string, untilMs: number) => Promise<boolean>

function createLocalFallback (record: Record, { outage, clock }: RedisConnection, maxEntries: number): Record {
  const local = createMemoryReplayStore({ maxEntries, clock })
  /** Accepted while Redis was away, the oldest first, until they expire. They are remembered locally as well, which bounds them. */
  const unwritten = new Map<string, number>()
  let writing: Promise<void> | null = null

  const write = async (): Promise<void> => {
    while (unwritten.size > 0) {
      const names = [...unwritten.keys()].slice(0, batch)
      const written = await Promise.allSettled(names.map(async name => await outage.attempt(async () => await record(name, unwritten.get(name)!))))
      written.forEach(({ status }, i) => { if (status === 'fulfilled') unwritten.delete(names[i]!) })
      // The next answer of Redis begins anew.
      if (written.some(({ status }) => status === 'rejected')) break
    }
    writing = null
  }

  return async (name, untilMs) => {
    let full: unknown = null
    try {
      if (local.seen(name, untilMs)) return true
    } catch (error) {
      // The local store is full: what does not fit is known to Redis alone.
      full = error
    }
    try {
      const wasSeen = await outage.attempt(async () => await record(name, untilMs))
      if (unwritten.size > 0) writing ??= write()
      return wasSeen
    } catch (error) {
      if (!(error instanceof RedisStoreError)) throw error
      if (full !== null) throw full
      const now = clock.now()
      for (const [oldest, until] of unwritten) {
        if (until > now) break
        unwritten.delete(oldest)
      }
      unwritten.set(name, untilMs)
      return false
    }
  }
}
