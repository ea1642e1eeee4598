import { hash } from 'node:crypto'
import type { RevocableToken, RevocationStore, TokenActor } from './revocation-store.ts'

/**
 * What to revoke of one issuer: a single token, or all tokens issued so far of a grant, a session or a subject; or those with
 * which an actor acts for one subject (`{ subject, actor }`) or for any subject (`{ actor }`). The pair includes neither the
 * subject's own tokens nor those of other actors.
 */
export type Revocation = { readonly issuer: string } & (
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
   * Revokes. It takes effect with the next request after it returns or resolves. Tokens that are issued in a later second,
   * by the clock of their issuer and beyond the leeway of the store, are not affected, unless a single token was revoked.
   * Must be idempotent: a caller repeats it after a failure.
   */
  revoke (revocation: Revocation): void | Promise<void>
}

/** A key under which a store keeps a revocation. */
export interface RevocationKey {
  readonly key: string
  /** Whether the revocation applies only to tokens that were issued before it: true for all but a single token. */
  readonly dated: boolean
}

const names = ['tokenId', 'grantId', 'sessionId', 'subject', 'actor'] as const
type Name = typeof names[number]

/**
 * The key under which a store keeps a revocation. An access token with all of its members fits the type, too, and is refused:
 * which member was meant would be a guess.
 *
 * @throws TypeError when it names none or several of what can be revoked
 */
export function keyOfRevocation (revocation: Revocation): string {
  const { issuer, ...members }: { issuer: unknown } & Partial<Record<Name, unknown>> = revocation
  const named = names.filter(name => members[name] !== undefined)
  const { subject, actor } = members
  if (typeof issuer === 'string') {
    if (named.length === 1 && named[0] !== 'actor' && typeof members[named[0]!] === 'string') {
      return keyOf(issuer, named[0]!, members[named[0]!] as string)
    }
    if (isActor(actor)) {
      if (named.length === 1) return keyOfActor(issuer, actor)
      if (named.length === 2 && typeof subject === 'string') return keyOfPair(issuer, subject, actor)
    }
  }
  throw new TypeError(`a revocation must name an issuer and one of ${names.join(', ')}, or subject and actor`)
}

/** All keys under which a revocation of the token may be, for one round trip. */
export function revocationKeysOf (token: RevocableToken): RevocationKey[] {
  const { issuer, tokenId, grantId, sessionId, subject, actor } = token
  const keys: RevocationKey[] = []
  if (tokenId !== null) keys.push({ key: keyOf(issuer, 'tokenId', tokenId), dated: false })
  if (grantId !== null) keys.push({ key: keyOf(issuer, 'grantId', grantId), dated: true })
  if (sessionId !== null) keys.push({ key: keyOf(issuer, 'sessionId', sessionId), dated: true })
  keys.push({ key: keyOf(issuer, 'subject', subject), dated: true })
  if (actor !== null) {
    keys.push({ key: keyOfPair(issuer, subject, actor), dated: true }, { key: keyOfActor(issuer, actor), dated: true })
  }
  return keys
}

/**
 * Whether a revocation applies to a token that was issued at this time. Times are whole seconds: a token that was issued in
 * the second of the revocation may be older, so that it counts as revoked.
 *
 * @param issuedAt `iat` of the token, in seconds since the epoch; `null` where it has none
 * @param revokedAt the last second to whose tokens the revocation applies, since the epoch
 */
export function isCovered ({ dated }: RevocationKey, issuedAt: number | null, revokedAt: number): boolean {
  return !dated || issuedAt === null || Math.floor(issuedAt) <= revokedAt
}

function isActor (value: unknown): value is TokenActor {
  const { issuer, subject } = (value ?? {}) as Partial<TokenActor>
  return typeof issuer === 'string' && typeof subject === 'string'
}

function keyOf (issuer: string, name: Exclude<Name, 'actor'>, value: string): string {
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
