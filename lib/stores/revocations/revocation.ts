import type { RevocableToken, RevocationStore, TokenActor } from './revocation-store.ts'

/**
 * What to revoke, all of one issuer: a token, or every token that exists by now of a grant, a session or a subject; of what
 * an actor does for one subject, `{ subject, actor }`, or for anybody, `{ actor }`. What a subject does for itself, and
 * what others do for it, is not of the pair.
 */
export type Revocation = { readonly issuer: string } & (
  | { readonly tokenId: string }
  | { readonly grantId: string }
  | { readonly sessionId: string }
  | { readonly subject: string, readonly actor?: undefined }
  | { readonly subject: string, readonly actor: TokenActor }
  | { readonly subject?: undefined, readonly actor: TokenActor }
)

/** A store that this process may write to. */
export interface WritableRevocationStore extends RevocationStore {
  /**
   * Takes effect with the next request once it has returned, or resolved. Tokens that are issued in a later second, by
   * the clock of their issuer and beyond the leeway of the store, are good, unless it was a single token that was revoked.
   */
  revoke (revocation: Revocation): void | Promise<void>
}

/** Where a store finds what a token may have been revoked by. */
export interface RevocationKey {
  readonly key: string
  /** Whether only tokens are meant that were issued by the time of the revocation: of everything but a single token. */
  readonly dated: boolean
}

const names = ['tokenId', 'grantId', 'sessionId', 'subject', 'actor'] as const
type Name = typeof names[number]

/**
 * Where a store puts a revocation. A whole access token would fit the type: which of its parts was meant would be a guess.
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
  throw new TypeError(`a revocation names an issuer and one of ${names.join(', ')}, or subject and actor`)
}

/** Everything that a token may have been revoked by, for one round trip. */
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
 * Whether a revocation is about a token of this age. Times are whole seconds: a token of the very second of the revocation
 * may be older than it.
 *
 * @param issuedAt of the token, in seconds since the epoch; `null` when it does not say
 * @param revokedAt the last second whose tokens are meant, since the epoch
 */
export function isCovered ({ dated }: RevocationKey, issuedAt: number | null, revokedAt: number): boolean {
  return !dated || issuedAt === null || Math.floor(issuedAt) <= revokedAt
}

function isActor (value: unknown): value is TokenActor {
  const { issuer, subject } = (value ?? {}) as Partial<TokenActor>
  return typeof issuer === 'string' && typeof subject === 'string'
}

/** Encoded and not joined: identifiers may hold any character. */
function keyOf (issuer: string, name: Exclude<Name, 'actor'>, value: string): string {
  return JSON.stringify([issuer, name, value])
}

function keyOfActor (issuer: string, actor: TokenActor): string {
  return JSON.stringify([issuer, 'actor', actor.issuer, actor.subject])
}

function keyOfPair (issuer: string, subject: string, actor: TokenActor): string {
  return JSON.stringify([issuer, 'subject, actor', subject, actor.issuer, actor.subject])
}
