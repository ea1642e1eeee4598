/** The place of a claim: its name, which may have any character, or the list of names that leads to it. */
export type ClaimPath = string | readonly string[]

/** The members of a token, or of an introspection response. */
export type Claims = Readonly<Record<string, unknown>>

/** The value at a path, `undefined` when there is none. Inherited members of objects are not claims. */
export function readClaim (claims: Claims, path: ClaimPath): unknown {
  if (typeof path === 'string') return memberOf(claims, path)
  let value: unknown = claims
  for (const name of path) value = memberOf(value, name)
  return value
}

function memberOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Claims)[name] : undefined
}

/**
 * The strings at a path: one, or a list of them, or of objects with a `value` (RFC 7643 section 4.1.2, which RFC 9068
 * section 2.2.3.1 refers to).
 *
 * @returns `null` when there is nothing at the path, `undefined` when it is of another shape
 */
export function readStrings (claims: Claims, path: ClaimPath): readonly string[] | null | undefined {
  const value = readClaim(claims, path)
  if (value === undefined || value === null) return null
  const strings = (Array.isArray(value) ? value : [value]).map(stringOf)
  return strings.every(one => one !== null) ? strings as string[] : undefined
}

function stringOf (value: unknown): string | null {
  const found = typeof value === 'object' && value !== null ? (value as Claims).value : value
  return typeof found === 'string' ? found : null
}
