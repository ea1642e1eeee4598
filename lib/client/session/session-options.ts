import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { TokenStore } from '../../stores/tokens/token-store.ts'
import type { RetrySettings, Refresh } from './refresh-retries.ts'
import type { Wait } from './time-limit.ts'
import { createTimer } from './time-limit.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/**
 * `starting`: the store was not read yet. `signed_in`: there are tokens. `signed_out`: there are none. `over`: the user has
 * to sign in again, as the tokens cannot be refreshed any more.
 */
export type SessionState = 'starting' | 'signed_in' | 'signed_out' | 'over'

export interface SessionOptions {
  readonly tokenStore: TokenStore
  readonly refresh: Refresh
  /**
   * Whether `refresh` gets new tokens without a refresh token: by a grant of the client itself, such as client credentials
   * (RFC 6749 section 4.4). Such tokens are kept in the store like others. Default: false.
   */
  readonly usesGrant?: boolean
  /** How long before its expiry a token is refreshed, in seconds, or half of its lifetime when that is shorter. Default: 30. */
  readonly skewSeconds?: number
  /** Token requests that one refresh makes at most. Default: 3. */
  readonly attempts?: number
  /** For one token request, in milliseconds. Default: 10000. */
  readonly attemptTimeoutMs?: number
  /** For a refresh in all, with the wait for other processes and for the store, in milliseconds. Default: 60000. */
  readonly totalTimeoutMs?: number
  /** Before the second token request, times 0.5 to 1.5; twice as long before the third, in milliseconds. Default: 500. */
  readonly backOffMs?: number
  /** After a refresh that failed, no other begins for so long, in milliseconds. Requests are still sent. Default: 30000. */
  readonly coolDownMs?: number
  /** Whether there is a network. Without one no token request is made. Default: always true. */
  readonly isOnline?: () => boolean
  /** Is called on every change of the state. What it throws becomes an uncaught exception and changes nothing here. */
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
  usesGrant: Type.Optional(Type.Boolean()),
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
export interface SessionSettings {
  readonly store: TokenStore
  readonly refresh: Refresh
  readonly usesGrant: boolean
  readonly skewMs: number
  readonly retry: RetrySettings
  readonly totalTimeoutMs: number
  readonly coolDownMs: number
  readonly isOnline: () => boolean
  readonly onChange: (state: SessionState) => void
  readonly clock: Clock
  readonly wait: Wait
}

/**
 * @param closing from when it is aborted, no timer keeps the process alive
 * @throws OptionError
 */
export function resolveSessionOptions (options: SessionOptions, closing: AbortSignal): SessionSettings {
  checkOptions('', optionsSchema, options)
  const {
    tokenStore: store, refresh, usesGrant = false, skewSeconds = 30, attempts = 3, attemptTimeoutMs = 10_000, totalTimeoutMs = 60_000, backOffMs = 500,
    coolDownMs = 30_000, isOnline = () => true, onChange = () => {}, clock = systemClock, random = Math.random, wait = createTimer(closing)
  } = options
  const retry = { attempts, timeoutMs: attemptTimeoutMs, backOffMs, isOnline, random, wait }
  return { store, refresh, usesGrant, skewMs: skewSeconds * 1000, retry, totalTimeoutMs, coolDownMs, isOnline, onChange, clock, wait }
}
