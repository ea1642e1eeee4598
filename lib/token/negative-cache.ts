import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'

/** Remembers tokens that were refused, by digest, for a short time; bounded, as strangers fill it. */
export interface NegativeCache {
  remember (digest: string): void
  has (digest: string): boolean
}

/** How many refused tokens are remembered at the most. */
const maxEntries = 10_000

export function createNegativeCache (maxAgeMs: number, clock: Clock): NegativeCache {
  const deadlines = new LRUCache<string, number>({ max: maxEntries })
  return {
    remember (digest) { deadlines.set(digest, clock.now() + maxAgeMs) },
    has: digest => clock.now() < (deadlines.get(digest) ?? -Infinity)
  }
}
