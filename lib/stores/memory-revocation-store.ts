import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { RevocableToken, RevocationStore } from './revocation-store.ts'

/** What to revoke, all of one issuer: a token, or every token of a grant, a session or a subject that exists by now. */
export type Revocation = { readonly issuer: string } & (
  | { readonly tokenId: string }
  | { readonly grantId: string }
  | { readonly sessionId: string }
  | { readonly subject: string }
)

export interface MemoryRevocationStoreOptions {
  /** The longest lifetime of an access token in seconds: what was revoked is forgotten after it. Default: 86400. */
  readonly longestLifetimeSeconds?: number
  readonly clock?: Clock
}

export interface MemoryRevocationStore extends RevocationStore {
  /**
   * Takes effect with the next request. Tokens of the subject, session or grant that are issued later are good.
   *
   * @throws TypeError when it names none or several of what can be revoked
   */
  revoke (revocation: Revocation): void
  /** How many revocations are remembered. */
  readonly size: number
}

/** Revocations in this process. They are not shared, and gone with it. */
export function createMemoryRevocationStore (options: MemoryRevocationStoreOptions = {}): MemoryRevocationStore {
  const { longestLifetimeSeconds = 86_400, clock = systemClock } = options
  /** In the order in which they were made, so that the oldest come first. Seconds since the epoch. */
  const revokedAt = new Map<string, number>()

  const forgetOld = (now: number): void => {
    for (const [key, at] of revokedAt) {
      if (at + longestLifetimeSeconds > now) return
      revokedAt.delete(key)
    }
  }
  const isDead = (issuer: string, name: Revocable, value: string | null, issuedAt: number | null): boolean => {
    const at = value === null ? undefined : revokedAt.get(keyOf(issuer, name, value))
    if (at === undefined || clock.now() / 1000 >= at + longestLifetimeSeconds) return false
    // Times are whole seconds: a token of the very second of the revocation may be older than it.
    return issuedAt === null || Math.floor(issuedAt) <= at
  }

  return {
    get size () { return revokedAt.size },
    revoke (revocation) {
      const now = Math.floor(clock.now() / 1000)
      forgetOld(now)
      const key = keyOfRevocation(revocation)
      revokedAt.delete(key)
      revokedAt.set(key, now)
    },
    isRevoked ({ issuer, tokenId, grantId, sessionId, subject, issuedAt }: RevocableToken) {
      return isDead(issuer, 'tokenId', tokenId, null) ||
        isDead(issuer, 'grantId', grantId, issuedAt) ||
        isDead(issuer, 'sessionId', sessionId, issuedAt) ||
        isDead(issuer, 'subject', subject, issuedAt)
    }
  }
}

const revocables = ['tokenId', 'grantId', 'sessionId', 'subject'] as const
type Revocable = typeof revocables[number]

/** A whole access token would fit the type: which of its parts was meant would be a guess. */
function keyOfRevocation (revocation: Revocation): string {
  const members: Partial<Record<Revocable, unknown>> = revocation
  const named = revocables.filter(name => members[name] !== undefined)
  const [name] = named
  const value = named.length === 1 ? members[name!] : undefined
  if (typeof revocation.issuer !== 'string' || typeof value !== 'string') {
    throw new TypeError(`a revocation names an issuer and one of ${revocables.join(', ')}`)
  }
  return keyOf(revocation.issuer, name!, value)
}

/** Encoded and not joined: identifiers may hold any character. */
function keyOf (issuer: string, name: Revocable, value: string): string {
  return JSON.stringify([issuer, name, value])
}
