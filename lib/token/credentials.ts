import type { RequestReason } from '../errors/reasons.ts'

/** The authentication schemes that present an access token (RFC 6750 section 2.1, RFC 9449 section 7.1). */
export type CredentialScheme = 'Bearer' | 'DPoP'

/** What a request carries before anything is believed. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed', readonly reason: RequestReason, readonly scheme: CredentialScheme | null }
  | { readonly kind: 'bearer' | 'dpop', readonly token: string }

const none: Credentials = { kind: 'none' }
const severalHeaders: Credentials = { kind: 'malformed', reason: 'authorization_repeated', scheme: null }
const notOfTheGrammar: Credentials = { kind: 'malformed', reason: 'authorization_malformed', scheme: 'Bearer' }
const dpopNotOfTheGrammar: Credentials = { ...notOfTheGrammar, scheme: 'DPoP' }
// RFC 9110 section 11.2, token68.
const token68 = /^[A-Za-z0-9\-._~+/]+=*$/
const space = 0x20
// The name of the scheme ends where no further character could belong to it.
const scheme = /^(bearer|dpop)(?![!#$%&'*+\-.^_`|~0-9a-z])/i

/**
 * Reads the credentials of a request from its raw headers, names and values in turn, as Node.js keeps the first of two
 * `Authorization` headers and drops the other (RFC 6750 sections 2 and 2.1, RFC 9110 section 11.4).
 *
 * Another scheme than Bearer, or DPoP where it is accepted, counts as no credentials. Tokens in a form, a query or a cookie are not read.
 *
 * @param tokenHeader the name of a header, in lower case, whose whole value is the token; a gateway before this server sets
 * it. `Authorization` is then not read: only one of two tokens could be verified, and the other could be used by mistake.
 * @param acceptsDpop whether credentials of the DPoP scheme are read (RFC 9449 section 7.1)
 */
export function readCredentials (rawHeaders: readonly string[], tokenHeader: string | null = null, acceptsDpop = false): Credentials {
  const wanted = tokenHeader ?? 'authorization'
  let value: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    if (value !== null) return severalHeaders
    value = rawHeaders[i + 1]!
  }
  if (value === null) return none
  if (tokenHeader !== null) return token68.test(value) ? { kind: 'bearer', token: value } : notOfTheGrammar
  const name = scheme.exec(value)?.[1]
  if (name === undefined) return none
  const isDpop = name.length === 'DPoP'.length
  if (isDpop && !acceptsDpop) return none
  let start = name.length
  while (value.charCodeAt(start) === space) start++
  const token = value.slice(start)
  if (start > name.length && token68.test(token)) return { kind: isDpop ? 'dpop' : 'bearer', token }
  return isDpop ? dpopNotOfTheGrammar : notOfTheGrammar
}
