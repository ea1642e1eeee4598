import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { isCovered, revocationKeysOf, storedRevocation } from './revocation.ts'
import type { RevocableToken } from './revocation-store.ts'

/** Options of {@link createMemoryRevocationStore}. */
export interface MemoryRevocationStoreOptions {
  /** The longest lifetime of an access token, in seconds: a revocation is forgotten after it. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  /**
   * How far the clock of an issuer may be ahead of this one, in seconds. A revocation then also applies to tokens that are
   * issued up to this much later, including those of a user who signs in again in this time. Default: 0.
   */
  readonly leewaySeconds?: number
  readonly clock?: Clock
}

/** Revocations in this process. */
export interface MemoryRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect with the next request. Tokens of the subject, session, grant or actor that are issued later are valid.
   *
   * @throws TypeError when it names none, or more than one, of the members of {@link Revocation}, or has a time that is none
   */
  revoke (revocation: Revocation): void
  isRevoked (token: RevocableToken): boolean
  /** How many revocations are remembered. */
  readonly size: number
}

/** Keeps revocations in this process. Other processes do not see them, and they are lost when it ends. */
export function createMemoryRevocationStore (options: MemoryRevocationStoreOptions = {}): MemoryRevocationStore {
  const { longestLifetimeSeconds = 86_400, leewaySeconds = 0, clock = systemClock } = options
  /**
   * The last second to whose tokens a revocation applies, since the epoch, by its key. In the order of the revocations, so
   * that the oldest come first, but for those that were received late.
   */
  const revokedAt = new Map<string, number>()

  const forgetOld = (now: number): void => {
    for (const [key, at] of revokedAt) {
      if (at + longestLifetimeSeconds > now) return
      revokedAt.delete(key)
    }
  }

  return {
    get size () { return revokedAt.size },
    revoke (revocation) {
      const now = clock.now() / 1000
      const { keys, at } = storedRevocation(revocation, now, leewaySeconds)
      forgetOld(now)
      // All tokens that it applies to have expired.
      if (at + longestLifetimeSeconds <= now) return
      for (const key of keys) {
        // The later of two counts: a clock that is set back must not undo a revocation.
        const latest = Math.max(at, revokedAt.get(key) ?? 0)
        revokedAt.delete(key)
        revokedAt.set(key, latest)
      }
    },
    isRevoked (token) {
      const now = clock.now() / 1000
      return revocationKeysOf(token).some(one => {
        const at = revokedAt.get(one.key)
        return at !== undefined && now < at + longestLifetimeSeconds && isCovered(one, at)
      })
    }
  }
}
