import type { Clock } from '../../clock.ts'
import type { SessionErrorCode } from '../../errors/client-errors.ts'
import { SessionError } from '../../errors/client-errors.ts'

/** What anybody who asks to be left alone gets at most: it may be a slip, and nobody could sign in again by themselves. */
export const longestAskedMs = 3_600_000

/** The time after a failure in which nothing is asked for. */
export interface CoolDown {
  /**
   * Begins one, for the time that is set, or longer where that was asked for: an hour at most.
   *
   * @returns what to tell whoever asks in it
   */
  begin (code: SessionErrorCode, cause: unknown, askedMs?: number): SessionError
  /** @throws SessionError while there is one */
  check (): void
  /** Something worked. */
  end (): void
  /** The network is back: tokens that a resource refuses are no matter of that. */
  endOutage (): void
  /** A token that was only just got was refused: the second one within the time begins a cool-down. */
  tokenWasFutile (): void
  /** Another session begins, with a clean slate. */
  reset (): void
}

export function createCoolDown (coolDownMs: number, clock: Clock): CoolDown {
  let current: { until: number, code: SessionErrorCode, cause: unknown } | null = null
  let lastFutileAt = -Infinity

  const begin = (code: SessionErrorCode, cause: unknown, askedMs = 0): SessionError => {
    const until = clock.now() + Math.max(coolDownMs, Math.min(askedMs, longestAskedMs))
    current = { until, code, cause }
    return new SessionError(code, { retryAt: until, cause })
  }
  return {
    begin,
    check () {
      if (current === null || clock.now() >= current.until) return
      const { until, code, cause } = current
      throw new SessionError(code, { retryAt: until, cause })
    },
    end () { current = null },
    endOutage () { if (current?.code !== 'FST_OAUTH_TOKEN_REFUSED') current = null },
    tokenWasFutile () {
      if (clock.now() < lastFutileAt + coolDownMs) begin('FST_OAUTH_TOKEN_REFUSED', undefined)
      lastFutileAt = clock.now()
    },
    reset () {
      current = null
      lastFutileAt = -Infinity
    }
  }
}
