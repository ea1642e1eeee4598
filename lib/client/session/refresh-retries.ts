import type { Clock } from '../../clock.ts'
import type { SessionErrorCode } from '../../errors/client-errors.ts'
import { RefreshError, SessionError } from '../../errors/client-errors.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { TimeLimitError } from '../../time-limit.ts'
import type { Wait } from './time-limit.ts'
import { withAnySignal, within } from './time-limit.ts'

/**
 * Makes one token request.
 *
 * @param signal aborts the request: its time is over, or no caller waits for it any more
 * @returns the tokens of the response; the session keeps what the response does not mention
 * @throws RefreshError which says what the failure means for the session; any other error counts as `retry`
 */
export type Refresh = (tokens: TokenSet, signal: AbortSignal) => Promise<TokenSet>

export interface RetrySettings {
  /** Token requests at most. */
  readonly attempts: number
  /** For each of them. */
  readonly timeoutMs: number
  /** Before the second one; doubled before each further one, then multiplied by 0.5 to 1.5. */
  readonly backOffMs: number
  readonly isOnline: () => boolean
  readonly random: () => number
  readonly wait: Wait
}

/**
 * Makes token requests until one succeeds or another would be pointless.
 *
 * @param signal no caller wants the result any more
 * @param closing no further request is made; the response to one that was made is still waited for
 * @param onRetry is called after each failure that is followed by another attempt
 * @throws RefreshError, SessionError, or the reason of the signal
 */
export async function refreshWithRetries (
  refresh: Refresh, tokens: TokenSet, settings: RetrySettings, signal: AbortSignal, closing: AbortSignal, onRetry: () => void
): Promise<TokenSet> {
  for (let attempt = 1; ; attempt++) {
    if (closing.aborted) throw new SessionError('FST_OAUTH_SESSION_CLOSED')
    if (!settings.isOnline()) throw new SessionError('FST_OAUTH_SESSION_OFFLINE')
    try {
      return await within(settings.timeoutMs, signal, settings.wait, async inner => await refresh(tokens, inner))
    } catch (error) {
      signal.throwIfAborted()
      const failure = toRefreshError(error)
      const delayMs = Math.max(settings.backOffMs * 2 ** (attempt - 1) * (0.5 + settings.random()), failure.retryAfterMs ?? 0)
      // Callers do not wait for a Retry-After that is longer than a token request may take.
      if (failure.outcome !== 'retry' || attempt >= settings.attempts || delayMs > settings.timeoutMs) throw failure
      onRetry()
      await withAnySignal([signal, closing], async either => await settings.wait(delayMs, either)).catch(() => { signal.throwIfAborted() })
    }
  }
}

function toRefreshError (error: unknown): RefreshError {
  if (error instanceof RefreshError) return error
  return new RefreshError('retry', { message: error instanceof TimeLimitError ? error.message : 'the token request failed', cause: error })
}

/** The longest `Retry-After` that is respected: a mistyped one must not stop a session for days. */
const longestRetryAfterMs = 3_600_000

/** The time after a failed refresh in which no token request is made. Requests to the resource are still sent. */
export interface CoolDown {
  /**
   * Begins a cool-down of the configured length, or as long as the server asked for, up to an hour.
   *
   * @returns the error for the callers of the refresh that failed
   */
  begin (code: SessionErrorCode, cause: unknown, askedMs?: number): SessionError
  /** @throws SessionError during a cool-down */
  check (): void
  /** A refresh succeeded. */
  end (): void
  /** The network is back. This does not end a cool-down that began because a resource rejects new tokens. */
  endOutage (): void
  /** The resource rejected a token that was only just issued. The second such token within the time begins a cool-down. */
  newTokenRejected (accessToken: string): void
  /** Another session begins. */
  reset (): void
}

export function createCoolDown (coolDownMs: number, clock: Clock): CoolDown {
  let current: { since: number, ms: number, code: SessionErrorCode, cause: unknown } | null = null
  let rejected: { at: number, accessToken: string } | null = null

  const begin = (code: SessionErrorCode, cause: unknown, askedMs = 0): SessionError => {
    const ms = Math.max(coolDownMs, Math.min(askedMs, longestRetryAfterMs))
    const since = clock.now()
    current = { since, ms, code, cause }
    return new SessionError(code, { retryAt: since + ms, cause })
  }
  /** A clock that was set back ends it: otherwise it would last until the clock has caught up. */
  const isWithin = (since: number, ms: number): boolean => clock.now() >= since && clock.now() < since + ms
  return {
    begin,
    check () {
      if (current === null || !isWithin(current.since, current.ms)) return
      const { since, ms, code, cause } = current
      throw new SessionError(code, { retryAt: since + ms, cause })
    },
    end () { current = null },
    endOutage () { if (current?.code !== 'FST_OAUTH_SESSION_TOKEN_REJECTED') current = null },
    newTokenRejected (accessToken) {
      if (accessToken === rejected?.accessToken) return
      if (rejected !== null && isWithin(rejected.at, coolDownMs)) begin('FST_OAUTH_SESSION_TOKEN_REJECTED', undefined)
      rejected = { at: clock.now(), accessToken }
    },
    reset () {
      current = null
      rejected = null
    }
  }
}
