import type { Claims, ClaimPath } from './claim-path.ts'
import { readClaim } from './claim-path.ts'
import type { ExpectedToken } from './expected-token.ts'

/** The claims in which issuers name the client. */
export const clientClaims = ['client_id', 'azp', 'cid', 'appid'] as const

/** The audience as a list; `null` when it is missing or not made of strings. */
export function audienceOf (claims: Claims, { claims: { audience: path }, audiences, allowMissingAudience }: ExpectedToken): readonly string[] | null {
  const aud = readClaim(claims, path)
  if (allowMissingAudience === true && (isAbsent(aud) || aud === '' || (Array.isArray(aud) && aud.length === 0))) return audiences.slice(0, 1)
  if (typeof aud === 'string') return listOf(aud)
  return Array.isArray(aud) && aud.length > 0 && aud.every(one => typeof one === 'string') ? aud as string[] : null
}

/**
 * The subject. A client that acts for itself may have none of its own (RFC 7662 section 2.2); where there is a `username`,
 * the token is a user's.
 */
export function subjectOf (claims: Claims): unknown {
  return claims.sub ?? (isAbsent(claims.username) ? clientIdOf(claims) : undefined)
}

/** `client_id`, or the claim that issuers have instead; `null` when the token names no client. */
export function clientIdOf (claims: Claims): string | null {
  for (const name of clientClaims) {
    const value = claims[name]
    if (isText(value)) return value
  }
  return null
}

/** A claim that is `null` says nothing. */
export function isAbsent (value: unknown): boolean {
  return value === undefined || value === null
}

export function nameOf (path: ClaimPath): string {
  return typeof path === 'string' ? path : path.join('.')
}

export function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** As many texts are kept; then all are forgotten, which costs no more than reading them again. */
const maxTexts = 500
/** Longer texts are hardly repeated. */
const maxLength = 300

/**
 * Remembers what a function makes of a text: the tokens of an issuer repeat most of what they say, and those that are
 * cached then share one copy of it. The function depends on the text alone, and its results never change.
 */
export function createReader<T> (read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const found = known.get(text)
    if (found !== undefined) return found
    const value = read(text)
    if (text.length > maxLength) return value
    if (known.size === maxTexts) known.clear()
    known.set(text, value)
    return value
  }
}

/** A frozen list of one text. */
export const listOf: (text: string) => readonly string[] = createReader(text => Object.freeze([text]))

/** The words between spaces, each of them once (RFC 6749 section 3.3), as a frozen list. */
export const wordsOf: (text: string) => readonly string[] = createReader(text => Object.freeze([...new Set(text.split(' '))].filter(word => word !== '')))

/** An equal text, of which there is one copy only. */
export const sharedText: (text: string) => string = createReader(text => text)
