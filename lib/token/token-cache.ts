import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'

/** How many verified tokens are remembered, and for how long. */
export interface TokenCacheSettings {
  readonly maxEntries: number
  /** A token is checked anew after this time, however long it is valid. */
  readonly maxAgeMs: number
}

/**
 * Remembers access tokens that were verified, by a digest of the token and never by the token, so that the next request
 * with one of them costs a digest. Only good tokens are in here, so a stranger cannot fill it.
 */
export interface TokenCache {
  find (digest: string): AccessToken | null
  /**
   * @param basis what vouches for the token
   * @param maxAgeMs where that is shorter than the cache's own
   */
  remember (digest: string, accessToken: AccessToken, basis: CacheValidity, maxAgeMs?: number): void
}

/** What a verification rested on. A token is known only for as long as that holds. */
export interface CacheValidity {
  isCurrent (): boolean
}

interface Entry {
  readonly accessToken: AccessToken
  readonly basis: CacheValidity
  /** Milliseconds since the epoch: the earliest of the token's expiry and the next check. */
  readonly deadline: number
}

export function createTokenCache (rules: TokenCacheSettings, clock: Clock): TokenCache {
  const entries = new LRUCache<string, Entry>({ max: rules.maxEntries })
  return {
    find (digest) {
      const entry = entries.get(digest)
      if (entry === undefined) return null
      if (clock.now() < entry.deadline && entry.basis.isCurrent()) return entry.accessToken
      entries.delete(digest)
      return null
    },
    remember (digest, accessToken, basis, maxAgeMs = rules.maxAgeMs) {
      const now = clock.now()
      const { expiresAt } = accessToken
      const deadline = Math.min(expiresAt === null ? Infinity : expiresAt * 1000, now + rules.maxAgeMs, now + maxAgeMs)
      if (now < deadline) entries.set(digest, { accessToken, basis, deadline })
    }
  }
}
