import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { createForwardClock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'

/** How many verified tokens are remembered, how much memory they take, and for how long. */
export interface TokenCacheSettings {
  readonly maxEntries: number
  /** By the length of the tokens: an entry counts as two bytes for each character of its token. */
  readonly maxBytes: number
  /** A token is verified again after this time, however long it is valid. */
  readonly maxAgeMs: number
}

/**
 * Remembers verified access tokens, by a digest of the token and never by the token, so that the next request with the
 * same token costs a digest. Only good tokens are in it, so strangers cannot fill it.
 */
export interface TokenCache {
  find (digest: string): AccessToken | null
  /**
   * @param validity what the verification rested on
   * @param maxAgeMs where that is shorter than the cache's own
   * @param tokenLength characters of the token; an entry that is larger than the whole cache is not remembered
   */
  remember (digest: string, accessToken: AccessToken, validity: CacheValidity, maxAgeMs?: number, tokenLength?: number): void
  /** Of a token that was revoked. */
  forget (digest: string): void
}

/** What a verification rested on: its result may be used for as long as this is current. */
export interface CacheValidity {
  isCurrent (): boolean
}

/** Of a result that expires by time only. */
export const alwaysCurrent: CacheValidity = { isCurrent: () => true }

/** What caches know a token by, and `ath` of a proof (RFC 9449 section 4.2): its SHA-256 digest in base64url. */
export function digestOf (token: string): string {
  return hash('sha256', token, 'base64url')
}

/** The token of each connection that was found in a cache last: most clients repeat it, and a digest takes longer than the rest. */
const lastTokens = new WeakMap<object, { readonly token: string, readonly digest: string }>()

/** {@link digestOf}, which is not worked out again for the last good token of a connection. */
export function digestOn (connection: object | null, token: string): string {
  const last = connection === null ? undefined : lastTokens.get(connection)
  return last?.token === token ? last.digest : digestOf(token)
}

/** Notes a good token for {@link digestOn}. What strangers send is not kept, as it would stay for as long as their connections. */
export function noteTokenOn (connection: object | null, token: string, digest: string): void {
  if (connection !== null && lastTokens.get(connection)?.token !== token) lastTokens.set(connection, { token, digest })
}

/** Measured: as many bytes as the token has characters, and up to twice as many where it has few claims in common with others. */
const bytesOf = (tokenLength: number): number => Math.max(1, 2 * tokenLength)

interface Entry {
  readonly accessToken: AccessToken
  readonly validity: CacheValidity
  /**
   * The earliest of the token's expiry and the next verification, in whole milliseconds since the cache was made: Node.js keeps
   * small integers in the entry itself, and other numbers beside it.
   */
  readonly deadline: number
}

export function createTokenCache (settings: TokenCacheSettings, clock: Clock): TokenCache {
  const entries = new LRUCache<string, Entry>({ max: settings.maxEntries, maxSize: settings.maxBytes })
  const age = createForwardClock(clock)
  const start = age.now()
  return {
    find (digest) {
      const entry = entries.get(digest)
      if (entry === undefined) return null
      if (age.now() - start < entry.deadline && entry.validity.isCurrent()) return entry.accessToken
      entries.delete(digest)
      return null
    },
    remember (digest, accessToken, validity, maxAgeMs = settings.maxAgeMs, tokenLength = 0) {
      const { expiresAt } = accessToken
      const lifetimeMs = expiresAt === null ? Infinity : expiresAt * 1000 - clock.now()
      const keptMs = Math.min(lifetimeMs, settings.maxAgeMs, maxAgeMs)
      if (keptMs > 0) entries.set(digest, { accessToken, validity, deadline: Math.floor(age.now() - start + keptMs) }, { size: bytesOf(tokenLength) })
    },
    forget (digest) { entries.delete(digest) }
  }
}

/** Remembers tokens that were refused, by digest, for a short time; bounded, as strangers fill it. */
export interface NegativeCache {
  remember (digest: string): void
  has (digest: string): boolean
}

/** How many refused tokens are remembered at the most. */
const maxRefusedTokens = 10_000

export function createNegativeCache (maxAgeMs: number, clock: Clock): NegativeCache {
  const deadlines = new LRUCache<string, number>({ max: maxRefusedTokens })
  const age = createForwardClock(clock)
  return {
    remember (digest) { deadlines.set(digest, age.now() + maxAgeMs) },
    has: digest => age.now() < (deadlines.get(digest) ?? -Infinity)
  }
}
