import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { RevocationStoreFullError } from '../../errors/store-errors.ts'
import type { Revocation, WritableRevocationStore } from './revocation.ts'
import { storedRevocation } from './revocation.ts'
import { createRevocationSet } from './revocation-set.ts'
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
  /** How many revocations are remembered at most. Default: 1,000,000, which take about 200 MB. */
  readonly maxEntries?: number
  readonly clock?: Clock
}

/** Revocations in this process. */
export interface MemoryRevocationStore extends WritableRevocationStore {
  /**
   * Takes effect with the next request. Tokens of the subject, session, grant or actor that are issued later are valid.
   *
   * @throws TypeError when it names none, or more than one, of the members of {@link Revocation}, or has a time that is none
   * @throws RevocationStoreFullError when `maxEntries` are remembered: none of them is forgotten, as its tokens would be valid again
   */
  revoke (revocation: Revocation): void
  isRevoked (token: RevocableToken): boolean
  /** How many revocations are remembered. */
  readonly size: number
}

/** Keeps revocations in this process. Other processes do not see them, and they are lost when it ends. */
export function createMemoryRevocationStore (options: MemoryRevocationStoreOptions = {}): MemoryRevocationStore {
  const { longestLifetimeSeconds = 86_400, leewaySeconds = 0, maxEntries = 1_000_000, clock = systemClock } = options
  const revocations = createRevocationSet(maxEntries, longestLifetimeSeconds)
  return {
    get size () { return revocations.size },
    revoke (revocation) {
      const now = clock.now() / 1000
      const { keys, at } = storedRevocation(revocation, now, leewaySeconds)
      for (const key of keys) if (!revocations.add(key, at, now)) throw new RevocationStoreFullError(maxEntries)
    },
    isRevoked: token => revocations.covers(token, clock.now() / 1000)
  }
}
