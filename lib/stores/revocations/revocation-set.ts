import { isCovered, revocationKeysOf } from './revocation.ts'
import type { RevocableToken } from './revocation-store.ts'

/** Revocations in the memory of this process, bounded by their number. All times are seconds since the epoch. */
export interface RevocationSet {
  readonly size: number
  /**
   * Adds a revocation. Of two with one key the later counts.
   *
   * @param at the last second to whose tokens it applies
   * @returns false when the set is full, and the revocation not in it
   */
  add (key: string, at: number, now: number): boolean
  /** Whether a revocation in the set applies to the token. */
  covers (token: RevocableToken, now: number): boolean
  /** Those that still apply to any token. */
  entries (now: number): Iterable<readonly [key: string, at: number]>
}

export function createRevocationSet (maxEntries: number, longestLifetimeSeconds: number): RevocationSet {
  /** In the order of the revocations, so that the oldest come first, but for those that were received late. */
  const revokedAt = new Map<string, number>()

  const forgetOld = (now: number): void => {
    for (const [key, at] of revokedAt) {
      if (at + longestLifetimeSeconds > now) return
      revokedAt.delete(key)
    }
  }
  return {
    get size () { return revokedAt.size },
    add (key, at, now) {
      forgetOld(now)
      // All tokens that it applies to have expired.
      if (at + longestLifetimeSeconds <= now) return true
      const before = revokedAt.get(key)
      if (before === undefined && revokedAt.size >= maxEntries) return false
      // The later of two counts: a clock that is set back must not undo a revocation.
      if (before !== undefined && before >= at) return true
      revokedAt.delete(key)
      revokedAt.set(key, at)
      return true
    },
    covers (token, now) {
      if (revokedAt.size === 0) return false
      return revocationKeysOf(token).some(one => {
        const at = revokedAt.get(one.key)
        return at !== undefined && now < at + longestLifetimeSeconds && isCovered(one, at)
      })
    },
    * entries (now) {
      for (const entry of revokedAt) if (now < entry[1] + longestLifetimeSeconds) yield entry
    }
  }
}
