import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { checkOptions } from '../options/check-options.ts'
import { Type } from '../options/type.ts'
import type { OutageGuard, StoreOutage } from './outage.ts'
import { createOutageGuard, warnOfOutage } from './outage.ts'
import type { RedisClient, SendCommand } from './redis-client.ts'
import { createSendCommand } from './redis-client.ts'

/** Options that every store of the resource server in Redis has. */
export interface RedisStoreOptions {
  /** A client of `redis` (node-redis) or `ioredis`, for one server, sentinels or a cluster. The host connects and closes it. */
  readonly client: RedisClient
  /** What the names of the keys in Redis begin with. */
  readonly prefix?: string
  /** How long a response of Redis may take, in milliseconds: requests wait for it. Default: 1000. */
  readonly timeoutMs?: number
  /**
   * What happens while Redis does not answer. `refuse`: requests that need the store get 503 with `Retry-After`; `local`:
   * this server goes on with what it knows itself. What that means, and the default, is said at each store.
   */
  readonly whenUnavailable?: 'refuse' | 'local'
  /** In an outage calls fail at once, and after this time one of them tries Redis again, in milliseconds. Default: 1000. */
  readonly retryAfterMs?: number
  /** Called once when an outage begins and once when it has ended. Default: a process warning each. */
  readonly onOutage?: (outage: StoreOutage) => void
  readonly clock?: Clock
}

export const redisStoreSchema: Readonly<Record<keyof RedisStoreOptions, object>> = {
  client: Type.Unknown(),
  prefix: Type.Optional(Type.String()),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  whenUnavailable: Type.Optional(Type.Enum(['refuse', 'local'])),
  retryAfterMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 })),
  onOutage: Type.Optional(Type.Function([], Type.Unknown())),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}

/** What a store does its work with. */
export interface RedisConnection {
  readonly send: SendCommand
  readonly outage: OutageGuard
  readonly whenUnavailable: 'refuse' | 'local'
  readonly clock: Clock
}

/**
 * Checks the options of a store, and makes what they all need.
 *
 * @param schema of all options of the store
 * @throws OptionError
 */
export function connectStore (
  store: string, schema: Readonly<Record<string, object>>, options: RedisStoreOptions, whenUnavailableByDefault: 'refuse' | 'local' = 'refuse'
): RedisConnection {
  checkOptions('', Type.Object(schema as never, { additionalProperties: false }), options)
  const {
    client, timeoutMs = 1000, retryAfterMs = 1000, whenUnavailable = whenUnavailableByDefault, onOutage = warnOfOutage, clock = systemClock
  } = options
  return {
    send: createSendCommand(client, timeoutMs),
    outage: createOutageGuard({ store, whenUnavailable, retryAfterMs, onOutage, clock }),
    whenUnavailable,
    clock
  }
}
