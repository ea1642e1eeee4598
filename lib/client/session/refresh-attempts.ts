import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { TimeLimitError } from '../../time-limit.ts'
import { RefreshError, SessionError } from '../../errors/client-errors.ts'
import type { Wait } from './time-limit.ts'
import { withEither, within } from './time-limit.ts'

/**
 * Makes one token request.
 *
 * @param signal ends it; it is aborted when its time is over or nobody wants the answer any more
 * @returns what the answer said: a session keeps what it does not say
 * @throws RefreshError which says what its failure means; any other error means that it may work in a moment
 */
export type Refresh = (tokens: TokenSet, signal: AbortSignal) => Promise<TokenSet>

export interface AttemptRules {
  /** How many token requests are made at most. */
  readonly attempts: number
  /** For each of them. */
  readonly timeoutMs: number
  /** Before the second one; doubled before each further one, and then half of it to one and a half. */
  readonly backOffMs: number
  readonly isOnline: () => boolean
  readonly random: () => number
  readonly wait: Wait
}

/**
 * Asks for tokens until there are some, or it makes no sense to go on.
 *
 * @param signal nobody wants the answer any more
 * @param closing no further request is to be made; the answer to one that was made is still wanted
 * @param onFailure hears of an attempt that is followed by another one
 * @throws RefreshError, SessionError, or the reason of the signal
 */
export async function attemptRefresh (
  refresh: Refresh, tokens: TokenSet, rules: AttemptRules, signal: AbortSignal, closing: AbortSignal, onFailure: () => void
): Promise<TokenSet> {
  for (let attempt = 1; ; attempt++) {
    if (closing.aborted) throw new SessionError('FST_OAUTH_CLOSED')
    if (!rules.isOnline()) throw new SessionError('FST_OAUTH_OFFLINE')
    try {
      return await within(rules.timeoutMs, signal, rules.wait, async inner => await refresh(tokens, inner))
    } catch (error) {
      signal.throwIfAborted()
      const failure = failureOf(error)
      const delayMs = Math.max(rules.backOffMs * 2 ** (attempt - 1) * (0.5 + rules.random()), failure.retryAfterMs ?? 0)
      // Who is asked to stay away for longer than an answer may take does not keep its callers waiting for that.
      if (failure.outcome !== 'retry' || attempt >= rules.attempts || delayMs > rules.timeoutMs) throw failure
      onFailure()
      await withEither([signal, closing], async either => await rules.wait(delayMs, either)).catch(() => { signal.throwIfAborted() })
    }
  }
}

function failureOf (error: unknown): RefreshError {
  if (error instanceof RefreshError) return error
  return new RefreshError('retry', { message: error instanceof TimeLimitError ? error.message : 'the token request failed', cause: error })
}
