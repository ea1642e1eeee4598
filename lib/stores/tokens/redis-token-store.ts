import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import type { RedisClient } from '../redis-client.ts'
import { createSendCommand, sessionRecordOptions } from '../redis-client.ts'
import { parseTokenSet } from './stored-tokens.ts'
import type { TokenStore } from './token-store.ts'
import { createMutex } from '../mutex.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Keeps tokens from being read by those who can read Redis. */
export interface TokenSeal {
  /**
   * Encrypts and authenticates. It should bind the text to the key of the session, or who can write to Redis could put
   * one session's tokens in the place of another's.
   */
  seal (text: string, key: string): string | Promise<string>
  /** The reverse. It throws on what was not sealed for that key. */
  unseal (sealed: string, key: string): string | Promise<string>
}

export interface RedisTokenStoreOptions {
  /** A client of `redis` or `ioredis`, of one server or a cluster; the host connects and closes it. */
  readonly client: RedisClient
  /** Whose tokens they are, for example the user and the issuer. Every process that uses the same key shares the session. */
  readonly key: string
  /** What the names of the keys in Redis begin with. It has no braces. Default: `oauth-client:`. */
  readonly prefix?: string
  /** Default: the tokens are in Redis as they are. */
  readonly seal?: TokenSeal
  /** A session that was not written for so long is forgotten. Default: none is. */
  readonly forgetAfterSeconds?: number
  /**
   * How long a process that died keeps its turn, in milliseconds; one that is alive renews it every third of it.
   * Default: 15000.
   */
  readonly turnMs?: number
  /** After so long a turn is not renewed any more, whatever the work in it is doing, in milliseconds. Default: 120000. */
  readonly longestTurnMs?: number
  /** How long an answer of Redis may take, in milliseconds. Default: 5000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
  /** Lets time pass, and rejects when the signal is aborted. Default: a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>
}

const milliseconds = Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }))
const anyFunction = Type.Function([], Type.Unknown())
const optionsSchema = Type.Object({
  ...sessionRecordOptions,
  turnMs: milliseconds,
  longestTurnMs: milliseconds,
  clock: Type.Optional(Type.Object({ now: anyFunction })),
  wait: Type.Optional(anyFunction)
}, { additionalProperties: false })

/** How long those who wait for their turn wait between two questions: half of it to one and a half. */
const pollMs = 50

/** Writes where the record is of the generation that is expected, none where that is ''. */
const compareAndSet = `
if (redis.call('HGET', KEYS[1], 'generation') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'tokens', ARGV[3])
if ARGV[4] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`

/** A turn that ran out may be another's by now. */
const renewTurn = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

const endTurn = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

/**
 * The tokens of one session in Redis, for any number of processes: one of them renews, the others wait for it and find
 * what it got.
 *
 * Two processes may have their turn at once when Redis loses the turn: when it fails over to a replica that had not heard
 * of it, or when the holder was not heard of for `turnMs`. The generation still lets only one of them write. It is taken
 * from the clock, so that a record that was lost or forgotten does not come back under the generation of another.
 *
 * Every call throws a {@link RedisStoreError} when Redis does not answer or does not do as it is told; what was stored
 * stays as it was, or is replaced as a whole.
 *
 * @throws OptionError
 */
export function createRedisTokenStore (options: RedisTokenStoreOptions): TokenStore {
  checkOptions('', optionsSchema, options)
  const {
    client, key, prefix = 'oauth-client:', seal, forgetAfterSeconds, turnMs = 15_000, longestTurnMs = 120_000, timeoutMs = 5000, clock = systemClock,
    wait = (ms, signal) => setTimeout(ms, undefined, { signal })
  } = options
  const send = createSendCommand(client, timeoutMs)
  // What is in the braces decides where in a cluster a key is: both are in one place. It may hold neither of the two.
  const name = `${prefix}{${encodeKey(key)}}`
  const recordKey = `${name}:tokens`
  const turnKey = `${name}:turn`
  const queue = createMutex()

  const evaluate = (script: string, ...words: string[]): Promise<unknown> => send(['EVAL', script, '1', ...words])

  const takeTurn = async (holder: string, signal: AbortSignal | undefined): Promise<void> => {
    while (!isDone(await send(['SET', turnKey, holder, 'NX', 'PX', String(turnMs)], signal), 'OK', null)) {
      await wait(pollMs * (0.5 + Math.random()), signal)
    }
  }
  const keepTurn = async (holder: string, ended: AbortSignal): Promise<void> => {
    const everyMs = turnMs / 3
    for (let heldMs = 0; heldMs < longestTurnMs; heldMs += everyMs) {
      await wait(everyMs, ended)
      // A renewal that fails is tried again: two thirds of the time are left.
      if (await evaluate(renewTurn, turnKey, holder, String(turnMs)).catch(() => 1) === 0) return
    }
  }

  return {
    async read () {
      const reply = await send(['HMGET', recordKey, 'generation', 'tokens'])
      const [generation, stored] = Array.isArray(reply) ? reply as readonly unknown[] : []
      if (generation === null) return null
      if (typeof generation !== 'string' || typeof stored !== 'string') throw new TypeError(`${recordKey} holds no record of ours`)
      if (stored === '') return { generation: Number(generation), tokens: null }
      const text = seal === undefined ? stored : await seal.unseal(stored, key)
      return { generation: Number(generation), tokens: parseTokenSet(text, recordKey) }
    },
    async write (tokens, insteadOf) {
      const generation = Math.max(clock.now(), (insteadOf ?? 0) + 1)
      const text = tokens === null ? '' : JSON.stringify(tokens)
      const stored = tokens === null || seal === undefined ? text : await seal.seal(text, key)
      const expiry = forgetAfterSeconds === undefined ? '' : String(forgetAfterSeconds * 1000)
      const written = await evaluate(compareAndSet, recordKey, insteadOf === null ? '' : String(insteadOf), String(generation), stored, expiry)
      return isDone(written, 1, 0) ? { generation, tokens } : null
    },
    async exclusively (work, signal) {
      // Those of this process queue up here, so that only one of them asks Redis.
      return await queue(async () => {
        const holder = randomUUID()
        const ended = new AbortController()
        try {
          await takeTurn(holder, signal)
          // It ends with the turn, by being aborted.
          keepTurn(holder, ended.signal).catch(() => {})
          return await work()
        } finally {
          ended.abort()
          // Also when it was not granted: a command that was not answered may be carried out later. Nobody waits for it,
          // and a turn that cannot be ended runs out.
          evaluate(endTurn, turnKey, holder).catch(() => {})
        }
      }, signal)
    }
  }
}

/** A client that makes something else of an answer must not be taken for a yes, nor for a no. */
function isDone (reply: unknown, yes: unknown, no: unknown): boolean {
  if (reply !== yes && reply !== no) throw new TypeError(`the client gave ${typeof reply} in the place of ${String(yes)} or ${String(no)}`)
  return reply === yes
}

/** Without braces, and never empty. */
export function encodeKey (key: string): string {
  try {
    return encodeURIComponent(key)
  } catch {
    throw new OptionError('key must be well-formed text')
  }
}
