import { hash } from 'node:crypto'
import type { RevocableToken, RevocationStore, TokenActor } from './revocation-store.ts'

/** When something was revoked, and which time of a token is compared with it. A revocation of a single token has no time. */
export interface RevocationTime {
  /**
   * When it was revoked, in seconds since the epoch: tokens that were issued in a later second are not affected. A time in the
   * future counts as now. Default: now.
   */
  readonly at?: number
  /**
   * `issuedAt` (default): a token that is issued later, by a refresh for instance, is not affected. `authenticatedAt`: for a
   * session or a subject (without `actor`), tokens of an earlier sign-in are affected however late they are issued: those whose
   * `auth_time` is not after the revocation. A token without `auth_time` is compared by `iat`; one of a revoked session is refused.
   */
  readonly by?: 'issuedAt' | 'authenticatedAt'
}

/**
 * What to revoke of one issuer: a single token, or all tokens issued so far of a grant, a session or a subject; or those with
 * which an actor acts for one subject (`{ subject, actor }`) or for any subject (`{ actor }`). The pair includes neither the
 * subject's own tokens nor those of other actors.
 */
export type Revocation = { readonly issuer: string } & RevocationTime & (
  | { readonly tokenId: string }
  | { readonly grantId: string }
  | { readonly sessionId: string }
  | { readonly subject: string, readonly actor?: undefined }
  | { readonly subject: string, readonly actor: TokenActor }
  | { readonly subject?: undefined, readonly actor: TokenActor }
)

/** A revocation store that can be written to. */
export interface WritableRevocationStore extends RevocationStore {
  /**
   * Revokes. It takes effect with the next request after it returns or resolves. Tokens that are issued in a later second
   * than the revocation, by the clock of their issuer and beyond the leeway of the store, are not affected, unless a single
   * token was revoked, or a sign-in; see {@link RevocationTime}.
   * Must be idempotent: a caller repeats it after a failure.
   */
  revoke (revocation: Revocation): void | Promise<void>
}

/** A key under which a revocation of a token may be stored. */
export interface RevocationKey {
  readonly key: string
  /** The time of the token that is compared with that of the revocation; `null`: the revocation applies whenever the token was issued. */
  readonly time: number | null
}

/** Where a store keeps a revocation, and what. */
export interface StoredRevocation {
  /** One or two: tokens are looked up by what they have. */
  readonly keys: readonly string[]
  /** The last second to whose tokens the revocation applies, since the epoch. */
  readonly at: number
}

const names = ['tokenId', 'grantId', 'sessionId', 'subject', 'actor'] as const
type Name = typeof names[number]

/**
 * The keys under which a store keeps a revocation, and its time. An access token with all of its members fits the type, too,
 * and is refused: which member was meant would be a guess.
 *
 * @param now seconds since the epoch
 * @param leewaySeconds how far the clock of an issuer may be ahead
 * @throws TypeError when it names none or several of what can be revoked, or has a time that is none
 */
export function storedRevocation (revocation: Revocation, now: number, leewaySeconds: number): StoredRevocation {
  const { at = now } = revocation
  if (!Number.isFinite(at)) throw new TypeError('at of a revocation must be a number of seconds since the epoch')
  return { keys: keysOfRevocation(revocation), at: Math.min(Math.floor(at), Math.floor(now)) + leewaySeconds }
}

function keysOfRevocation (revocation: Revocation): readonly string[] {
  const { issuer, at: _at, by = 'issuedAt', ...members }: { issuer: unknown, at?: unknown, by?: unknown } & Partial<Record<Name, unknown>> = revocation
  const named = names.filter(name => members[name] !== undefined)
  const { subject, actor } = members
  if (by !== 'issuedAt' && !(by === 'authenticatedAt' && named.length === 1 && (named[0] === 'sessionId' || named[0] === 'subject'))) {
    throw new TypeError("by of a revocation must be 'issuedAt', or 'authenticatedAt' for a session or a subject")
  }
  if (typeof issuer === 'string') {
    const [name] = named
    if (named.length === 1 && name !== 'actor' && typeof members[name!] === 'string') {
      const key = keyOf(issuer, name!, members[name!] as string)
      return by === 'issuedAt' ? [key] : [key, keyOf(issuer, `${name as 'sessionId' | 'subject'}, authenticated`, members[name!] as string)]
    }
    if (isActor(actor)) {
      if (named.length === 1) return [keyOfActor(issuer, actor)]
      if (named.length === 2 && typeof subject === 'string') return [keyOfPair(issuer, subject, actor)]
    }
  }
  throw new TypeError(`a revocation must name an issuer and one of ${names.join(', ')}, or subject and actor`)
}

/** All keys under which a revocation of the token may be, for one round trip. */
export function revocationKeysOf (token: RevocableToken): RevocationKey[] {
  const { issuer, tokenId, grantId, sessionId, subject, actor, issuedAt, authenticatedAt } = token
  const keys: RevocationKey[] = [{ key: keyOf(issuer, 'subject', subject), time: issuedAt }]
  // Without auth_time, `iat` alone decides.
  if (authenticatedAt !== null) keys.push({ key: keyOf(issuer, 'subject, authenticated', subject), time: authenticatedAt })
  if (tokenId !== null) keys.push({ key: keyOf(issuer, 'tokenId', tokenId), time: null })
  if (grantId !== null) keys.push({ key: keyOf(issuer, 'grantId', grantId), time: issuedAt })
  if (sessionId !== null) {
    keys.push({ key: keyOf(issuer, 'sessionId', sessionId), time: issuedAt }, { key: keyOf(issuer, 'sessionId, authenticated', sessionId), time: authenticatedAt })
  }
  if (actor !== null) {
    keys.push({ key: keyOfPair(issuer, subject, actor), time: issuedAt }, { key: keyOfActor(issuer, actor), time: issuedAt })
  }
  return keys
}

/**
 * Whether a revocation applies to a token. Times are whole seconds: a token that was issued in the second of the revocation
 * may be older, so that it counts as revoked; so does one that does not say when it was issued.
 *
 * @param revokedAt the last second to whose tokens the revocation applies, since the epoch
 */
export function isCovered ({ time }: RevocationKey, revokedAt: number): boolean {
  return time === null || Math.floor(time) <= revokedAt
}

function isActor (value: unknown): value is TokenActor {
  const { issuer, subject } = (value ?? {}) as Partial<TokenActor>
  return typeof issuer === 'string' && typeof subject === 'string'
}

function keyOf (issuer: string, name: Exclude<Name, 'actor'> | 'sessionId, authenticated' | 'subject, authenticated', value: string): string {
  return encode([issuer, name, value])
}

function keyOfActor (issuer: string, actor: TokenActor): string {
  return encode([issuer, 'actor', actor.issuer, actor.subject])
}

function keyOfPair (issuer: string, subject: string, actor: TokenActor): string {
  return encode([issuer, 'subject, actor', subject, actor.issuer, actor.subject])
}

/** Longer keys become digests, so that a store that bounds their number is bounded in bytes as well. */
const maxKeyLength = 512

/** As JSON: identifiers may have any character, so that no separator is safe. */
function encode (parts: readonly string[]): string {
  const key = JSON.stringify(parts)
  return key.length <= maxKeyLength ? key : hash('sha256', key, 'base64url')
}
