import { hash } from 'node:crypto'
import { Type } from '../../options/type.ts'
import { createScript } from '../redis-client.ts'
import type { RedisStoreOptions } from '../redis-store.ts'
import { connectStore, redisStoreSchema } from '../redis-store.ts'
import type { McpSessionStore } from './mcp-session-store.ts'
import { createMemoryMcpSessionStore } from './mcp-session-store.ts'

/**
 * Options of {@link createRedisMcpSessionStore}. The default of `prefix` is `oauth-mcp-session:`, that of `whenUnavailable` is
 * `refuse`. With `local`, this server also remembers the sessions that it has seen itself: while Redis is away it goes on with
 * those. Other sessions are unknown then, and `unknownSessions` of `mcp` decides. Sessions that began meanwhile are written
 * to Redis with their next request after it is back.
 */
export interface RedisMcpSessionStoreOptions extends RedisStoreOptions {
  /** A session that was not used for this many seconds is forgotten. Default: 86400. */
  readonly idleSeconds?: number
  /** How many sessions this server remembers itself, with `whenUnavailable: 'local'`. Default: 100,000. */
  readonly maxLocalSessions?: number
}

const schema = {
  ...redisStoreSchema,
  idleSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
  maxLocalSessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000 }))
}

/** Without a third argument no owner is replaced. */
const bindOwner = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[3] then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  return owner
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]`

const readOwner = `
local owner = redis.call('GET', KEYS[1])
if owner then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return owner`

/**
 * Owners of MCP sessions in Redis or Valkey, for servers that share sessions: one script with one key for each call, so that
 * it works on a cluster. Keys are digests of the session ids; the owner is in the value in plain text.
 *
 * Redis must neither evict nor lose keys: the owner of a session that is lost is whichever client uses it next.
 *
 * @throws OptionError
 */
export function createRedisMcpSessionStore (options: RedisMcpSessionStoreOptions): McpSessionStore {
  const { send, outage, whenUnavailable, clock } = connectStore('MCP sessions', schema, options)
  const { prefix = 'oauth-mcp-session:', idleSeconds = 86_400, maxLocalSessions = 100_000 } = options
  const [runBind, runRead] = [createScript(send, bindOwner), createScript(send, readOwner)]
  const keyOf = (sessionId: string): string => prefix + hash('sha256', sessionId, 'base64url')

  const shared = {
    async bind (sessionId: string, owner: string, replaces?: string): Promise<string> {
      const words = [owner, String(idleSeconds), ...replaces === undefined ? [] : [replaces]]
      return await outage.attempt(async () => await runBind([keyOf(sessionId)], words)) as string
    },
    async ownerOf (sessionId: string): Promise<string | null> {
      return await outage.attempt(async () => await runRead([keyOf(sessionId)], [String(idleSeconds)])) as string | null
    }
  }
  if (whenUnavailable === 'refuse') return shared

  const local = createMemoryMcpSessionStore({ maxSessions: maxLocalSessions, idleSeconds, clock })
  const orLocal = async <T>(ask: () => Promise<T>, answer: () => T | Promise<T>): Promise<T> => {
    try {
      return await ask()
    } catch {
      return await answer()
    }
  }
  /** What Redis says overrides what is known here. */
  const remember = async (sessionId: string, owner: string): Promise<string> => {
    const known = await local.bind(sessionId, owner)
    return known === owner ? owner : await local.bind(sessionId, owner, known)
  }
  const bind: McpSessionStore['bind'] = async (sessionId, owner, replaces) => await orLocal(
    async () => await remember(sessionId, await shared.bind(sessionId, owner, replaces)),
    () => local.bind(sessionId, owner, replaces))
  return {
    bind,
    ownerOf: async sessionId => await orLocal(
      async () => {
        const owner = await shared.ownerOf(sessionId)
        if (owner !== null) return await remember(sessionId, owner)
        // It began in an outage, or Redis has lost it.
        const known = await local.ownerOf(sessionId)
        return known === null ? null : await bind(sessionId, known)
      },
      () => local.ownerOf(sessionId))
  }
}
