import type { Clock } from '../clock.ts'
import { UnavailableError, withoutStackTrace } from '../errors.ts'
import { FetchError, fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/fetch-json.ts'
import { createRefreshed } from '../http/refreshed.ts'
import type { Loaded, Refreshed, RefreshRules } from '../http/refreshed.ts'
import { findIssuerMetadata } from '../metadata/issuer-metadata.ts'
import type { IssuerMetadata } from '../metadata/issuer-metadata.ts'
import type { IssuerRule } from './issuer-rule.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'
import { createKeySet } from './key-set.ts'
import type { KeySet } from './key-set.ts'
import { checkSignature } from './signature.ts'

/** Where the keys of an issuer come from, and within which limits. */
export interface IssuerSource {
  readonly rule: IssuerRule
  /** Given, nothing is asked of the issuer but this. */
  readonly jwksUri: string | null
  /** Given, nothing is asked of the issuer at all. */
  readonly jwks: Readonly<Record<string, unknown>> | null
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly metadataRefresh: RefreshRules
  readonly keysRefresh: RefreshRules
  readonly clock: Clock
}

/** One trusted issuer: its rule and its keys. Nothing of it is shared with another issuer. */
export interface Issuer {
  readonly rule: IssuerRule
  /** The keys known now, by identity: whoever remembers what was verified with them can see that they changed. */
  readonly keys: KeySet | null
  /**
   * Checks the signature of a token with a key of this issuer, the key being looked up when it is not known yet.
   *
   * @returns the keys that vouch for the token
   * @throws InvalidTokenError when the token is not signed by this issuer
   * @throws UnavailableError when that could not be found out
   */
  verifySignature (jwt: UnverifiedJwt): Promise<KeySet>
}

export function createIssuer (source: IssuerSource): Issuer {
  const { rule } = source
  const retryAfterSeconds = Math.max(1, Math.ceil(source.keysRefresh.retryAfterMs / 1000))
  let keys: KeySet | null = null
  let keysText = ''

  /** Keeps the identity of a set that did not change, as cached tokens hang on it. */
  const keySetOf = (document: Readonly<Record<string, unknown>>): KeySet => {
    const text = JSON.stringify(document)
    if (keys === null || text !== keysText) {
      keys = createKeySet(document)
      keysText = text
    }
    return keys
  }
  const read = createKeySource(source, keySetOf)
  const orUnavailable = async (look: Promise<KeySet>): Promise<KeySet> => {
    try {
      return await look
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('keys_unavailable', retryAfterSeconds, error))
    }
  }

  return {
    rule,
    get keys () { return keys },
    async verifySignature (jwt) {
      let set = await orUnavailable(read.get())
      let key = await set.select(jwt.header)
      if (key === null) {
        set = await orUnavailable(read.newerThan(set))
        key = await set.select(jwt.header)
      }
      if (key === null) throw refused('key_unknown')
      await checkSignature(jwt, key)
      return set
    }
  }
}

type KeySetOf = (document: Readonly<Record<string, unknown>>) => KeySet

function createKeySource (source: IssuerSource, keySetOf: KeySetOf): Refreshed<KeySet> {
  const { jwks, jwksUri, fetch, limits, clock } = source
  if (jwks !== null) {
    const value = keySetOf(jwks)
    return { get: async () => value, newerThan: async () => value }
  }
  const load = async (url: string): Promise<Loaded<KeySet>> => {
    const { body, maxAgeSeconds } = await fetchJson(url, fetch, limits)
    try {
      return { value: keySetOf(body), maxAgeSeconds }
    } catch (error) {
      throw new FetchError('not_json', url, 200, error)
    }
  }
  if (jwksUri !== null) return createRefreshed(() => load(jwksUri), source.keysRefresh, clock)

  const metadata = createRefreshed<IssuerMetadata>(
    () => findIssuerMetadata(source.rule.issuer, fetch, limits), source.metadataRefresh, clock)
  return createRefreshed(async () => {
    const known = await metadata.get()
    try {
      return await load(known.jwksUri)
    } catch (error) {
      // The keys may have moved.
      const newer = await metadata.newerThan(known)
      if (newer.jwksUri === known.jwksUri) throw error
      return await load(newer.jwksUri)
    }
  }, source.keysRefresh, clock)
}
