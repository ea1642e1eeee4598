import { createHash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand } from '../redis-client.ts'
import type { ReplayStore } from './replay-store.ts'
import { checkReplayTime } from './replay-store.ts'

/** Options of {@link createRedisReplayStore}. */
export interface RedisReplayStoreOptions {
  /** A client of `redis` (node-redis) or `ioredis`, of one server or a cluster. The host connects and closes it. */
  readonly client: RedisClient
  /** What the names of the keys in Redis begin with. Default: `oauth-replay:`. */
  readonly prefix?: string
  /** How long a response of Redis may take, in milliseconds: requests wait for it. Default: 1000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

/** A replay store in Redis. */
export interface RedisReplayStore extends ReplayStore {
  /** @throws RedisStoreError, TypeError when the client changes replies */
  seen (key: string, untilMs: number): Promise<boolean>
}

const optionsSchema = Type.Object({
  client: Type.Unknown(),
  prefix: Type.Optional(Type.String()),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

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
  checkOptions('', optionsSchema, options)
  const { client, prefix = 'oauth-replay:', timeoutMs = 1000, clock = systemClock } = options
  const send = createSendCommand(client, timeoutMs)
  return {
    async seen (key, untilMs) {
      checkReplayTime(untilMs)
      const name = prefix + createHash('sha256').update(key).digest('base64url')
      // Redis refuses a time of 0. An identifier that has expired is recorded all the same: the clock here may be ahead.
      const lifeMs = Math.max(1, Math.ceil(untilMs - clock.now()))
      const reply = await send(['SET', name, '1', 'NX', 'PX', String(lifeMs)])
      if (reply !== 'OK' && reply !== null) throw new TypeError(`the Redis client returned ${typeof reply} for SET, expected OK or null`)
      return reply === null
    }
  }
}
