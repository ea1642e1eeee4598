/** Beyond so many layers of percent-encoding a URI is refused: no client writes one, and decoding without end is work for nothing. */
const maxEncodings = 4

/**
 * The spellings of a URI that a server may understand it by: as it came, percent-decoded, and normalized (RFC 3986 section 6:
 * decoded, dot segments removed, slashes collapsed, scheme and authority in lower case). A server that decodes before it
 * looks up a resource, and one that does not, are then held to the same policy.
 *
 * @param uri a URI or, for a URI template, what stands before its first expression
 * @returns `null` for a URI whose percent-encoding is nested too deep
 */
export function spellingsOf (uri: string): readonly string[] | null {
  try {
    const spellings = new Set([foldCase(uri), foldCase(decode(uri)), normalize(uri)])
    // Of `https:` and its like clients remove dot segments before they decode, drop default ports and map host names.
    if (URL.canParse(uri)) spellings.add(normalize(new URL(uri).href))
    return [...spellings]
  } catch {
    return null
  }
}

/**
 * The spellings of the beginning of URIs, to be held against those of a URI. Its last segment need not be whole.
 *
 * @throws RangeError when its percent-encoding is nested too deep
 */
export function prefixSpellingsOf (prefix: string): readonly string[] {
  return [...new Set([foldCase(prefix), foldCase(decode(prefix)), normalize(prefix, true)])]
}

const scheme = /^[a-z][a-z0-9+.-]*:/i

/** Scheme and authority have no case (RFC 3986 section 6.2.2.1). */
function foldCase (uri: string): string {
  return uri.replace(/^[a-z][a-z0-9+.-]*:(?:\/\/[^/?#\\]*)?/i, beginning => beginning.toLowerCase())
}

function normalize (uri: string, isPrefix = false): string {
  // Slashes and dots of a query are no segments.
  const end = uri.search(/[?#]/)
  const head = decode(end === -1 ? uri : uri.slice(0, end))
  const tail = end === -1 ? '' : decode(uri.slice(end))
  const name = scheme.exec(head)?.[0] ?? ''
  // Whether a name after two slashes is an authority or the first segment of a path is for the server to say: both read alike here.
  const rest = head.slice(name.length).replaceAll('\\', '/')
  const path = rest.replace(/^\/+/, '')
  const slashes = rest.length - path.length
  const segments = path.split(/\/+/)
  if (slashes === 2) segments[0] = authority(segments[0]!)
  // The one host of a file URI that means the same as none (RFC 8089 section 2).
  if (name.toLowerCase() === 'file:' && slashes === 2 && segments[0] === 'localhost' && segments.length > 1) segments.shift()
  const resolved = isPrefix && end === -1
    ? [...removeDotSegments(segments.slice(0, -1)), segments.at(-1)!]
    // `a/..` is a folder as `a/` is.
    : [...removeDotSegments(segments), ...['.', '..'].includes(segments.at(-1)!) ? [''] : []]
  return `${name.toLowerCase()}${slashes === 0 ? '' : '/'}${resolved.join('/')}${tail}`
}

/** Without user information, in lower case (RFC 3986 section 3.2). */
function authority (text: string): string {
  return text.slice(text.lastIndexOf('@') + 1).toLowerCase()
}

/** RFC 3986 section 5.2.4, for a path that is in its segments. */
function removeDotSegments (segments: readonly string[]): string[] {
  const kept: string[] = []
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return kept
}

/** @throws RangeError */
function decode (text: string): string {
  let current = text
  for (let round = 0; round < maxEncodings; round++) {
    const next = current.replace(/(?:%[0-9a-f]{2})+/gi, encoded => Buffer.from(encoded.replaceAll('%', ''), 'hex').toString())
    if (next === current) return current
    current = next
  }
  throw new RangeError('percent-encoding is nested too deep')
}
