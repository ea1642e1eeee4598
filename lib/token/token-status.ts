import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { describeError, describeValue } from '../errors/detail.ts'
import { InvalidTokenError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { fetchIdempotent } from '../http/limited-fetch.ts'
import type { Loaded, RefreshingValue, RefreshSettings } from '../http/refreshing-value.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import { parseIdentifier } from '../identifier.ts'
import type { Claims } from './claim-path.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { parseJwt, refused } from './jwt.ts'
import type { ExpectedStatusList, StatusList } from './status-list.ts'
import { checkStatusList, readStatusList, StatusListError } from './status-list.ts'
import type { CacheValidity } from './token-cache.ts'
import { alwaysCurrent } from './token-cache.ts'

/** How the status of an issuer's access tokens is found out. */
export interface TokenStatusSettings {
  /** What the URI of a list is, or begins with and a slash. */
  readonly uris: readonly string[]
  readonly allowInsecureHttp: boolean
  /** Whether a token without a reference to a list is refused. */
  readonly required: boolean
  /** Whether a token is accepted while its list cannot be had. */
  readonly allowUnavailable: boolean
  readonly refresh: RefreshSettings
  readonly maxListBytes: number
}

export interface TokenStatusParts extends TokenStatusSettings {
  /** The option that these settings are of. */
  readonly option: string
  readonly expected: Omit<ExpectedStatusList, 'uri' | 'maxListBytes'>
  readonly keys: IssuerKeys
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly clock: Clock
  /** Is told of a list that could not be renewed while the last good one is in use, and of a token that was accepted without. */
  readonly onUnavailable: (uri: string, error: unknown) => void
}

/**
 * Checks the status of an access token that passed every other check, without a promise where its list is known.
 *
 * It throws InvalidTokenError when the status is anything but valid, or cannot be read from the list, and UnavailableError when
 * the list cannot be had.
 *
 * @returns until when the answer holds: as long as the list is in use
 */
export type CheckStatus = (claims: Claims) => CacheValidity | Promise<CacheValidity>

/** How the status of an issuer's tokens is checked. */
export interface StatusLookup {
  readonly check: CheckStatus
  /** Whether tokens without a status are checked as well. */
  readonly required: boolean
}

/** As many lists of one issuer are kept. Only tokens that the issuer signed name one. */
const maxLists = 100

/** Section 7.1: registered statuses. Every other one than 0 refuses a token as well. */
const suspended = 2

/** The clocks of the machines that issue tokens and lists may differ by some seconds. */
const clockMarginSeconds = 6

interface Reference {
  readonly index: number
  readonly uri: string
}

export function createStatusCheck (parts: TokenStatusParts): CheckStatus {
  const { required, allowUnavailable, refresh, limits, fetch, keys, clock, expected, maxListBytes, onUnavailable } = parts
  const lists = new LRUCache<string, RefreshingValue<StatusList>>({ max: maxLists })

  const load = async (uri: string): Promise<Loaded<StatusList>> => {
    const { text } = await fetchIdempotent(uri, { method: 'GET', headers: { accept: 'application/statuslist+jwt' } }, fetch, limits, [200])
    const jwt = await signedJwt(uri, text)
    const list = await readStatusList(jwt.claims, { uri, maxListBytes })
    // Section 8.2: these count, and not the headers of the response.
    return { value: list, maxAgeSeconds: Math.min(list.timeToLive ?? Infinity, list.expiresAt - clock.now() / 1000) }
  }
  const signedJwt = async (uri: string, text: string): Promise<UnverifiedJwt> => {
    try {
      const jwt = parseJwt(text.trim(), limits.maxBytes)
      checkStatusList(jwt, { ...expected, uri, maxListBytes }, clock.now() / 1000)
      await keys.verifySignature(jwt)
      return jwt
    } catch (error) {
      // What is wrong with the list says nothing about the token.
      throw error instanceof InvalidTokenError ? new StatusListError(uri, `${error.reason}: ${error.detail!.received}`) : error
    }
  }
  const listsAt = (uri: string): RefreshingValue<StatusList> => {
    const known = lists.get(uri)
    if (known !== undefined) return known
    const made = createRefreshingValue(async () => await load(uri), refresh, clock, error => onUnavailable(uri, error))
    lists.set(uri, made)
    return made
  }
  const isUsable = (list: StatusList | undefined): list is StatusList => list !== undefined && clock.now() / 1000 < list.expiresAt

  const unavailable = (uri: string, cause: unknown): CacheValidity => {
    if (!allowUnavailable) {
      throw withoutStackTrace(() => new UnavailableError('status_list_unavailable', Math.max(1, Math.ceil(refresh.retryAfterMs / 1000)), cause, {
        expected: `the status list ${uri}`, received: describeError(cause)
      }))
    }
    onUnavailable(uri, cause)
    return { isCurrent: () => false }
  }

  const decide = (list: StatusList, { index, uri }: Reference, source: RefreshingValue<StatusList>): CacheValidity | null => {
    const status = list.statusAt(index)
    if (status === null) return null
    if (status === 0) return { isCurrent: () => source.peek() === list && isUsable(list) }
    const detail = { expected: `status 0 (VALID) at idx ${index} of ${uri}`, received: `status ${status}` }
    throw refused(status === suspended ? 'token_suspended' : 'token_revoked', detail)
  }

  /** For a token that was issued after the list, and for a list that has expired. */
  const afterLookUp = async (reference: Reference, source: RefreshingValue<StatusList>, seen: StatusList | null): Promise<CacheValidity> => {
    const { uri } = reference
    let list: StatusList | null
    try {
      list = seen === null ? await source.get() : await source.reloadUnlessChanged(seen)
    } catch (error) {
      return unavailable(uri, error)
    }
    if (list === null) return unavailable(uri, new Error(`${uri} was requested a moment ago, and may have changed since`))
    const validity = decide(list, reference, source)
    if (validity === null) throw outOfBounds(reference)
    return validity
  }

  return claims => {
    const reference = referenceOf(claims, parts)
    if (reference === null) {
      if (required) throw refused('claim_missing', { expected: `claim status.status_list (${parts.option}.required)`, received: 'status.status_list is missing' })
      return alwaysCurrent
    }
    const source = listsAt(reference.uri)
    const list = source.peek()
    if (!isUsable(list)) return afterLookUp(reference, source, list ?? null)
    const validity = decide(list, reference, source)
    if (validity !== null) return validity
    // A newer list may reach further, unless this one is younger than the token.
    if (typeof claims.iat === 'number' && claims.iat + clockMarginSeconds <= list.issuedAt) throw outOfBounds(reference)
    return afterLookUp(reference, source, list)
  }
}

function outOfBounds ({ index, uri }: Reference): Error {
  return refused('status_unreadable', { expected: `a status at idx ${index} of ${uri}`, received: 'a list that does not reach that far' })
}

/** Section 6.2. */
function referenceOf ({ status }: Claims, parts: TokenStatusParts): Reference | null {
  if (status === undefined) return null
  const unreadable = (expected: string, fix = 'the issuer must send status.status_list with idx and uri'): Error =>
    refused('status_unreadable', { expected, received: `status is ${describeValue(status)}`, fix })
  if (typeof status !== 'object' || status === null || Array.isArray(status)) throw unreadable('status is an object')
  const { status_list: list } = status as { status_list?: unknown }
  // Another way to publish a status.
  if (list === undefined) return null
  const { idx, uri } = Object(list) as { idx?: unknown, uri?: unknown }
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0) throw unreadable('status.status_list.idx is an integer of at least 0')
  if (typeof uri !== 'string' || !isAllowed(uri, parts)) {
    throw unreadable(`status.status_list.uri is one of ${parts.uris.join(', ')}, or below it`, `set ${parts.option}.uris to where the issuer publishes its lists`)
  }
  return { index: idx, uri }
}

/** A URI that a client would rewrite, such as one with dot segments, does not lead to where it seems to. */
function isAllowed (uri: string, { uris, allowInsecureHttp }: TokenStatusSettings): boolean {
  if (!uris.some(allowed => uri === allowed || uri.startsWith(allowed.endsWith('/') ? allowed : `${allowed}/`))) return false
  try {
    parseIdentifier(uri, allowInsecureHttp)
  } catch {
    return false
  }
  return new URL(uri).href === uri
}
