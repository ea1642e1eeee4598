import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import type { Dispatcher, RequestInit as UndiciRequestInit, buildConnector } from 'undici'
import type { Fetch } from './limited-fetch.ts'
import type { IdentifierError } from '../errors/syntax-errors.ts'
import { isLoopbackHost, parseIdentifier } from '../identifier.ts'
import { AuthorizationError } from '../errors/authorization-error.ts'
import { isLoopbackAddress, isPublicAddress } from './public-addresses.ts'

/** Where a client may be sent by what it reads elsewhere (RFC 9728 section 7.7). */
export interface AddressRules {
  /** Whether this machine is one of them: for development. */
  readonly allowLoopback: boolean
  /** Hosts that may have any address: those of your own network. */
  readonly allowedHosts: readonly string[]
}

/** The rules that a host gave, with hosts in the form that they are compared in. */
export function addressRules ({ allowLoopback = false, allowedHosts = [] }: Partial<AddressRules>): AddressRules {
  return { allowLoopback, allowedHosts: allowedHosts.map(canonicalHost) }
}

/** As the URL parser writes it, without brackets: `[FD00:0::1]`, `fd00::1` and `LOGIN.corp.example.` are each one host. */
function canonicalHost (host: string): string {
  const bare = bareHost(host)
  const url = `https://${isIP(bare) === 6 ? `[${bare}]` : bare}`
  return URL.canParse(url) ? bareHost(new URL(url).hostname) : bare
}

/**
 * Holds a URL, as it is written, against the rules: https, or http on this machine, and no address that is not of the
 * internet, however it is spelt. Names are not looked up here.
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
  // It is judged as the one that a request would go to: `127.1` and `0x7f000001` are 127.0.0.1.
  const parsed = new URL(url)
  if (!isAllowedHost(parsed.hostname, rules)) refuse('is not of the internet')
  return parsed
}

/** A URL that came from elsewhere, as a message can show it: neither its query nor a password. */
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

/** A look-up that fails when a name leads to an address that is refused, so that there is no time in which to lie. */
export function guardedLookup (rules: AddressRules, lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      const isFine = (): boolean => rules.allowedHosts.includes(bareHost(hostname)) ||
        (typeof found === 'string' ? [found] : found.map(({ address }) => address)).every(address => isAllowedAddress(address, rules))
      if (error !== null || isFine()) callback(error, found, family)
      else callback(refusedAddress(hostname), '')
    })
  }
}

function refusedAddress (hostname: string): NodeJS.ErrnoException {
  return new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED', { message: `${showUrl(hostname)} leads to an address that is not of the internet` })
}

export interface GuardedFetchOptions extends Partial<AddressRules> {
  /** Looks names up. Default: as the operating system does. */
  lookup?: LookupFunction
}

/**
 * A `fetch` that connects to addresses of the internet alone. Each address is checked when a connection is made to it,
 * after the name was looked up and on every redirect: what a name meant before does not matter.
 *
 * @throws AuthorizationError `FST_OAUTH_ADDRESS_REFUSED`, also as the cause of what `fetch` throws
 */
export function createGuardedFetch (options: GuardedFetchOptions = {}): Fetch {
  const rules = addressRules(options)
  let agent: Promise<Dispatcher> | null = null
  return async (url, init) => {
    checkAddress(url, rules)
    // Loaded by those alone who go out.
    const undici = await import('undici')
    agent ??= Promise.resolve(new undici.Agent({ connect: guardedConnector(undici.buildConnector, rules, options.lookup) }))
    try {
      return await undici.fetch(url, { ...init, dispatcher: await agent } as UndiciRequestInit) as unknown as Response
    } catch (error) {
      throw (error as Error).cause instanceof AuthorizationError ? (error as Error).cause : error
    }
  }
}

/** What is written down is not looked up, so it is checked here, where the targets of redirects come by, too. */
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
