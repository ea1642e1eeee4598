/** Deeper objects and lists are refused: `JSON.parse` can read them, but most of what walks over its result cannot. */
export const maxDepth = 64

/**
 * Reads a JSON object as {@link parseStrictJson} does.
 *
 * @throws SyntaxError
 */
export function parseStrictObject (bytes: Uint8Array): Record<string, unknown> {
  const value = parseStrictJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object')
  return value as Record<string, unknown>
}

/**
 * Reads JSON from bytes that a stranger wrote. Three things that `JSON.parse` lets pass are refused: bytes that are not
 * UTF-8 (RFC 8725 section 3.7), a name that stands twice in an object, which two readers could understand differently
 * (RFC 7515 section 4, RFC 7519 section 4), and nesting without measure.
 *
 * @throws SyntaxError
 */
export function parseStrictJson (bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
  const value: unknown = JSON.parse(text)
  checkStructure(text)
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lexeme = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** For text that `JSON.parse` has accepted already. */
function checkStructure (text: string): void {
  // One set of names for each object that is open, null for each array.
  const open: Array<Set<string> | null> = []
  let nameIsNext = false
  for (const [found] of text.matchAll(lexeme)) {
    switch (found) {
      case '{': open.push(new Set()); nameIsNext = true; break
      case '[': open.push(null); nameIsNext = false; break
      case '}': case ']': open.pop(); nameIsNext = false; break
      case ',': nameIsNext = open.at(-1) !== null; break
      case ':': nameIsNext = false; break
      default: if (nameIsNext) addName(open.at(-1)!, found)
    }
    if (open.length > maxDepth) throw new SyntaxError('nested too deeply')
  }
}

/** Two spellings of one name are one name. */
function addName (names: Set<string>, quoted: string): void {
  const name = quoted.includes('\\') ? JSON.parse(quoted) as string : quoted.slice(1, -1)
  if (names.has(name)) throw new SyntaxError('a name stands twice')
  names.add(name)
}
