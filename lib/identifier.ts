import { IdentifierError } from './errors/syntax-errors.ts'

/**
 * Identifiers of resources and issuers are compared and printed as the strings they are (RFC 9728 section 6, RFC 8414
 * section 3.3). They are taken apart here without a URL object, which would add slashes and change case.
 */
export interface IdentifierParts {
  readonly scheme: string
  /** Host and port as they were written. */
  readonly authority: string
  /** The host without port, brackets or case. */
  readonly host: string
  /** Scheme and authority as they were written. */
  readonly origin: string
  /** Empty, or from its first slash on. */
  readonly path: string
  /** Empty, or with its question mark. */
  readonly query: string
}

// RFC 3986: the characters of a URI, and nothing that a client would have to escape or normalise first.
const uri = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)(\/[^?#]*)?(\?[^#]*)?(#.*)?$/
const uriCharacters = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/
const hostAndPort = /^(\[[0-9A-Fa-f:.]+\]|[^:@[\]]+)(?::(\d{1,5}))?$/

/**
 * Takes an identifier apart and holds it against the rules that RFC 9728 section 1.2 and RFC 8414 section 2 share:
 * an https URL without a fragment. `http:` is accepted for loopback hosts, so that development on one machine needs no
 * switch that could be left on in production.
 *
 * @param allowInsecureHttp whether `http:` is accepted for every host
 * @throws IdentifierError
 */
export function parseIdentifier (value: string, allowInsecureHttp = false): IdentifierParts {
  const match = uri.exec(value)
  if (match === null) throw new IdentifierError('must be an absolute https URL')
  if (!uriCharacters.test(value)) throw new IdentifierError('has a character that a URL cannot hold unescaped')
  const [, scheme = '', authority = '', path = '', query = '', fragment] = match
  if (fragment !== undefined) throw new IdentifierError('must not have a fragment')
  if (authority.includes('@')) throw new IdentifierError('must not hold a user name or password')
  const host = hostAndPort.exec(authority)?.[1]?.replace(/^\[|\]$/g, '').toLowerCase()
  if (host === undefined || !URL.canParse(value)) throw new IdentifierError('must be an absolute https URL')
  const lowerScheme = scheme.toLowerCase()
  if (lowerScheme !== 'https' && lowerScheme !== 'http') throw new IdentifierError('must be an absolute https URL')
  if (lowerScheme === 'http' && !allowInsecureHttp && !isLoopbackHost(host)) {
    throw new IdentifierError('must be https; http is allowed for loopback hosts only')
  }
  return { scheme: lowerScheme, authority, host, origin: `${scheme}://${authority}`, path, query }
}

/**
 * Whether a value can be `iss` of a token that is only compared (RFC 7519 section 2, StringOrURI): any string, and a URI
 * where it has a colon.
 */
export function isStringOrUri (value: string): boolean {
  return /^(?:[^:\s\p{Cc}]+|[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}]*)$/u.test(value)
}

/** Whether a value is an origin as browsers send it: of web pages, or of a browser extension or desktop shell with its own scheme. */
export function isOrigin (value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, host } = new URL(value)
  return host !== '' && value === `${protocol}//${host}`
}

/** True of names and addresses that reach this machine and no other. */
export function isLoopbackHost (host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name)
}

/**
 * True of hosts that a document from elsewhere must not send us to: this machine, and link-local addresses, where
 * cloud providers keep their credentials. Names are not looked up.
 *
 * @throws TypeError when it is no host of a URL
 */
export function isLocalHost (host: string): boolean {
  const name = hostAsFetched(host)
  return isLoopbackHost(name) || /^(?:0|169\.254)(?:\.\d{1,3}){2,3}$/.test(name) || /^fe[89ab][0-9a-f]:/.test(name) ||
    // IPv6 spellings of IPv4 addresses, and the unspecified address (RFC 4291 section 2.5, RFC 6052 section 2.1).
    name.startsWith('::') || name.startsWith('64:ff9b:')
}

/** Compared in the form that `fetch` uses: an address has many spellings, `127.1` and `0x7f000001` among them. */
function hostAsFetched (host: string): string {
  const bare = host.replace(/^\[|\]$/g, '')
  const { hostname } = new URL(`https://${bare.includes(':') ? `[${bare}]` : bare}`)
  return hostname.replace(/^\[|\]$|\.$/g, '')
}
