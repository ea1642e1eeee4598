import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { createForwardClock } from '../clock.ts'

export interface IntrospectionFailure {
  readonly error: unknown
}

/**
 * Decides which tokens the issuer is not asked about for a while. A failure is first of all the fault of its token: a
 * firewall before the issuer may answer any status to a token that looks like an attack. Only when several different
 * tokens failed in a row, with no answer between them, the issuer is taken for down, and asked about no token until
 * `retryAfterMs` is over. Then a few tokens that have not failed are tried, and the first answer ends the outage.
 */
export interface IntrospectionBreaker {
  /** Why the issuer is not asked about this token now; `null` when it may be asked. */
  failureOf (digest: string): IntrospectionFailure | null
  /** A request begins. */
  start (digest: string): void
  /** The issuer gave an answer, about this token. */
  succeed (digest: string): void
  /** The issuer gave none. */
  fail (digest: string, error: unknown): void
}

/** As many different tokens must fail in a row before the issuer is taken for down; as many are tried after it. */
const threshold = 5
/** How many tokens that failed are remembered; bounded, as strangers make them up. */
const maxFailedTokens = 1000

export function createIntrospectionBreaker (retryAfterMs: number, clock: Clock): IntrospectionBreaker {
  const { now } = createForwardClock(clock)
  const failedTokens = new LRUCache<string, { until: number, error: unknown }>({ max: maxFailedTokens })
  /** Different tokens that failed since the last answer. One that fails again says nothing new of the issuer. */
  const inARow = new Set<string>()
  const probes = new Set<string>()
  let outage: { until: number, error: unknown } | null = null

  /** Tokens that failed before take one of the places at most: the others are better probes. */
  const mayProbe = (digest: string): boolean =>
    probes.size < threshold && !(failedTokens.has(digest) && [...probes].some(other => failedTokens.has(other)))

  return {
    failureOf (digest) {
      const time = now()
      const own = failedTokens.get(digest)
      if (own !== undefined && time < own.until) return own
      return outage === null || (time >= outage.until && mayProbe(digest)) ? null : outage
    },
    start (digest) {
      if (outage !== null) probes.add(digest)
    },
    succeed (digest) {
      failedTokens.delete(digest)
      inARow.clear()
      probes.clear()
      outage = null
    },
    fail (digest, error) {
      const until = now() + retryAfterMs
      probes.delete(digest)
      failedTokens.set(digest, { until, error })
      if (inARow.has(digest)) return
      if (inARow.size < threshold) inARow.add(digest)
      if (inARow.size === threshold) outage = { until, error }
    }
  }
}
