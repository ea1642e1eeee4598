import Type from 'typebox'
import * as Value from 'typebox/value'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import { explain } from '../../options.ts'
import type { TokenStore } from '../../stores/tokens/token-store.ts'
import type { AttemptRules, Refresh } from './refresh-attempts.ts'
import type { Wait } from './time-limit.ts'
import { createTimer } from './time-limit.ts'

/**
 * `starting`: the store was not read yet. `signed_out`: there are no tokens. `over`: the session ended by itself, and
 * the user has to sign in again.
 */
export type SessionState = 'starting' | 'signed_in' | 'signed_out' | 'over'

export interface SessionOptions {
  readonly tokenStore: TokenStore
  readonly refresh: Refresh
  /** How long before its expiry a token is renewed, or half of its time when that is shorter. Default: 30. */
  readonly skewSeconds?: number
  /** How many token requests one renewal makes at most. Default: 3. */
  readonly attempts?: number
  /** How long one token request may take, in milliseconds. Default: 10000. */
  readonly attemptTimeoutMs?: number
  /** How long a renewal may take in all, with the wait for other processes and for the store, in milliseconds. Default: 60000. */
  readonly totalTimeoutMs?: number
  /** How long before the second token request, about; twice as long before the third, in milliseconds. Default: 500. */
  readonly backOffMs?: number
  /** After a renewal that failed none is begun for so long, in milliseconds. Default: 30000. */
  readonly coolDownMs?: number
  /** Whether there is a network. No token request is made where there is none. Default: there always is. */
  readonly isOnline?: () => boolean
  /** Hears of every change of the state. What it throws is an uncaught exception, and changes nothing here. */
  readonly onChange?: (state: SessionState) => void
  readonly clock?: Clock
  /** Between 0 and 1, for the back-off. Default: `Math.random`. */
  readonly random?: () => number
  /** Default: a timer. */
  readonly wait?: Wait
}

const anyFunction = Type.Function([], Type.Unknown())
const milliseconds = Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }))
const optionsSchema = Type.Object({
  tokenStore: Type.Object({ read: anyFunction, write: anyFunction, exclusively: anyFunction }),
  refresh: anyFunction,
  skewSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
  attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  attemptTimeoutMs: milliseconds,
  totalTimeoutMs: milliseconds,
  backOffMs: milliseconds,
  coolDownMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  isOnline: Type.Optional(anyFunction),
  onChange: Type.Optional(anyFunction),
  clock: Type.Optional(Type.Object({ now: anyFunction })),
  random: Type.Optional(anyFunction),
  wait: Type.Optional(anyFunction)
}, { additionalProperties: false })

/** The options with every default in its place. */
export interface SessionRules {
  readonly store: TokenStore
  readonly refresh: Refresh
  readonly skewMs: number
  readonly attemptRules: AttemptRules
  readonly totalTimeoutMs: number
  readonly coolDownMs: number
  readonly isOnline: () => boolean
  readonly onChange: (state: SessionState) => void
  readonly clock: Clock
  readonly wait: Wait
}

/**
 * @param closing no timer keeps the process from ending any more
 * @throws OptionError
 */
export function resolveSessionOptions (options: SessionOptions, closing: AbortSignal): SessionRules {
  if (!Value.Check(optionsSchema, options)) throw new OptionError(explain('', optionsSchema, options))
  const {
    tokenStore: store, refresh, skewSeconds = 30, attempts = 3, attemptTimeoutMs = 10_000, totalTimeoutMs = 60_000, backOffMs = 500, coolDownMs = 30_000,
    isOnline = () => true, onChange = () => {}, clock = systemClock, random = Math.random, wait = createTimer(closing)
  } = options
  const attemptRules = { attempts, timeoutMs: attemptTimeoutMs, backOffMs, isOnline, random, wait }
  return { store, refresh, skewMs: skewSeconds * 1000, attemptRules, totalTimeoutMs, coolDownMs, isOnline, onChange, clock, wait }
}
