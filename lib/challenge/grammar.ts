/** The character rules of RFC 9110 and RFC 6750 that challenges and credentials are made of. */

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const token68 = /^[A-Za-z0-9\-._~+/]+=*$/
// RFC 9110 section 5.6.4: HTAB, SP, VCHAR and obs-text; never CR, LF or NUL.
const quotable = /^[\t\x20-\x7e\x80-\xff]*$/
// RFC 6750 section 3: %x20-21 / %x23-5B / %x5D-7E
const notInDescription = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g

/** RFC 9110 section 5.6.2. */
export function isToken (value: string): boolean {
  return token.test(value)
}

/** RFC 9110 section 11.2. */
export function isToken68 (value: string): boolean {
  return token68.test(value)
}

/**
 * A quoted-string (RFC 9110 section 5.6.4).
 *
 * @throws TypeError when the value has a character that no quoted-string can hold
 */
export function quote (value: string): string {
  if (!quotable.test(value)) throw new TypeError('the value of an auth-param has a character that no header may hold')
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Text that is safe as `error_description` (RFC 6750 section 3). Quotes and backslashes are removed instead of escaped, and no
 * equals sign directly follows a word: some clients stop at the next quote, or take the first `scope=` anywhere in the header.
 */
export function sanitizeDescription (text: string): string {
  return text.replace(notInDescription, ' ').replace(/=/g, ' ').replace(/ {2,}/g, ' ').trim()
}
