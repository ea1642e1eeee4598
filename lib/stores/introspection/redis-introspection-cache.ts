import { Type } from '../../options/type.ts'
import type { RecordSeal } from '../redis-record.ts'
import { createRecordCodec } from '../redis-record.ts'
import type { RedisStoreOptions } from '../redis-store.ts'
import { connectStore, redisStoreSchema } from '../redis-store.ts'
import type { IntrospectionAnswer, IntrospectionCache } from './introspection-cache.ts'
import { maxAnswerBytes } from './introspection-cache.ts'
import { parseJson } from '../../parse-json.ts'

/**
 * Options of {@link createRedisIntrospectionCache}. The default of `prefix` is `oauth-introspected:`, that of
 * `whenUnavailable` is `local`: the issuer is asked, and this server's own cache of verified tokens is used as always. With
 * `refuse`, tokens that are not in that cache get 503: it protects an issuer that could not bear the requests.
 */
export interface RedisIntrospectionCacheOptions extends RedisStoreOptions {
  /**
   * Encrypts and authenticates the answers. Without it, those who can read Redis can read the claims of users, and those who
   * can write to Redis can make a token of their own choice valid. Default: none.
   */
  readonly seal?: RecordSeal
}

const anyFunction = Type.Function([], Type.Unknown())
const schema = { ...redisStoreSchema, seal: Type.Optional(Type.Object({ seal: anyFunction, unseal: anyFunction })) }

/**
 * Keeps introspection answers in Redis or Valkey, for any number of servers: one command with one key each, so that it works
 * on a cluster. The token is neither in the key, which is a digest, nor in the value.
 *
 * Redis may evict and lose these keys.
 *
 * @throws OptionError
 */
export function createRedisIntrospectionCache (options: RedisIntrospectionCacheOptions): IntrospectionCache {
  const { send, outage, whenUnavailable, clock } = connectStore('introspection answers', schema, options, 'local')
  const { prefix = 'oauth-introspected:', seal } = options
  const codec = createRecordCodec(seal, 'introspection answer', `${prefix}…`, parseAnswer, 'The issuer is asked')
  /** In an outage, or when a seal fails, the issuer has the answer. */
  const unlessAway = async <T>(call: () => Promise<T>): Promise<T | null> => {
    try {
      return await call()
    } catch (error) {
      if (whenUnavailable === 'refuse') throw error
      return null
    }
  }
  return {
    get: async key => await unlessAway(async () => {
      const stored = await outage.attempt(async () => await send(['GET', prefix + key]))
      if (typeof stored !== 'string') return null
      const found = await codec.decode(stored)
      // With a seal, this binds an answer to its key: it cannot stand in the place of another.
      return found !== null && found.key === key && clock.now() < found.untilMs ? { members: found.members, untilMs: found.untilMs } : null
    }),
    async set (key, { members, untilMs }) {
      const leftMs = Math.floor(untilMs - clock.now())
      if (leftMs <= 0 || Buffer.byteLength(JSON.stringify(members)) > maxAnswerBytes) return
      await unlessAway(async () => {
        const text = await codec.encode({ key, members, untilMs })
        await outage.attempt(async () => await send(['SET', prefix + key, text, 'PX', String(leftMs)]))
      })
    }
  }
}

type StoredAnswer = IntrospectionAnswer & { readonly key: string }

/** @throws TypeError for a text that is no answer */
function parseAnswer (text: string): StoredAnswer {
  const { key, members, untilMs } = parseJson(text) as Partial<Record<keyof StoredAnswer, unknown>>
  if (typeof key !== 'string' || typeof members !== 'object' || members === null || typeof untilMs !== 'number') throw new TypeError('no introspection answer')
  return { key, members: members as IntrospectionAnswer['members'], untilMs }
}
