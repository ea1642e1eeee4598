import type { Challenge } from './challenge.ts'
import { isToken, isToken68, quote } from './grammar.ts'

/**
 * One challenge as a header value. Every parameter value is quoted, which the most clients can parse.
 *
 * @throws TypeError when a name, a value or the scheme has a character that no header may hold
 */
export function formatChallenge (challenge: Challenge): string {
  const { scheme, token68, parameters } = challenge
  if (!isToken(scheme)) throw new TypeError('an auth-scheme must be a token')
  if (token68 !== null) {
    if (!isToken68(token68)) throw new TypeError('the value of a challenge must be a token68')
    return `${scheme} ${token68}`
  }
  const written: string[] = []
  for (const [name, value] of parameters) {
    if (!isToken(name)) throw new TypeError('the name of an auth-param must be a token')
    written.push(`${name}=${quote(value)}`)
  }
  return written.length === 0 ? scheme : `${scheme} ${written.join(', ')}`
}
