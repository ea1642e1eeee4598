import type { Claims, ClaimPath } from './claim-path.ts'
import { readClaim } from './claim-path.ts'
import type { ExpectedToken } from './expected-token.ts'
import { createReader } from './jwt.ts'

/** The claims in which issuers name the client. */
export const clientClaims = ['client_id', 'azp', 'cid', 'appid'] as const

/** The audience as a list; `null` when it is missing or not made of strings. */
export function audienceOf (claims: Claims, { claims: { audience: path }, audiences, allowMissingAudience }: ExpectedToken): readonly string[] | null {
  const aud = readClaim(claims, path)
  if (allowMissingAudience && (isAbsent(aud) || aud === '' || (Array.isArray(aud) && aud.length === 0))) return audiences.slice(0, 1)
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

/** A frozen list of one text. */
export const listOf: (text: string) => readonly string[] = createReader(text => Object.freeze([text]))

/** The scopes of a text with spaces between them (RFC 6749 section 3.3), each of them once, as a frozen list. */
export const scopesIn: (text: string) => readonly string[] = createReader(text => Object.freeze([...new Set(text.split(' '))].filter(word => word !== '')))

/** An equal text, of which there is one copy only. */
export const sharedText: (text: string) => string = createReader(text => text)
