import { createSendCommand } from '../redis-client.ts'
import type { RedisRecordOptions } from '../redis-record.ts'
import { createRecordCodec, redisRecordSchema, sessionKey } from '../redis-record.ts'
import type { ConnectionStore } from './connection-store.ts'
import { parseConnection } from './stored-connection.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/**
 * Options of {@link createRedisConnectionStore}. `key` is that of the token store. `forgetAfterSeconds` must not be shorter
 * than that of the token store: tokens are useless without their connection data.
 */
export interface RedisConnectionStoreOptions extends RedisRecordOptions {}

const optionsSchema = Type.Object(redisRecordSchema, { additionalProperties: false })

/**
 * Keeps the connection data of one session in Redis, beside its tokens, for any number of processes.
 *
 * A record that cannot be read counts as empty, and the process gets a warning with the code
 * `FST_OAUTH_STORED_RECORD_UNREADABLE`: the user can sign in again.
 *
 * Its methods throw a {@link RedisStoreError} when Redis does not respond within `timeoutMs` or refuses the command, and
 * what `seal` throws; the stored record is then unchanged or replaced as a whole.
 *
 * @throws OptionError
 */
export function createRedisConnectionStore (options: RedisConnectionStoreOptions): ConnectionStore {
  checkOptions('', optionsSchema, options)
  const { client, key, prefix = 'oauth-client:', seal, forgetAfterSeconds, timeoutMs = 5000 } = options
  const send = createSendCommand(client, timeoutMs)
  const name = `${sessionKey(prefix, key)}:connection`
  // Another purpose than that of the tokens: a sealed text of one kind cannot be put in the place of the other.
  const codec = createRecordCodec(seal, `${key}:connection`, name, parseConnection)
  const expiry = forgetAfterSeconds === undefined ? [] : ['EX', String(forgetAfterSeconds)]
  return {
    async read () {
      const stored = await send(['GET', name])
      if (stored === null) return null
      if (typeof stored !== 'string') throw new TypeError(`the Redis client returned ${typeof stored} for GET, expected text or null`)
      return await codec.decode(stored)
    },
    async write (connection) {
      const done = await send(['SET', name, await codec.encode(connection), ...expiry])
      if (done !== 'OK') throw new TypeError(`the Redis client returned ${typeof done} for SET, expected OK`)
    }
  }
}
