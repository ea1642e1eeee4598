import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'
import { parseJson } from '../../parse-json.ts'

/** What an issuer answered about an active token (RFC 7662 section 2.2). */
export interface IntrospectionAnswer {
  /** The members of the response, without any that contain the token. Each server checks them anew. */
  readonly members: Readonly<Record<string, unknown>>
  /** Until when the answer may be used, in milliseconds since the epoch: never past `exp` of the token. */
  readonly untilMs: number
}

/**
 * Keeps answers of introspection endpoints for several servers, so that a token that one of them has introspected is not
 * introspected by the others. Only answers about active tokens are kept: strangers cannot fill it.
 *
 * Nothing has to be atomic: of two simultaneous `set` with one key, either may stay, and an answer that is lost is asked for
 * again. `get` must return only what was set for this very key: with another answer, a token would have another user's rights.
 *
 * Revocations are looked up after it, for each request. If a call of `get` throws, or takes longer than `lookupTimeoutMs`,
 * the response is 503; a cache that returns `null` in place of that is passed over.
 */
export interface IntrospectionCache {
  /**
   * The answer that was set last, `null` when there is none or its time is over.
   *
   * @param key a digest of the token, its issuer and the client that introspects; it is no secret and tells nothing
   */
  get (key: string): IntrospectionAnswer | null | Promise<IntrospectionAnswer | null>
  /** Keeps an answer until `untilMs`. No request waits for it. */
  set (key: string, answer: IntrospectionAnswer): void | Promise<void>
}

/** Options of {@link createMemoryIntrospectionCache}. */
export interface MemoryIntrospectionCacheOptions {
  /** How many answers are kept at most; beyond it those that were not used for the longest time are forgotten. Default: 10,000. */
  readonly maxEntries?: number
  /** How many bytes the answers take at most, as JSON. Default: 16,777,216. */
  readonly maxBytes?: number
  readonly clock?: Clock
}

/** Longer answers are not kept, in bytes of JSON. */
export const maxAnswerBytes = 16_384

const optionsSchema = Type.Object({
  maxEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000 })),
  maxBytes: Type.Optional(Type.Integer({ minimum: maxAnswerBytes, maximum: Number.MAX_SAFE_INTEGER })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

/**
 * Keeps answers in this process, for several resources of one server that introspect at the same issuer as the same client.
 * A single resource needs none: verified tokens are cached anyway.
 *
 * @throws OptionError
 */
export function createMemoryIntrospectionCache (options: MemoryIntrospectionCacheOptions = {}): IntrospectionCache {
  checkOptions('', optionsSchema, options)
  const { maxEntries = 10_000, maxBytes = 16_777_216, clock = systemClock } = options
  // As text: callers share no object that one of them could change.
  const answers = new LRUCache<string, { text: string, untilMs: number }>({ max: maxEntries, maxSize: maxBytes, sizeCalculation: ({ text }) => Buffer.byteLength(text) })
  return {
    get (key) {
      const found = answers.get(key)
      if (found === undefined) return null
      const { text, untilMs } = found
      if (clock.now() < untilMs) return { members: parseJson(text) as IntrospectionAnswer['members'], untilMs }
      answers.delete(key)
      return null
    },
    set (key, { members, untilMs }) {
      const text = JSON.stringify(members)
      if (untilMs > clock.now() && Buffer.byteLength(text) <= maxAnswerBytes) answers.set(key, { text, untilMs })
    }
  }
}
