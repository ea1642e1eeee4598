import type { ConnectionStore } from './connection-store.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand, sessionRecordOptions } from '../redis-client.ts'
import type { TokenSeal } from '../tokens/redis-token-store.ts'
import { encodeKey } from '../tokens/redis-token-store.ts'
import { parseConnection } from './stored-connection.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

export interface RedisConnectionStoreOptions {
  /** A client of `redis` or `ioredis`, of one server or a cluster; the host connects and closes it. */
  readonly client: RedisClient
  /** Whose connection it is: the key of the store of its tokens, beside which it lies. */
  readonly key: string
  /** What the names of the keys in Redis begin with. It has no braces. Default: `oauth-client:`. */
  readonly prefix?: string
  /** Default: client secrets and the key of proofs are in Redis as they are. */
  readonly seal?: TokenSeal
  /** A connection that was not written for so long is forgotten: never before its tokens. Default: none is. */
  readonly forgetAfterSeconds?: number
  /** How long an answer of Redis may take, in milliseconds. Default: 5000. */
  readonly timeoutMs?: number
}

const optionsSchema = Type.Object(sessionRecordOptions, { additionalProperties: false })

/**
 * What belongs to the tokens of one session in Redis, beside the tokens, for any number of processes.
 *
 * Every call throws a {@link RedisStoreError} when Redis does not answer or does not do as it is told, and a `TypeError`
 * when what is there is none of ours; what was stored stays as it was, or is replaced as a whole.
 *
 * @throws OptionError
 */
export function createRedisConnectionStore (options: RedisConnectionStoreOptions): ConnectionStore {
  checkOptions('', optionsSchema, options)
  const { client, key, prefix = 'oauth-client:', seal, forgetAfterSeconds, timeoutMs = 5000 } = options
  const send = createSendCommand(client, timeoutMs)
  const name = `${prefix}{${encodeKey(key)}}:connection`
  // Not the key of the tokens: what is sealed as one is not to be read as the other.
  const purpose = `${key}:connection`
  const expiry = forgetAfterSeconds === undefined ? [] : ['EX', String(forgetAfterSeconds)]
  return {
    async read () {
      const found = await send(['GET', name])
      if (found === null) return null
      if (typeof found !== 'string') throw new TypeError(`the client gave ${typeof found} in the place of text`)
      return parseConnection(seal === undefined ? found : await seal.unseal(found, purpose), name)
    },
    async write (connection) {
      const text = JSON.stringify(connection)
      const done = await send(['SET', name, seal === undefined ? text : await seal.seal(text, purpose), ...expiry])
      if (done !== 'OK') throw new TypeError(`the client gave ${typeof done} in the place of OK`)
    }
  }
}
