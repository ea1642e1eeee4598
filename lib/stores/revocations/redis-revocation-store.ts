import { RedisStoreError } from '../../errors/store-errors.ts'
import { Type } from '../../options/type.ts'
import type { RedisStoreOptions } from '../redis-store.ts'
import { connectStore, redisStoreSchema } from '../redis-store.ts'
import type { RedisSubscriber } from '../redis-subscriber.ts'
import { createRevocationFeed } from './redis-revocation-feed.ts'
import { createRevocationRecords } from './redis-revocation-records.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { isCovered, revocationKeysOf, storedRevocation } from './revocation.ts'
import { createRevocationSet } from './revocation-set.ts'
import type { RevocableToken } from './revocation-store.ts'

/**
 * Options of {@link createRedisRevocationStore}.
 *
 * The default of `prefix` is `{oauth-revoked}:`. The part in braces puts all keys in one slot of a cluster, which the look-up
 * of a token with one command needs. The default of `whenUnavailable` is `refuse`. With `local`, a token is refused while Redis
 * is away if this server knows of its revocation: with `subscriber` those of all servers until the outage; without it only
 * its own, and those that it has found for other tokens.
 */
export interface RedisRevocationStoreOptions extends RedisStoreOptions {
  /**
   * A client for subscriptions alone: `client.duplicate()`. With it, revocations are published to every server, and requests
   * are answered from memory. While messages may be missing, each request asks Redis. Default: each request asks Redis.
   */
  readonly subscriber?: RedisSubscriber
  /**
   * How old the knowledge of this server may be, with `subscriber`, in milliseconds: it is proven several times in this time.
   * A revocation arrives within milliseconds; only when it was lost on its way, this is the limit. Default: 2000.
   */
  readonly maxStalenessMs?: number
  /** How many revocations this server keeps in memory; with more, each request asks Redis. Default: 1,000,000. */
  readonly maxLocalEntries?: number
  /** The longest lifetime of an access token, in seconds: a revocation is forgotten after it. The same at all servers. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  /**
   * How far the clock of an issuer may be ahead of this one, in seconds. A revocation then also applies to tokens that are
   * issued up to this much later, including those of a user who signs in again in this time. Default: 0.
   */
  readonly leewaySeconds?: number
}

/** Revocations in Redis. */
export interface RedisRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect here at once, and in the other processes when the message arrives, or with their next request where they ask
   * Redis. Tokens of the subject, session, grant or actor that are issued later are valid. It is tried twice.
   *
   * @throws TypeError when it names none, or more than one, of the members of {@link Revocation}, or has a time that is none
   * @throws RedisStoreError when both attempts failed: repeat the call later, it is idempotent. With `subscriber`, it is in
   * force here all the same, and is written when Redis is back, if this process still runs
   */
  revoke (revocation: Revocation): Promise<void>
  /** @throws RedisStoreError */
  isRevoked (token: RevocableToken): boolean | Promise<boolean>
  /** Whether requests are answered from memory now. Always false without `subscriber`. */
  readonly isCurrent: boolean
  /** Ends the subscription: call it before the clients are closed. After it, each request asks Redis. */
  close (): Promise<void>
}

const schema = {
  ...redisStoreSchema,
  prefix: Type.Optional(Type.String({ pattern: '^[^{}]*\\{[^{}]+\\}[^{}]*$' })),
  subscriber: Type.Optional(Type.Unknown()),
  maxStalenessMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 3_600_000 })),
  maxLocalEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000 })),
  longestLifetimeSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 * 365 * 86_400 })),
  leewaySeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 }))
}

/**
 * Keeps revocations in Redis, for any number of processes. With `subscriber` each process is told of every revocation and
 * requests are answered from memory; without it each request needs one round trip. Every call has a time limit.
 *
 * Redis must neither evict nor lose keys: a token whose revocation is lost is valid again. With `subscriber`, a process
 * writes revocations that Redis has lost again, as long as it runs.
 *
 * @throws OptionError
 */
export function createRedisRevocationStore (options: RedisRevocationStoreOptions): RedisRevocationStore {
  const { send, outage, whenUnavailable, clock } = connectStore('revocations', schema, options)
  const {
    client, subscriber, prefix = '{oauth-revoked}:', longestLifetimeSeconds = 86_400, leewaySeconds = 0,
    maxStalenessMs = 2000, maxLocalEntries = 1_000_000, timeoutMs = 1000
  } = options
  const now = (): number => clock.now() / 1000
  const records = createRevocationRecords(send, prefix, longestLifetimeSeconds)
  /** Complete while the feed is current, else what is known here. */
  const known = createRevocationSet(maxLocalEntries, longestLifetimeSeconds)
  const isKnowledgeUsed = subscriber !== undefined || whenUnavailable === 'local'
  const feed = subscriber === undefined
    ? null
    : createRevocationFeed({ subscriber, client, send, outage, records, revocations: known, maxStalenessMs, timeoutMs, now })

  const look = async (token: RevocableToken): Promise<boolean> => {
    const keys = revocationKeysOf(token)
    const times = await records.read(keys.map(({ key }) => key))
    // Redis expires keys by its own clock, which may be behind.
    const oldest = now() - longestLifetimeSeconds
    return keys.some((key, index) => {
      const at = times[index]!
      if (at === null || at <= oldest || !isCovered(key, at)) return false
      if (isKnowledgeUsed) known.add(key.key, at, now())
      return true
    })
  }
  const ask = async (token: RevocableToken): Promise<boolean> => {
    try {
      return await outage.attempt(async () => await look(token))
    } catch (error) {
      if (whenUnavailable === 'refuse' || !(error instanceof RedisStoreError)) throw error
      return known.covers(token, now())
    }
  }
  return {
    get isCurrent () { return feed?.isCurrent() ?? false },
    async revoke (revocation) {
      const time = now()
      const { keys, at } = storedRevocation(revocation, time, leewaySeconds)
      if (isKnowledgeUsed) for (const key of keys) known.add(key, at, time)
      const write = async (): Promise<unknown> => await outage.insist(async () => await records.write(keys, at, time))
      try {
        await write().catch(write)
      } catch (error) {
        feed?.reconcile()
        throw error
      }
    },
    isRevoked (token) {
      if (feed === null) return ask(token)
      if (known.covers(token, now())) return true
      return feed.isCurrent() ? false : ask(token)
    },
    async close () { await feed?.close() }
  }
}
