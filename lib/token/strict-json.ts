/**
 * Reads a JSON object from bytes that a stranger wrote. Two things that `JSON.parse` lets pass are refused: bytes that
 * are not UTF-8 (RFC 8725 section 3.7), and a name that stands twice in an object, which two readers could understand
 * differently (RFC 7515 section 4, RFC 7519 section 4).
 *
 * @throws SyntaxError
 */
export function parseStrictObject (bytes: Uint8Array): Record<string, unknown> {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object')
  if (hasDuplicateName(text)) throw new SyntaxError('a name stands twice')
  return value as Record<string, unknown>
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lexeme = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** For text that `JSON.parse` has accepted already. */
function hasDuplicateName (text: string): boolean {
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
      default: {
        const names = open.at(-1)
        if (!nameIsNext || !names) break
        // Two spellings of one name are one name.
        const name: string = found.includes('\\') ? JSON.parse(found) as string : found.slice(1, -1)
        if (names.has(name)) return true
        names.add(name)
        nameIsNext = false
      }
    }
  }
  return false
}
