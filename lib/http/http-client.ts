import type { FetchedJson } from './fetch-json.ts'
import { fetchJson } from './fetch-json.ts'
import type { FetchedText, Fetch, FetchLimits } from './limited-fetch.ts'
import { fetchText } from './limited-fetch.ts'
import type { FetchError } from '../errors/fetch-error.ts'
import { AuthorizationError } from '../errors/authorization-error.ts'
import type { AddressRules } from './guarded-fetch.ts'
import { addressRules, checkAddress, createGuardedFetch } from './guarded-fetch.ts'

/** How a client makes requests to URLs that others have written: of metadata documents and authorization servers. */
export interface HttpClientOptions {
  /**
   * Makes the requests in the place of the guarded one: for proxies, certificates and tests. URLs are still checked as they
   * are written; the addresses that names resolve to are not, which {@link createGuardedFetch} does.
   */
  fetch?: Fetch
  /** Whether loopback hosts are allowed, also over http. Default: false; for `connect`, whether the resource is on one. */
  allowLoopback?: boolean
  /** Hosts, as names or addresses, that may be in a private network. Default: none. */
  allowedHosts?: readonly string[]
  /** Limit for one response, its body included, in milliseconds. Default: 10 000. */
  timeoutMs?: number
  /** Limit for the body of one response, in bytes. Default: 262 144. */
  maxBytes?: number
}

/** Makes requests within the address rules and the limits of time and size. Redirects are not followed. */
export interface HttpClient {
  readonly rules: AddressRules
  /** As `fetch`, with the URL checked. */
  readonly fetch: Fetch
  /**
   * GETs a JSON object.
   *
   * @throws FetchError, AuthorizationError `FST_OAUTH_ADDRESS_REFUSED`
   */
  getJson (url: string): Promise<FetchedJson>
  /**
   * Makes a request and reads the body as text.
   *
   * @param statuses those whose body is read; any other one is an error
   * @throws FetchError, AuthorizationError `FST_OAUTH_ADDRESS_REFUSED`
   */
  getText (url: string, init: RequestInit, statuses: readonly number[]): Promise<FetchedText>
}

/** Creates the HTTP client of {@link ServerAccess} and of discovery. */
export function createHttpClient (options: HttpClientOptions = {}): HttpClient {
  const rules = addressRules(options)
  const limits: FetchLimits = { timeoutMs: options.timeoutMs ?? 10_000, maxBytes: options.maxBytes ?? 262_144 }
  const given = options.fetch
  const fetch: Fetch = given === undefined
    ? createGuardedFetch(rules)
    : async (url, init) => {
      checkAddress(url, rules)
      return await given(url, init)
    }
  return {
    rules,
    fetch,
    getJson: async url => await fetchJson(url, fetch, limits).catch(unwrapped),
    getText: async (url, init, statuses) => await fetchText(url, init, fetch, limits, statuses).catch(unwrapped)
  }
}

/** Whether a request may succeed at another time. */
export function isOutage ({ fault, status }: FetchError): boolean {
  return fault === 'network' || fault === 'timeout' || (status !== null && (status >= 500 || status === 429))
}

/** A refused address is not a failure of the network: it is thrown as it is. */
function unwrapped (error: Error): never {
  throw error.cause instanceof AuthorizationError ? error.cause : error
}
