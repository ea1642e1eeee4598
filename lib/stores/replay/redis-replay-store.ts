import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand } from '../redis-client.ts'
import { createMemoryReplayStore } from './memory-replay-store.ts'
import type { ReplayStore } from './replay-store.ts'

export interface RedisReplayStoreOptions {
  /** A client of `redis` or `ioredis`, of one server, of sentinels or of a cluster; the host connects and closes it. */
  readonly client: RedisClient
  /** What the names of the keys in Redis begin with. Default: `oauth-proof:`. */
  readonly prefix?: string
  /** How long Redis may take to answer, in milliseconds: requests wait for it. Default: 1000. */
  readonly timeoutMs?: number
  /**
   * What happens while Redis does not answer. `refuse` (default): proofs cannot be checked, and their requests are answered
   * 503. `local`: each process goes by the proofs that it saw itself, so a stolen proof can be used once at each of them.
   */
  readonly whenUnavailable?: 'refuse' | 'local'
  /** @internal For tests: where the time comes from. */
  readonly clock?: Clock
}

export interface RedisReplayStore extends ReplayStore {
  /** @throws RedisStoreError while Redis does not answer, with `whenUnavailable: 'refuse'` */
  seen (key: string, untilMs: number): Promise<boolean>
}

const optionsSchema = Type.Object({
  client: Type.Unknown(),
  prefix: Type.Optional(Type.String()),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  whenUnavailable: Type.Optional(Type.Enum(['refuse', 'local'])),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

/**
 * Used proofs in Redis, for any number of servers: `SET … NX PX`, one command and one key for each proof. Redis must not
 * evict them before their time (`maxmemory-policy noeviction`, or `volatile-ttl`): a proof that is gone can be used again.
 *
 * @throws OptionError
 */
export function createRedisReplayStore (options: RedisReplayStoreOptions): RedisReplayStore {
  checkOptions('', optionsSchema, options)
  const { client, prefix = 'oauth-proof:', timeoutMs = 1000, whenUnavailable = 'refuse', clock = systemClock } = options
  const send = createSendCommand(client, timeoutMs)
  const local = whenUnavailable === 'local' ? createMemoryReplayStore({ clock }) : null
  return {
    async seen (key, untilMs) {
      // Kept at all times: what this process saw before the outage counts in it.
      if (local?.seen(key, untilMs) === true) return true
      const lifetimeMs = Math.max(1, Math.ceil(untilMs - clock.now()))
      try {
        return await send(['SET', prefix + key, '1', 'NX', 'PX', String(lifetimeMs)]) === null
      } catch (error) {
        if (local === null) throw error
        return false
      }
    }
  }
}
