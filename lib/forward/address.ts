import { OptionError } from '../errors/errors.ts'
import { isLoopbackHost } from '../identifier.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import { show } from '../options/show.ts'

/** Where a target lies, in the two parts that a request to it is made of. */
export interface Address {
  /** `https://host:port` */
  readonly origin: string
  /** Where everything that is asked of it lies: begins with a slash. */
  readonly path: string
}

/**
 * @param name what the option is called where the user wrote it
 * @param allowInsecure lets credentials go over plain HTTP to other machines
 * @throws OptionError
 */
export function parseAddress (name: string, upstream: string, allowInsecure: boolean): Address {
  const url = URL.canParse(upstream) ? new URL(upstream) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OptionError(`${name} must be an http or https URL, and is ${show(upstream)}`)
  }
  if (url.username !== '' || url.password !== '' || /[?#]/.test(upstream)) {
    throw new OptionError(`${name} must have no user, query or fragment, and is ${show(`${url.origin}${url.pathname}`)} with one`)
  }
  if (url.protocol === 'http:' && !allowInsecure && !isLoopbackHost(url.hostname)) {
    throw new OptionError(`${name} would send the credential over plain HTTP: ${show(upstream)}; see allowInsecureUpstreams`)
  }
  return { origin: url.origin, path: url.pathname }
}

/**
 * The request target at the upstream for what follows the target's own part of the caller's. Its bytes stay as they are.
 *
 * @param rest `''`, or a path that begins with a slash, or a query that begins with a question mark
 * @throws ForwardError when somebody on the way could take it for a path outside of the target's
 */
export function targetOf ({ path }: Address, rest: string): string {
  const [, suffix, query] = /^([^?]*)(.*)$/s.exec(rest) as unknown as [string, string, string]
  // One slash between the two: with two at its beginning, a path is read as a host.
  const tail = suffix.replace(/^\/+/, '')
  if (!staysInside(tail)) throw new ForwardError('FST_OAUTH_FORWARD_PATH_REFUSED')
  return `${suffix === '' ? path : `${path.replace(/\/+$/, '')}/${tail}`}${query}`
}

/** How many times over a server might decode a path. Nobody encodes an honest one more often. */
const mostEncodings = 8

/**
 * No segment is a dot segment (RFC 3986 section 5.2.4), however often it was encoded and whatever else a server cuts off, and
 * the first is not empty.
 */
function staysInside (tail: string): boolean {
  if (/[\\#]/.test(tail)) return false
  let text = tail
  for (let i = 0; i < mostEncodings; i++) {
    // Who reads it as a URL cuts spaces off, and takes tabs and line ends out: dots are together then that were not before.
    if (/^ *[/\\]|[^ -~\u0080-\uffff]/.test(text) || text.split(/[/\\]/).some(segment => /^ *\.{1,2} *(?:[;?#]|$)/.test(segment))) return false
    const decoded = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    if (decoded === text) return true
    text = decoded
  }
  return false
}

/**
 * Splits a request target into the path of the target on this server, and what is asked of the target.
 *
 * @param url the request target as it came: in origin form or in absolute form
 * @param segments how many segments the target's own path has
 */
export function splitTarget (url: string, segments: number): { own: string, rest: string } {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  // A router that ignores empty segments has ignored them.
  const own = new RegExp(`^(?:/+[^/?#]+){${segments}}`).exec(path)?.[0] ?? path
  return { own, rest: path.slice(own.length) }
}

/**
 * Where the caller finds what the upstream says is elsewhere: what lies inside the target is found through it.
 *
 * @param location the value of `Location` (RFC 9110 section 10.2.2)
 * @param asked the request target at the upstream that this is the answer to
 * @param own the target's own part of the caller's request target
 */
export function locationFor (location: string, { origin, path }: Address, asked: string, own: string): string {
  const base = `${origin}${asked}`
  if (!URL.canParse(location, base)) return location
  const url = new URL(location, base)
  const inside = path.endsWith('/') ? path : `${path}/`
  if (url.origin !== origin || !`${url.pathname}/`.startsWith(inside)) return url.href
  const rest = url.pathname.slice(inside.length - 1)
  // With two slashes at its beginning it would be a host.
  return `${own.replace(/^\/+/, '/')}${rest}${url.search}${url.hash}`
}
