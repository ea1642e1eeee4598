import type { Clock } from '../clock.ts'
import { withinTime } from '../time-limit.ts'

/** A function of the host that returns the scopes that the authorization server grants at present. */
export interface LiveScopesSettings {
  readonly source: () => Promise<readonly string[]>
  readonly maxAgeMs: number
  /** Only the first requests for the document wait for the source, and no longer than this. */
  readonly timeoutMs: number
  /** A source that failed, or did not answer in time, is not called again within this time. */
  readonly retryAfterMs: number
}

/**
 * Filters a list of scopes by those that are granted at present; returns the whole list while these are not known. It never
 * fails. It returns a promise only before the first answer; later answers are fetched in the background.
 */
export type LiveScopes = (scopes: readonly string[]) => readonly string[] | Promise<readonly string[]>

export function createLiveScopes ({ source, maxAgeMs, timeoutMs, retryAfterMs }: LiveScopesSettings, clock: Clock): LiveScopes {
  let granted: readonly string[] | null = null
  let dueAt = -Infinity
  let first: Promise<void> | null = null
  let calls = 0

  const call = async (): Promise<void> => {
    const number = ++calls
    const settle = (scopes: readonly string[] | null, ageMs: number): void => {
      // The answer to a later call is not replaced by an earlier one that arrives late.
      if (number < calls) return
      granted = scopes
      dueAt = clock.now() + ageMs
    }
    // Until the source answers, it counts as failed: one that never settles is called again like one that throws.
    dueAt = clock.now() + timeoutMs + retryAfterMs
    const answer = Promise.resolve().then(source).then(scopes => settle(checked(scopes), maxAgeMs))
    await withinTime(answer, timeoutMs).catch(() => settle(null, retryAfterMs))
  }
  const covered = (scopes: readonly string[]): readonly string[] =>
    granted === null || granted.length === 0 ? scopes : scopes.filter(scope => granted!.includes(scope))

  return scopes => {
    if (clock.now() >= dueAt) {
      const called = call()
      if (calls === 1) first = called.finally(() => { first = null })
    }
    return first === null ? covered(scopes) : first.then(() => covered(scopes))
  }
}

function checked (value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some(scope => typeof scope !== 'string')) throw new TypeError('not a list of scopes')
  return value as string[]
}
