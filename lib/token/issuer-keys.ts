import type { Clock } from '../clock.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { FetchError } from '../errors/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { Loaded, RefreshingValue, RefreshSettings } from '../http/refreshing-value.ts'
import type { IssuerMetadata } from '../metadata/issuer-metadata.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'
import { createKeySet } from './key-set.ts'
import type { KeySet } from './key-set.ts'
import { checkSignature } from './signature.ts'
import type { CacheValidity } from './token-cache.ts'

/** Where the keys of an issuer come from, and within which limits. */
export interface IssuerKeysSource {
  /** Given, nothing is asked of the issuer but this. */
  readonly jwksUri: string | null
  /** Given, nothing is asked of the issuer at all. */
  readonly jwks: Readonly<Record<string, unknown>> | null
  /** Must be of the kind that has keys, where neither of the above is given. */
  readonly metadata: RefreshingValue<IssuerMetadata>
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly refresh: RefreshSettings
  readonly clock: Clock
}

/** The keys of one issuer, as they come and go. */
export interface IssuerKeys {
  /**
   * Checks the signature of a token with a key of the issuer, the key being looked up when it is not known yet.
   *
   * @returns what vouches for the token: the keys, for as long as they are the issuer's
   * @throws InvalidTokenError when the token is not signed by the issuer
   * @throws UnavailableError when that could not be found out
   */
  verifySignature (jwt: UnverifiedJwt): Promise<CacheValidity>
}

/** The keys at one time. It holds until others take their place. */
interface KeyRing extends CacheValidity {
  readonly set: KeySet
}

export function createIssuerKeys (source: IssuerKeysSource): IssuerKeys {
  const retryAfterSeconds = Math.max(1, Math.ceil(source.refresh.retryAfterMs / 1000))
  let current: KeyRing | null = null
  let text = ''

  /** Keeps the identity of keys that did not change, as remembered tokens hang on it. */
  const ringOf = (document: Readonly<Record<string, unknown>>): KeyRing => {
    const newText = JSON.stringify(document)
    if (current === null || newText !== text) {
      const ring: KeyRing = { set: createKeySet(document), isCurrent: () => current === ring }
      current = ring
      text = newText
    }
    return current
  }
  const rings = createRings(source, ringOf)
  const orUnavailable = async (look: Promise<KeyRing>): Promise<KeyRing> => {
    try {
      return await look
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('keys_unavailable', retryAfterSeconds, error))
    }
  }

  return {
    async verifySignature (jwt) {
      let ring = await orUnavailable(rings.get())
      let key = await ring.set.select(jwt.header)
      if (key === null) {
        ring = await orUnavailable(rings.reloadUnlessChanged(ring))
        key = await ring.set.select(jwt.header)
      }
      if (key === null) throw refused('key_unknown')
      await checkSignature(jwt, key)
      return ring
    }
  }
}

type RingOf = (document: Readonly<Record<string, unknown>>) => KeyRing

function createRings ({ jwks, jwksUri, metadata, fetch, limits, refresh, clock }: IssuerKeysSource, ringOf: RingOf): RefreshingValue<KeyRing> {
  if (jwks !== null) {
    const ring = ringOf(jwks)
    return { get: async () => ring, reloadUnlessChanged: async () => ring }
  }
  const load = async (url: string): Promise<Loaded<KeyRing>> => {
    const { body, maxAgeSeconds } = await fetchJson(url, fetch, limits)
    try {
      return { value: ringOf(body), maxAgeSeconds }
    } catch (error) {
      throw new FetchError('not_json', url, 200, error)
    }
  }
  if (jwksUri !== null) return createRefreshingValue(() => load(jwksUri), refresh, clock)

  return createRefreshingValue(async () => {
    const known = await metadata.get()
    try {
      return await load(known.jwksUri!)
    } catch (error) {
      // The keys may have moved.
      const newer = await metadata.reloadUnlessChanged(known)
      if (newer.jwksUri === known.jwksUri) throw error
      return await load(newer.jwksUri!)
    }
  }, refresh, clock)
}
