import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { createMutex } from '../mutex.ts'
import { createSendCommand } from '../redis-client.ts'
import type { RedisRecordOptions } from '../redis-record.ts'
import { createRecordCodec, redisRecordSchema, sessionKey } from '../redis-record.ts'
import { parseTokenSet } from './stored-tokens.ts'
import type { TokenStore } from './token-store.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Options of {@link createRedisTokenStore}. */
export interface RedisTokenStoreOptions extends RedisRecordOptions {
  /**
   * After this time without a renewal the lock of a refresh is free again, in milliseconds: a process that crashed blocks
   * the others for as long. A live holder renews it every third of the time. Default: 15000.
   */
  readonly lockTtlMs?: number
  /** After this time the lock is no longer renewed, even if its holder still works, in milliseconds. Default: 120000. */
  readonly maxLockMs?: number
  readonly clock?: Clock
  /** Lets time pass, and rejects when the signal is aborted. For tests. Default: a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>
}

const milliseconds = Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }))
const anyFunction = Type.Function([], Type.Unknown())
const optionsSchema = Type.Object({
  ...redisRecordSchema,
  lockTtlMs: milliseconds,
  maxLockMs: milliseconds,
  clock: Type.Optional(Type.Object({ now: anyFunction })),
  wait: Type.Optional(anyFunction)
}, { additionalProperties: false })

/** Time between two attempts to take the lock, in milliseconds: half of it to one and a half. */
const pollMs = 50

/** Writes if the record has the expected generation; '' expects that there is no record. */
const compareAndSet = `
if (redis.call('HGET', KEYS[1], 'generation') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'tokens', ARGV[3])
if ARGV[4] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`

/** A lock that expired may have another holder by now. */
const renewLock = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

const releaseLock = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

/**
 * Keeps the tokens of one session in Redis, for any number of processes: one of them refreshes, the others wait for it and
 * read its result.
 *
 * Two processes may hold the lock at once when Redis loses it: after a failover to a replica that had not received it, or
 * when the holder did not renew it for `lockTtlMs`. Still only one of them can write, as the generation is compared. It is
 * taken from the clock, so that a generation is not used again after a record was lost or expired.
 *
 * A record that cannot be read counts as a session that is over, and the process gets a warning with the code
 * `FST_OAUTH_STORED_RECORD_UNREADABLE`: the user can sign in again.
 *
 * Its methods throw a {@link RedisStoreError} when Redis does not respond within `timeoutMs` or refuses the command, and
 * what `seal` throws; the stored record is then unchanged or replaced as a whole.
 *
 * @throws OptionError
 */
export function createRedisTokenStore (options: RedisTokenStoreOptions): TokenStore {
  checkOptions('', optionsSchema, options)
  const {
    client, key, prefix = 'oauth-client:', seal, forgetAfterSeconds, lockTtlMs = 15_000, maxLockMs = 120_000, timeoutMs = 5000, clock = systemClock,
    wait = (ms, signal) => setTimeout(ms, undefined, { signal })
  } = options
  const send = createSendCommand(client, timeoutMs)
  const name = sessionKey(prefix, key)
  const recordKey = `${name}:tokens`
  const lockKey = `${name}:lock`
  const codec = createRecordCodec(seal, key, recordKey, parseTokenSet)
  // Only one caller of this process asks Redis for the lock.
  const oneCaller = createMutex()

  const evaluate = (script: string, ...words: string[]): Promise<unknown> => send(['EVAL', script, '1', ...words])

  const takeLock = async (holder: string, signal: AbortSignal | undefined): Promise<void> => {
    while (!isDone(await send(['SET', lockKey, holder, 'NX', 'PX', String(lockTtlMs)], signal), 'OK', null)) {
      await wait(pollMs * (0.5 + Math.random()), signal)
    }
  }
  const keepLock = async (holder: string, ended: AbortSignal): Promise<void> => {
    const everyMs = lockTtlMs / 3
    for (let heldMs = 0; heldMs < maxLockMs; heldMs += everyMs) {
      await wait(everyMs, ended)
      // A renewal that fails is tried again: two thirds of the time are left.
      if (await evaluate(renewLock, lockKey, holder, String(lockTtlMs)).catch(() => 1) === 0) return
    }
  }

  return {
    async read () {
      const reply = await send(['HMGET', recordKey, 'generation', 'tokens'])
      const [generation, stored] = Array.isArray(reply) ? reply as readonly unknown[] : []
      if (generation === null) return null
      if (typeof generation !== 'string' || !/^\d+$/.test(generation) || typeof stored !== 'string') {
        throw new TypeError(`${recordKey} is not a token record, or the Redis client returned something else than text`)
      }
      return { generation: Number(generation), tokens: stored === '' ? null : await codec.decode(stored) }
    },
    async write (tokens, insteadOf) {
      const generation = Math.max(clock.now(), (insteadOf ?? 0) + 1)
      const stored = tokens === null ? '' : await codec.encode(tokens)
      const expiry = forgetAfterSeconds === undefined ? '' : String(forgetAfterSeconds * 1000)
      const written = await evaluate(compareAndSet, recordKey, insteadOf === null ? '' : String(insteadOf), String(generation), stored, expiry)
      return isDone(written, 1, 0) ? { generation, tokens } : null
    },
    async exclusively (work, signal) {
      return await oneCaller(async () => {
        const holder = randomUUID()
        const ended = new AbortController()
        try {
          await takeLock(holder, signal)
          // It rejects when the lock is released: `wait` is aborted then.
          keepLock(holder, ended.signal).catch(() => {})
          return await work()
        } finally {
          ended.abort()
          // Also when the lock was not granted: Redis may carry out a command later that it did not respond to. No caller
          // waits for this; a lock that cannot be released expires.
          evaluate(releaseLock, lockKey, holder).catch(() => {})
        }
      }, signal)
    }
  }
}

/** Any other reply must count neither as done nor as not done. */
function isDone (reply: unknown, done: unknown, notDone: unknown): boolean {
  if (reply !== done && reply !== notDone) throw new TypeError(`the Redis client returned ${typeof reply}, expected ${String(done)} or ${String(notDone)}`)
  return reply === done
}
