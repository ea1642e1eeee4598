import { countNames, readEscapedNames } from '../parse-json.ts'

/** Deeper objects and lists are refused: `JSON.parse` can read them, but most code that walks over its result cannot. */
export const maxDepth = 64

/**
 * Reads a JSON object as {@link parseStrictJson} does.
 *
 * @throws SyntaxError
 */
export function parseStrictObject (bytes: Uint8Array): Record<string, unknown> {
  const value = parseStrictJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object')
  return value as Record<string, unknown>
}

/**
 * Reads JSON from bytes of an untrusted source. Three things that `JSON.parse` accepts are refused: bytes that are not
 * UTF-8 (RFC 8725 section 3.7), a member name that occurs twice in an object, which two readers could understand
 * differently (RFC 7515 section 4, RFC 7519 section 4), and nesting without limit. Names with escapes are read correctly by every
 * supported version of Node.js, which `JSON.parse` does not.
 *
 * @throws SyntaxError whose message does not quote the text
 */
export function parseStrictJson (bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SyntaxError('not JSON')
  }
  // JSON.parse keeps one member of each name, so fewer members than names means that a name was repeated.
  let members = countMembers(value, 1)
  const names = countNames(text)
  if (names.escaped > 0) {
    value = readEscapedNames(text)
    members = countMembers(value, 1)
  }
  if (members !== names.all) throw new SyntaxError('a name occurs twice')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The members of all objects in a value, its own included. */
function countMembers (value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > maxDepth) throw new SyntaxError('nested too deeply')
  const inner = Object.values(value) as unknown[]
  let count = Array.isArray(value) ? 0 : inner.length
  for (const one of inner) if (typeof one === 'object') count += countMembers(one, depth + 1)
  return count
}
