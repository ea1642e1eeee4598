import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import type { Dispatcher, RequestInit as UndiciRequestInit, buildConnector } from 'undici'
import type { Fetch } from './limited-fetch.ts'
import type { IdentifierError } from '../errors/syntax-errors.ts'
import { isLoopbackHost, parseIdentifier } from '../identifier.ts'
import { AuthorizationError } from '../errors/authorization-error.ts'
import { isLoopbackAddress, isPublicAddress } from './public-addresses.ts'

/** To which hosts requests may go whose URL comes from metadata of others (RFC 9728 section 7.7, server-side request forgery). */
export interface AddressRules {
  /** Whether loopback hosts are allowed, also over http: for development. */
  readonly allowLoopback: boolean
  /** Hosts that may have any address, as names or addresses: those of your own network. */
  readonly allowedHosts: readonly string[]
}

/** The rules with their defaults, and with hosts in the form in which they are compared. */
export function addressRules ({ allowLoopback = false, allowedHosts = [] }: Partial<AddressRules>): AddressRules {
  return { allowLoopback, allowedHosts: allowedHosts.map(canonicalHost) }
}

/** A host as the URL parser writes it, without brackets and without a dot at the end: `[FD00:0::1]` is `fd00::1`. */
function canonicalHost (host: string): string {
  const bare = bareHost(host)
  const url = `https://${isIP(bare) === 6 ? `[${bare}]` : bare}`
  return URL.canParse(url) ? bareHost(new URL(url).hostname) : bare
}

/**
 * Checks a URL against the rules: https, or http on a loopback host, and no address in it that is not public, in whatever
 * notation. Host names are not resolved here.
 *
 * @throws AuthorizationError `FST_OAUTH_ADDRESS_REFUSED`
 */
export function checkAddress (url: string, rules: AddressRules): URL {
  const refuse = (why: string): never => { throw new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED', { message: `${showUrl(url)} ${why}` }) }
  try {
    parseIdentifier(url)
  } catch (error) {
    refuse((error as IdentifierError).message)
  }
  // As a request would read it: `127.1` and `0x7f000001` are 127.0.0.1.
  const parsed = new URL(url)
  if (!isAllowedHost(parsed.hostname, rules)) refuse('is not on the public internet: list the host in allowedHosts if it is yours')
  return parsed
}

/** A URL from elsewhere for a message: at most 200 characters, without query, fragment and password. */
export function showUrl (url: string): string {
  return JSON.stringify(url.slice(0, 200).replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//***@'))
}

function bareHost (hostname: string): string {
  return hostname.replace(/^\[|\]$|\.$/g, '')
}

function isAllowedHost (hostname: string, rules: AddressRules): boolean {
  const host = bareHost(hostname)
  if (rules.allowedHosts.includes(host)) return true
  if (isIP(host) === 0) return !isLoopbackHost(host) || rules.allowLoopback
  return isAllowedAddress(host, rules)
}

function isAllowedAddress (address: string, { allowLoopback }: AddressRules): boolean {
  return isPublicAddress(address) || (allowLoopback && isLoopbackAddress(address))
}

/**
 * A DNS look-up that fails if a name resolves to an address that is refused. The connection uses the very addresses that were
 * checked, so that a second answer cannot differ (DNS rebinding).
 */
export function guardedLookup (rules: AddressRules, lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      const isAllowed = (): boolean => rules.allowedHosts.includes(bareHost(hostname)) ||
        (typeof found === 'string' ? [found] : found.map(({ address }) => address)).every(address => isAllowedAddress(address, rules))
      if (error !== null || isAllowed()) callback(error, found, family)
      else callback(refusedAddress(hostname), '')
    })
  }
}

function refusedAddress (hostname: string): NodeJS.ErrnoException {
  return new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED', { message: `${showUrl(hostname)} resolves to an address that is not on the public internet: list the host in allowedHosts if it is yours` })
}

/** Options of {@link createGuardedFetch}. */
export interface GuardedFetchOptions extends Partial<AddressRules> {
  /** Resolves names, with the signature of `dns.lookup`. Default: `dns.lookup`. */
  lookup?: LookupFunction
}

/**
 * Creates a `fetch` that connects to public addresses only, for URLs that others have written. Addresses are checked when a
 * connection is made, after names were resolved, for redirects as well.
 *
 * The function throws an {@link AuthorizationError} `FST_OAUTH_ADDRESS_REFUSED`, and what `fetch` throws.
 */
export function createGuardedFetch (options: GuardedFetchOptions = {}): Fetch {
  const rules = addressRules(options)
  let agent: Promise<Dispatcher> | null = null
  return async (url, init) => {
    checkAddress(url, rules)
    // Loaded with the first request.
    const undici = await import('undici')
    agent ??= Promise.resolve(new undici.Agent({ connect: guardedConnector(undici.buildConnector, rules, options.lookup) }))
    try {
      return await undici.fetch(url, { ...init, dispatcher: await agent } as UndiciRequestInit) as unknown as Response
    } catch (error) {
      throw (error as Error).cause instanceof AuthorizationError ? (error as Error).cause : error
    }
  }
}

/** Literal addresses are not resolved, so that they are checked here, and with them the targets of redirects. */
function guardedConnector (
  build: typeof buildConnector, rules: AddressRules, lookup: LookupFunction | undefined
): buildConnector.connector {
  const connect = build({ lookup: guardedLookup(rules, lookup) })
  return (options, callback) => {
    const isSecure = options.protocol === 'https:' || isLoopbackHost(bareHost(options.hostname))
    if (isSecure && isAllowedHost(options.hostname, rules)) connect(options, callback)
    else callback(refusedAddress(options.hostname), null)
  }
}
