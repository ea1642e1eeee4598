import { randomUUID } from 'node:crypto'
import type { SendCommand } from '../redis-client.ts'
import { createScript } from '../redis-client.ts'

/** Revocations as they are in Redis. All times are seconds since the epoch. */
export interface RevocationRecords {
  /** Where each revocation is published: `<name of the one before> <name> <at> <key>`. */
  readonly channel: string
  /** The key that has the name of the last revocation. */
  readonly lastKey: string
  /** Writes a revocation under each key and publishes it, if it adds to what is there. Atomic and idempotent. */
  write (keys: readonly string[], at: number, now: number): Promise<unknown>
  /** The last seconds to whose tokens the revocations with these keys apply; `null` for those that are not there. */
  read (keys: readonly string[]): Promise<Array<number | null>>
  /** All revocations, in pieces that do not block Redis, also those that apply no longer. Those that are made meanwhile may be left out. */
  all (): AsyncIterable<readonly [key: string, at: number]>
}

/**
 * Keeps the later of two revocations, whichever clock is behind, until the last token that it applies to has expired. The
 * index holds until when each one is kept. The name of the last revocation tells subscribers whether they missed one.
 */
const revoke = `
local given, now, life = tonumber(ARGV[1]), math.floor(tonumber(ARGV[2])), tonumber(ARGV[3])
for i = 3, #KEYS do
  local member, name = ARGV[2 * i - 1], ARGV[2 * i]
  local before = tonumber(redis.call('GET', KEYS[i]) or '-1')
  local at = math.max(given, before)
  local left = at - now + life
  if left > 0 then
    redis.call('SET', KEYS[i], string.format('%.0f', at), 'EX', string.format('%.0f', left))
    redis.call('ZADD', KEYS[1], at + life, member)
    if at > before then
      local last = redis.call('GET', KEYS[2]) or ''
      redis.call('SET', KEYS[2], name)
      redis.call('PUBLISH', ARGV[4], last .. ' ' .. name .. ' ' .. string.format('%.0f', at) .. ' ' .. member)
    end
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 300)
return 1`

/** As many revocations are read at a time. */
const pieceSize = '500'

/** @param prefix with a part in braces, so that all keys are in one slot of a cluster */
export function createRevocationRecords (send: SendCommand, prefix: string, longestLifetimeSeconds: number): RevocationRecords {
  // Keys of revocations begin with a bracket, or are digests.
  const [channel, indexKey, lastKey] = [`${prefix}channel`, `${prefix}index`, `${prefix}last`]
  const run = createScript(send, revoke)

  const read = async (keys: readonly string[]): Promise<Array<number | null>> => {
    const reply = await send(['MGET', ...keys.map(key => prefix + key)]) as readonly unknown[]
    return keys.map((_key, index) => {
      const stored = reply[index]
      if (stored === null) return null
      // A value that cannot be read must not make a token valid.
      if (typeof stored !== 'string' || !/^\d+$/.test(stored)) throw new TypeError(`${prefix}… holds something else than a revocation`)
      return Number(stored)
    })
  }
  return {
    channel,
    lastKey,
    read,
    async write (keys, at, now) {
      const args = [at, now, longestLifetimeSeconds].map(String)
      await run([indexKey, lastKey, ...keys.map(key => prefix + key)], [...args, channel, ...keys.flatMap(key => [key, randomUUID()])])
    },
    async * all () {
      let cursor = '0'
      do {
        const [next, found] = await send(['ZSCAN', indexKey, cursor, 'COUNT', pieceSize]) as [string, string[]]
        cursor = next
        const keys = found.filter((_member, i) => i % 2 === 0)
        const times = keys.length === 0 ? [] : await read(keys)
        for (const [i, key] of keys.entries()) {
          const at = times[i]!
          if (at !== null) yield [key, at]
        }
      } while (cursor !== '0')
    }
  }
}
