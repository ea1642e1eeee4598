import type { Clock } from '../clock.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import { withinTime } from '../time-limit.ts'

/** What the authorization server grants now, asked of the host. */
export interface LiveScopesSettings {
  readonly source: () => Promise<readonly string[]>
  readonly maxAgeMs: number
  /** Whoever asks for the document waits no longer than this. */
  readonly timeoutMs: number
  /** A source that failed is not asked again within this time. */
  readonly retryAfterMs: number
}

/** Keeps of a list what is granted now; all of it while that is not known. It never fails. */
export type LiveScopes = (scopes: readonly string[]) => Promise<readonly string[]>

export function createLiveScopes ({ source, maxAgeMs, timeoutMs, retryAfterMs }: LiveScopesSettings, clock: Clock): LiveScopes {
  const granted = createRefreshingValue(async () => ({ value: checked(await source()), maxAgeSeconds: null }), {
    minAgeMs: 0, maxAgeMs, defaultAgeMs: maxAgeMs, coolDownMs: 0, retryAfterMs, maxStaleMs: 0
  }, clock)
  return async scopes => {
    // What is late may still come, for whoever asks next.
    const known = await withinTime(granted.get(), timeoutMs).catch(() => null)
    return known === null || known.length === 0 ? scopes : scopes.filter(scope => known.includes(scope))
  }
}

function checked (value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some(scope => typeof scope !== 'string')) throw new TypeError('not a list of scopes')
  return value as string[]
}
