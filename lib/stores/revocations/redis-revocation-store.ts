import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand } from '../redis-client.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { isCovered, keyOfRevocation, revocationKeysOf } from './revocation.ts'
import type { RevocableToken } from './revocation-store.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

export interface RedisRevocationStoreOptions {
  /** A client of `redis` or `ioredis`, of one server or a cluster; the host connects and closes it. */
  readonly client: RedisClient
  /**
   * What the names of the keys in Redis begin with. What stands in its braces keeps them in one place of a cluster, as all
   * that is asked about one token has to be. Default: `{oauth-revoked}:`.
   */
  readonly prefix?: string
  /** The longest lifetime of an access token in seconds: what was revoked is forgotten after it. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  /**
   * How far the clock of an issuer may be ahead of this one, in seconds: what is revoked takes tokens with it that were issued
   * up to so much later, also those of whoever logs in again meanwhile. Default: 0.
   */
  readonly leewaySeconds?: number
  /** How long an answer of Redis may take, in milliseconds: requests wait for it. Default: 1000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

export interface RedisRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect in every process with its next request. Tokens of the subject, session, grant or actor that are issued
   * later are good.
   *
   * @throws TypeError when it names none or several of what can be revoked
   * @throws RedisStoreError
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
 * The later of two revocations counts, whoever's clock is behind, and is kept until the last token of its time is gone. It is
 * told the last second whose tokens are meant, what time it is, and how long tokens live.
 */
const revokeAt = `
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', at), 'EX', string.format('%.0f', at - tonumber(ARGV[2]) + tonumber(ARGV[3])))
return 1`

/**
 * Revocations in Redis, for any number of processes: what one of them revokes is dead in all of them with the next request.
 * One round trip for each request.
 *
 * Redis must neither evict nor lose what it was told: a revocation that is gone makes the token good again.
 *
 * @throws OptionError
 */
export function createRedisRevocationStore (options: RedisRevocationStoreOptions): RedisRevocationStore {
  checkOptions('', optionsSchema, options)
  const { client, prefix = '{oauth-revoked}:', longestLifetimeSeconds = 86_400, leewaySeconds = 0, timeoutMs = 1000, clock = systemClock } = options
  const send = createSendCommand(client, timeoutMs)

  return {
    async revoke (revocation) {
      const key = prefix + keyOfRevocation(revocation)
      const now = Math.floor(clock.now() / 1000)
      await send(['EVAL', revokeAt, '1', key, String(now + leewaySeconds), String(now), String(longestLifetimeSeconds)])
    },
    async isRevoked (token) {
      const keys = revocationKeysOf(token)
      const reply = await send(['MGET', ...keys.map(({ key }) => prefix + key)]) as readonly unknown[]
      // Redis forgets by its own clock, which may be behind.
      const oldest = clock.now() / 1000 - longestLifetimeSeconds
      return keys.some((key, index) => {
        const stored = reply[index]
        if (stored === null) return false
        // What is not understood is no reason to let a token in.
        if (typeof stored !== 'string' || !/^\d+$/.test(stored)) throw new TypeError(`${prefix}… holds no revocation of ours`)
        const at = Number(stored)
        return at > oldest && isCovered(key, token.issuedAt, at)
      })
    }
  }
}
