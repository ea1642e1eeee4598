import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { isCovered, keyOfRevocation, revocationKeysOf } from './revocation.ts'
import type { RevocableToken } from './revocation-store.ts'

export interface MemoryRevocationStoreOptions {
  /** The longest lifetime of an access token in seconds: what was revoked is forgotten after it. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  /**
   * How far the clock of an issuer may be ahead of this one, in seconds: what is revoked takes tokens with it that were issued
   * up to so much later, also those of whoever logs in again meanwhile. Default: 0.
   */
  readonly leewaySeconds?: number
  readonly clock?: Clock
}

export interface MemoryRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect with the next request. Tokens of the subject, session, grant or actor that are issued later are good.
   *
   * @throws TypeError when it names none or several of what can be revoked
   */
  revoke (revocation: Revocation): void
  isRevoked (token: RevocableToken): boolean
  /** How many revocations are remembered. */
  readonly size: number
}

/** Revocations in this process. They are not shared, and gone with it. */
export function createMemoryRevocationStore (options: MemoryRevocationStoreOptions = {}): MemoryRevocationStore {
  const { longestLifetimeSeconds = 86_400, leewaySeconds = 0, clock = systemClock } = options
  /**
   * In the order in which they were made, so that the oldest come first: the last second whose tokens are meant, since the
   * epoch.
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
      const key = keyOfRevocation(revocation)
      const now = Math.floor(clock.now() / 1000)
      forgetOld(now)
      // The later of two counts: a clock that was put back takes back nothing.
      const at = Math.max(now + leewaySeconds, revokedAt.get(key) ?? 0)
      revokedAt.delete(key)
      revokedAt.set(key, at)
    },
    isRevoked (token) {
      const now = clock.now() / 1000
      return revocationKeysOf(token).some(one => {
        const at = revokedAt.get(one.key)
        return at !== undefined && now < at + longestLifetimeSeconds && isCovered(one, token.issuedAt, at)
      })
    }
  }
}
