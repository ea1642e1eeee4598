import type { Clock } from '../clock.ts'
import { createForwardClock } from '../clock.ts'
import { RedisStoreError } from '../errors/store-errors.ts'

/** A store cannot reach its server any more, or reaches it again. It is reported once each. */
export interface StoreOutage {
  /** Which store: `replays`, `revocations`, `introspection answers` or `MCP sessions`. */
  readonly store: string
  readonly state: 'began' | 'ended'
  /** Why the store counts as unavailable. It holds no argument of a command. */
  readonly error: Error
  /** What the store does until its server answers again: its `whenUnavailable`. */
  readonly whenUnavailable: 'refuse' | 'local'
  /** How long the outage lasted, in milliseconds; 0 when it begins. */
  readonly durationMs: number
}

export interface OutageSettings {
  readonly store: string
  readonly whenUnavailable: 'refuse' | 'local'
  /** Until one call tries the server again, in milliseconds. */
  readonly retryAfterMs: number
  readonly onOutage: (outage: StoreOutage) => void
  readonly clock: Clock
}

/**
 * Keeps calls from waiting for a server that is away: each would wait for its whole time limit. A call that fails begins an
 * outage, unless a later call was answered meanwhile. In an outage calls fail at once; every `retryAfterMs` one of them
 * tries the server, and the first answer ends the outage.
 */
export interface OutageGuard {
  /** Calls, or fails at once in an outage. @throws what the call throws; RedisStoreError in an outage */
  attempt<T> (call: () => Promise<T>): Promise<T>
  /** Calls in an outage as well. Its outcome begins or ends an outage like that of every other call. @throws what the call throws */
  insist<T> (call: () => Promise<T>): Promise<T>
}

/** The `code` of the process warning about a store that cannot reach its server. */
const storeOutageWarning = 'FST_OAUTH_STORE_OUTAGE'

export function createOutageGuard ({ store, whenUnavailable, retryAfterMs, onOutage, clock }: OutageSettings): OutageGuard {
  const { now } = createForwardClock(clock)
  let outage: { readonly error: Error, readonly since: number, retryAt: number } | null = null
  let isProbing = false
  let calls = 0
  /** The last call that was answered, in the order in which they were made. */
  let answered = 0

  const report = (state: StoreOutage['state'], error: Error, durationMs: number): void => {
    try {
      onOutage(Object.freeze({ store, state, error, whenUnavailable, durationMs }))
    } catch (fault) {
      // A report that fails is no reason to refuse requests.
      warnOfOutage({ store, state, error: fault as Error, whenUnavailable, durationMs })
    }
  }
  const succeed = (call: number): void => {
    answered = Math.max(answered, call)
    if (outage === null) return
    const { error, since } = outage
    outage = null
    report('ended', error, now() - since)
  }
  const fail = (call: number, error: Error): void => {
    if (answered > call) return
    const time = now()
    if (outage !== null) {
      outage.retryAt = time + retryAfterMs
      return
    }
    outage = { error, since: time, retryAt: time + retryAfterMs }
    report('began', error, 0)
  }
  const insist: OutageGuard['insist'] = async call => {
    const number = ++calls
    try {
      const answer = await call()
      succeed(number)
      return answer
    } catch (error) {
      if (error instanceof RedisStoreError) fail(number, error)
      throw error
    }
  }
  return {
    insist,
    async attempt (call) {
      if (outage === null) return await insist(call)
      if (isProbing || now() < outage.retryAt) throw outage.error
      isProbing = true
      try {
        return await insist(call)
      } finally {
        isProbing = false
      }
    }
  }
}

/** Reports an outage as a process warning: one when it begins, one when it has ended. */
export function warnOfOutage ({ store, state, error, whenUnavailable, durationMs }: StoreOutage): void {
  const message = state === 'ended'
    ? `the store of ${store} is available again, after ${Math.round(durationMs / 1000)} s`
    : `the store of ${store} is unavailable: ${error.message}. ` +
      (whenUnavailable === 'refuse' ? 'Requests that need it get 503 until it answers again' : 'This server goes on with its local view until it answers again')
  process.emitWarning(message, { type: 'OAuthStoreWarning', code: storeOutageWarning })
}
