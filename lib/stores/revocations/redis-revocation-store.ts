import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand } from '../redis-client.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { isCovered, revocationKeysOf, storedRevocation } from './revocation.ts'
import type { RevocableToken } from './revocation-store.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Options of {@link createRedisRevocationStore}. */
export interface RedisRevocationStoreOptions {
  /** A client of `redis` (node-redis) or `ioredis`, of one server or a cluster. The host connects and closes it. */
  readonly client: RedisClient
  /**
   * What the names of the keys in Redis begin with. The part in braces puts all of them in one slot of a cluster, which the
   * look-up of a token with one command needs. Default: `{oauth-revoked}:`.
   */
  readonly prefix?: string
  /** The longest lifetime of an access token, in seconds: a revocation is forgotten after it. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  /**
   * How far the clock of an issuer may be ahead of this one, in seconds. A revocation then also applies to tokens that are
   * issued up to this much later, including those of a user who signs in again in this time. Default: 0.
   */
  readonly leewaySeconds?: number
  /** How long a response of Redis may take, in milliseconds: requests wait for it. Default: 1000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

/** Revocations in Redis. */
export interface RedisRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect in every process with its next request. Tokens of the subject, session, grant or actor that are issued
   * later are valid. It is tried twice.
   *
   * @throws TypeError when it names none, or more than one, of the members of {@link Revocation}, or has a time that is none
   * @throws RedisStoreError when both attempts failed: repeat the call later, it is idempotent
   */
  revoke (revocation: Revocation): Promise<void>
  /** @throws RedisStoreError */
  isRevoked (token: RevocableToken): Promise<boolean>
}

const optionsSchema = Type.Object({
  client: Type.Unknown(),
  prefix: Type.Optional(Type.String({ pattern: '^[^{}]*\\{[^{}]+\\}[^{}]*$' })),
  longestLifetimeSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 * 365 * 86_400 })),
  leewaySeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

/**
 * Stores the later of two revocations, whichever clock is behind, until the last token that it applies to has expired. The
 * arguments: the last second to whose tokens it applies, the time, and the longest lifetime of tokens.
 */
const revokeAt = `
for _, key in ipairs(KEYS) do
  local at = math.max(tonumber(redis.call('GET', key) or 0), tonumber(ARGV[1]))
  redis.call('SET', key, string.format('%.0f', at), 'EX', string.format('%.0f', at - tonumber(ARGV[2]) + tonumber(ARGV[3])))
end
return 1`

/**
 * Keeps revocations in Redis, for any number of processes: a revocation takes effect in all of them with the next request.
 * Each request needs one round trip, and every call has a time limit.
 *
 * Redis must neither evict nor lose keys: a token whose revocation is lost is valid again.
 *
 * @throws OptionError
 */
export function createRedisRevocationStore (options: RedisRevocationStoreOptions): RedisRevocationStore {
  checkOptions('', optionsSchema, options)
  const { client, prefix = '{oauth-revoked}:', longestLifetimeSeconds = 86_400, leewaySeconds = 0, timeoutMs = 1000, clock = systemClock } = options
  const send = createSendCommand(client, timeoutMs)

  return {
    async revoke (revocation) {
      const now = Math.floor(clock.now() / 1000)
      const { keys, at } = storedRevocation(revocation, now, leewaySeconds)
      // All tokens that it applies to have expired.
      if (at + longestLifetimeSeconds <= now) return
      const command = [
        'EVAL', revokeAt, String(keys.length), ...keys.map(key => prefix + key), String(at), String(now), String(longestLifetimeSeconds)
      ]
      await send(command).catch(async () => await send(command))
    },
    async isRevoked (token) {
      const keys = revocationKeysOf(token)
      const reply = await send(['MGET', ...keys.map(({ key }) => prefix + key)]) as readonly unknown[]
      // Redis expires keys by its own clock, which may be behind.
      const oldest = clock.now() / 1000 - longestLifetimeSeconds
      return keys.some((key, index) => {
        const stored = reply[index]
        if (stored === null) return false
        // A value that cannot be read must not make a token valid.
        if (typeof stored !== 'string' || !/^\d+$/.test(stored)) throw new TypeError(`${prefix}… holds something else than a revocation`)
        const at = Number(stored)
        return at > oldest && isCovered(key, at)
      })
    }
  }
}
