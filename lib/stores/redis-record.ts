import { OptionError } from '../errors/errors.ts'
import type { RedisClient } from './redis-client.ts'
import { createUnreadableWarning } from './unreadable-record.ts'
import { Type } from '../options/type.ts'

/** Encrypts what a session keeps in Redis, so that those who can read Redis cannot read tokens. */
export interface RecordSeal {
  /**
   * Encrypts and authenticates a text. It must bind the result to `key`: otherwise those who can write to Redis could put
   * one session's tokens in the place of another's.
   */
  seal (text: string, key: string): string | Promise<string>
  /**
   * Decrypts what {@link seal} returned for the same `key`.
   *
   * @returns `null` when it was not sealed for that key, or with a secret that no longer exists: the record then counts as
   * empty, and the user can sign in again
   * @throws when it could not be found out, for example because a key service does not respond: nothing is lost then
   */
  unseal (sealed: string, key: string): string | null | Promise<string | null>
}

/** Options that all records of a client session in Redis share. */
export interface RedisRecordOptions {
  /** A client of `redis` (node-redis) or `ioredis`, of one server or a cluster. The host connects and closes it. */
  readonly client: RedisClient
  /** Identifies the session, for example user and issuer. Processes that use the same key share the session. */
  readonly key: string
  /** What the names of the keys in Redis begin with. It has no braces. Default: `oauth-client:`. */
  readonly prefix?: string
  /** Default: records are in Redis in plain text. */
  readonly seal?: RecordSeal
  /** A record that was not written for this time is deleted by Redis, in seconds. Default: it is kept. */
  readonly forgetAfterSeconds?: number
  /** How long a response of Redis may take, in milliseconds. Default: 5000. */
  readonly timeoutMs?: number
}

const anyFunction = Type.Function([], Type.Unknown())

/** The schema of {@link RedisRecordOptions}. Its type names no schema library, as declarations that users read reach this file. */
export const redisRecordSchema: Readonly<Record<string, object>> = {
  client: Type.Unknown(),
  key: Type.String({ minLength: 1 }),
  prefix: Type.Optional(Type.String({ pattern: '^[^{}]*$' })),
  seal: Type.Optional(Type.Object({ seal: anyFunction, unseal: anyFunction })),
  forgetAfterSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 * 365 * 86_400 })),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }))
}

/** How a value is stored as text: as JSON, sealed where the host wants that. */
export interface RecordCodec<T> {
  encode (value: T): Promise<string>
  /** @returns `null` for a text that is no such record; a process warning says so once */
  decode (text: string): Promise<T | null>
}

/**
 * @param purpose what a text is sealed for: one sealed for another purpose is not read
 * @param place the key in Redis, for the warning
 * @param parse throws on text that is no record
 * @param consequence what follows from an unreadable record, for the warning
 */
export function createRecordCodec<T> (
  seal: RecordSeal | undefined, purpose: string, place: string, parse: (text: string) => T, consequence?: string
): RecordCodec<T> {
  const warn = createUnreadableWarning(place, consequence)
  return {
    async encode (value) {
      const text = JSON.stringify(value)
      return seal === undefined ? text : await seal.seal(text, purpose)
    },
    async decode (stored) {
      const text = seal === undefined ? stored : await seal.unseal(stored, purpose)
      try {
        if (text !== null) return parse(text)
      } catch {
        // The error quotes the text, which may be a token.
      }
      warn()
      return null
    }
  }
}

/**
 * The name of a session's keys in Redis. The part in braces decides in which slot of a cluster a key is: all keys of a
 * session are in one. The encoded key is never empty and has no braces of its own.
 *
 * @throws OptionError for a key that is not well-formed Unicode
 */
export function sessionKey (prefix: string, key: string): string {
  try {
    return `${prefix}{${encodeURIComponent(key)}}`
  } catch {
    throw new OptionError('key must be well-formed text')
  }
}
