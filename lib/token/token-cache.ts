import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'

/** How many verified tokens are remembered, and for how long. */
export interface TokenCacheRules {
  readonly maxEntries: number
  /** A token is checked anew after this time, however long it is valid. */
  readonly maxAgeMs: number
}

/**
 * Remembers access tokens that were verified, so that the next request with one of them costs a digest. Only good
 * tokens are in here, so a stranger cannot fill it; it holds a digest of the token, never the token.
 */
export interface TokenCache {
  /** @param stillHolds is asked about the basis on which the token was verified */
  find (token: string, stillHolds: (basis: object) => boolean): AccessToken | null
  /** @param basis what the verification rested on, by identity */
  remember (token: string, accessToken: AccessToken, basis: object): void
}

interface Entry {
  readonly accessToken: AccessToken
  readonly basis: object
  /** Milliseconds since the epoch: the earliest of the token's expiry and the next check. */
  readonly deadline: number
}

export function createTokenCache (rules: TokenCacheRules, clock: Clock): TokenCache {
  const entries = new LRUCache<string, Entry>({ max: rules.maxEntries })
  return {
    find (token, stillHolds) {
      const key = digest(token)
      const entry = entries.get(key)
      if (entry === undefined) return null
      if (clock.now() < entry.deadline && stillHolds(entry.basis)) return entry.accessToken
      entries.delete(key)
      return null
    },
    remember (token, accessToken, basis) {
      const now = clock.now()
      const deadline = Math.min(accessToken.expiresAt * 1000, now + rules.maxAgeMs)
      if (now < deadline) entries.set(digest(token), { accessToken, basis, deadline })
    }
  }
}

function digest (token: string): string {
  return hash('sha256', token, 'base64')
}
