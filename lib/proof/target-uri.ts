const unreserved = /^[A-Za-z0-9._~-]$/
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' }

/** Longer target URIs are not compared: no request has one. */
const maxLength = 8192

/**
 * The form in which two spellings of one target URI are the same string, after the syntax-based and the scheme-based
 * normalization of RFC 3986 sections 6.2.2 and 6.2.3, as RFC 9449 section 4.3 asks for. Query and fragment are left out.
 * A slash at the end, and the case of the path, make another URI.
 *
 * @returns `null` for anything but an absolute http or https URI with a host
 */
export function normalizeTargetUri (uri: string): string | null {
  if (uri.length > maxLength) return null
  const parts = /^(https?):\/\/([^/?#@\s\\]+)(\/[^?#\s\\]*)?(?:[?#]\S*)?$/i.exec(uri)
  if (parts === null) return null
  const scheme = parts[1]!.toLowerCase()
  const authority = normalizeAuthority(parts[2]!, scheme)
  const path = normalizePercentEncoding(parts[3] ?? '')
  if (authority === null || path === null) return null
  return `${scheme}://${authority}${removeDotSegments(path)}`
}

function normalizeAuthority (authority: string, scheme: string): string | null {
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::(\d*))?$/.exec(authority)
  if (parts === null) return null
  const host = normalizePercentEncoding(parts[1]!)?.toLowerCase()
  if (host === undefined) return null
  const port = parts[2]?.replace(/^0+(?=\d)/, '') ?? ''
  return port === '' || port === defaultPorts[scheme] ? host : `${host}:${port}`
}

/** @returns `null` for a percent sign without two hexadecimal digits behind it */
function normalizePercentEncoding (text: string): string | null {
  if (!text.includes('%')) return text
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null
  return text.replace(/%[0-9A-Fa-f]{2}/g, octet => {
    const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16))
    return unreserved.test(character) ? character : octet.toUpperCase()
  })
}

/** RFC 3986 section 5.2.4, for a path that is empty or begins with a slash. */
function removeDotSegments (path: string): string {
  if (!path.includes('/.')) return path === '' ? '/' : path
  const output: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..') output.pop()
    if (segment !== '.' && segment !== '..') output.push(segment)
    else if (isLast) output.push('')
  }
  return `/${output.join('/')}`
}
