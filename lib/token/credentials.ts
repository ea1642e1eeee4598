import type { RequestReason } from '../errors/reasons.ts'
import { isToken68 } from '../challenge/grammar.ts'

/** What a request carries before anything is believed. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed', readonly reason: RequestReason }
  | { readonly kind: 'bearer', readonly token: string }

const none: Credentials = { kind: 'none' }
const severalHeaders: Credentials = { kind: 'malformed', reason: 'authorization_repeated' }
const notOfTheGrammar: Credentials = { kind: 'malformed', reason: 'authorization_malformed' }
// The scheme ends where no further character could belong to its name; what follows must be spaces and a token68.
const bearer = /^bearer( +|(?![!#$%&'*+\-.^_`|~0-9a-z]))/i

/**
 * Reads the credentials of a request from its raw headers, names and values in turn, as Node.js keeps the first of two
 * `Authorization` headers and drops the other (RFC 6750 sections 2 and 2.1, RFC 9110 section 11.4).
 *
 * Another scheme than Bearer counts as no credentials. Tokens in a form, a query or a cookie are not looked at.
 */
export function readCredentials (rawHeaders: readonly string[]): Credentials {
  let value: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (value !== null) return severalHeaders
    value = rawHeaders[i + 1]!
  }
  if (value === null) return none
  const scheme = bearer.exec(value)
  if (scheme === null) return none
  const token = value.slice(scheme[0].length)
  return scheme[1] !== '' && isToken68(token) ? { kind: 'bearer', token } : notOfTheGrammar
}
