import { OptionError } from '../errors/errors.ts'
import { isLoopbackHost } from '../identifier.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import { show } from '../options/show.ts'

/** The URL of an upstream, as the origin to connect to and the path that every request to it begins with. */
export interface Address {
  /** `https://host:port` */
  readonly origin: string
  /** Begins with a slash. Requests never leave this path. */
  readonly path: string
}

/**
 * @param name the option, for error messages
 * @param allowInsecure lets credentials go over plain HTTP to other machines
 * @throws OptionError
 */
export function parseAddress (name: string, upstream: string, allowInsecure: boolean): Address {
  const url = URL.canParse(upstream) ? new URL(upstream) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OptionError(`${name} must be an http or https URL, got ${show(upstream)}`)
  }
  if (url.username !== '' || url.password !== '' || /[?#]/.test(upstream)) {
    throw new OptionError(`${name} must have no user, query or fragment, but ${show(`${url.origin}${url.pathname}`)} has one`)
  }
  if (url.protocol === 'http:' && !allowInsecure && !isLoopbackHost(url.hostname)) {
    throw new OptionError(`${name} would send the credential over plain HTTP: use https instead of ${show(upstream)}, or set allowInsecureUpstreams`)
  }
  return { origin: url.origin, path: url.pathname }
}

/**
 * The request target at the upstream: its path, joined with the rest of the caller's request target. The bytes of the rest
 * are not changed.
 *
 * @param rest `''`, or a path that begins with a slash, or a query that begins with a question mark
 * @throws ForwardError when a server could read the result as a path outside the upstream's path
 */
export function targetOf ({ path }: Address, rest: string): string {
  const [, suffix, query] = /^([^?]*)(.*)$/s.exec(rest) as unknown as [string, string, string]
  // One slash between the two: a path that begins with two slashes is read as a host.
  const tail = suffix.replace(/^\/+/, '')
  if (!staysInside(tail)) throw new ForwardError('FST_OAUTH_FORWARD_PATH_REFUSED')
  return `${suffix === '' ? path : `${path.replace(/\/+$/, '')}/${tail}`}${query}`
}

/** How often a server might percent-decode a path. A path that is still encoded after that is refused. */
const mostEncodings = 8

/**
 * False when a segment is a dot segment (RFC 3986 section 5.2.4), also when it is percent-encoded several times or followed by
 * what servers cut off (`;`, `?`, `#`), and when the first segment is empty.
 */
function staysInside (tail: string): boolean {
  if (/[\\#]/.test(tail)) return false
  let text = tail
  for (let i = 0; i < mostEncodings; i++) {
    // URL parsers trim spaces and remove tabs and line ends, which can join two dots that were apart.
    if (/^ *[/\\]|[^ -~\u0080-\uffff]/.test(text) || text.split(/[/\\]/).some(segment => /^ *\.{1,2} *(?:[;?#]|$)/.test(segment))) return false
    const decoded = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    if (decoded === text) return true
    text = decoded
  }
  return false
}

/**
 * Splits a request target into the path of the proxy target on this server, and the rest, which is forwarded.
 *
 * @param url the request target as it came: in origin form or in absolute form
 * @param segments the number of segments in the path of the proxy target
 */
export function splitTarget (url: string, segments: number): { own: string, rest: string } {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  // Repeated slashes count as one: with `ignoreDuplicateSlashes` the router has matched them so.
  const own = new RegExp(`^(?:/+[^/?#]+){${segments}}`).exec(path)?.[0] ?? path
  return { own, rest: path.slice(own.length) }
}

/**
 * Rewrites a `Location`. A URL inside the upstream's path becomes a path behind the proxy; any other URL becomes absolute.
 *
 * @param location the value of `Location` (RFC 9110 section 10.2.2)
 * @param asked the request target that was sent to the upstream
 * @param own the path of the proxy target, as the caller wrote it
 */
export function locationFor (location: string, { origin, path }: Address, asked: string, own: string): string {
  const base = `${origin}${asked}`
  if (!URL.canParse(location, base)) return location
  const url = new URL(location, base)
  const inside = path.endsWith('/') ? path : `${path}/`
  if (url.origin !== origin || !`${url.pathname}/`.startsWith(inside)) return url.href
  const rest = url.pathname.slice(inside.length - 1)
  // A path that begins with two slashes is read as a host.
  return `${own.replace(/^\/+/, '/')}${rest}${url.search}${url.hash}`
}
