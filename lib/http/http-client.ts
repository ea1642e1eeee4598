import type { FetchedJson } from './fetch-json.ts'
import { fetchJson } from './fetch-json.ts'
import type { FetchedText, Fetch, FetchLimits } from './limited-fetch.ts'
import { fetchText } from './limited-fetch.ts'
import type { FetchError } from '../errors/fetch-error.ts'
import { AuthorizationError } from '../errors/authorization-error.ts'
import type { AddressRules } from './guarded-fetch.ts'
import { addressRules, checkAddress, createGuardedFetch } from './guarded-fetch.ts'

/** How a client reaches what it was told of by others: metadata documents and authorization servers. */
export interface HttpClientOptions {
  /**
   * Makes the requests in place of the guarded one: for proxies, certificates and tests. URLs are still checked as they
   * are written; what their names mean is then yours to check, {@link AddressRules} being what the default does.
   */
  fetch?: Fetch
  /** Whether this machine may be reached. Default: when the resource itself is on this machine. */
  allowLoopback?: boolean
  /** Hosts, names or addresses, that may be of a private network. Default: none. */
  allowedHosts?: readonly string[]
  /** For one answer, in milliseconds. Default: 10 000. */
  timeoutMs?: number
  /** Of one answer. Default: 262 144. */
  maxBytes?: number
}

/** Within the rules for addresses and limits of time and size; redirects are not followed. */
export interface HttpClient {
  readonly rules: AddressRules
  /** As `fetch`, with the URL checked. */
  readonly fetch: Fetch
  /** @throws FetchError, AuthorizationError */
  getJson (url: string): Promise<FetchedJson>
  /** @throws FetchError, AuthorizationError */
  getText (url: string, init: RequestInit, statuses: readonly number[]): Promise<FetchedText>
}

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

/** The refusal of an address is no fault of the network. */
function unwrapped (error: Error): never {
  throw error.cause instanceof AuthorizationError ? error.cause : error
}
