/** One challenge of a `WWW-Authenticate` header (RFC 9110 section 11.3). */
export interface Challenge {
  /** The scheme as it was written; schemes compare without case. */
  readonly scheme: string
  /** The value of the challenges that carry one instead of parameters (`Negotiate`), else `null`. */
  readonly token68: string | null
  /** Names in lower case, as they compare without case; values unquoted. */
  readonly parameters: ReadonlyMap<string, string>
}

export function isScheme (challenge: Pick<Challenge, 'scheme'>, scheme: string): boolean {
  return challenge.scheme.toLowerCase() === scheme.toLowerCase()
}
