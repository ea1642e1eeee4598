import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { describeValue } from '../errors/detail.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { FetchError } from '../errors/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { withDeadline } from '../http/limited-fetch.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { Loaded, RefreshingValue, RefreshSettings } from '../http/refreshing-value.ts'
import type { IssuerMetadata } from '../metadata/issuer-metadata.ts'
import { withinTime } from '../time-limit.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'
import { createKeySet } from './key-set.ts'
import type { KeySet, SkippedKey } from './key-set.ts'
import type { VerificationKey } from './signature.ts'
import type { CacheValidity } from './token-cache.ts'
import { alwaysCurrent, digestOf } from './token-cache.ts'

/** Where the keys of an issuer come from, and within which limits. */
export interface IssuerKeysSource {
  /** Whose keys they are, for the log. */
  readonly owner: string
  /** The option that says where they are. */
  readonly option: string
  /** Where it is given, no metadata is requested. */
  readonly jwksUri: string | null
  /** Where it is given, nothing is requested. */
  readonly jwks: Readonly<Record<string, unknown>> | null
  /** Must be of the kind that has keys, where neither of the above is given; else it may be `null`. */
  readonly metadata: RefreshingValue<IssuerMetadata> | null
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly refresh: RefreshSettings
  readonly clock: Clock
  /** Called once for each key set that contains keys that cannot be used. */
  readonly onSkippedKeys?: ((skipped: readonly SkippedKey[]) => void) | undefined
  /** Is told of a renewal that failed while the last good keys are in use. */
  readonly onRenewalFailed?: ((error: unknown) => void) | undefined
}

/** The keys of one issuer, which change over time. */
export interface IssuerKeys {
  /**
   * Verifies the signature of a token with a key of the issuer. The keys are requested again for a key that is not known,
   * and for a signature that is wrong, as an issuer may have a new key under an old `kid`. The answer comes without a
   * promise where a known key verifies the token.
   *
   * @returns the keys that verified it, current for as long as they are the issuer's
   * @throws InvalidTokenError when the token is not signed by the issuer
   * @throws UnavailableError when that cannot be decided: the keys cannot be had, or may have changed since the last look-up
   */
  verifySignature (jwt: UnverifiedJwt): CacheValidity | Promise<CacheValidity>
}

/** One version of the keys. It is current until another takes its place. */
interface Version extends CacheValidity {
  readonly set: KeySet
  /** The document that has the keys. */
  readonly text: string
  /** The `kid` of keys that the version before had and this one has not. */
  readonly removedKeyIds: readonly unknown[]
}

/**
 * A key is published before a token is signed with it, so the keys of a look-up decide about tokens that were issued before
 * it. A `kid` that is not known may be new, and the clocks of two machines differ by some seconds. A wrong signature under
 * a `kid` that is known is a forgery, save for an issuer that breaks the rule and reuses a `kid`.
 */
const clockMarginSeconds = { unknownKey: 6, wrongSignature: 0 }
/** How many refused tokens are remembered for a version of the keys; bounded, as strangers make them up. */
const maxDecided = 1000

export function createIssuerKeys (source: IssuerKeysSource): IssuerKeys {
  return source.jwks === null ? createRemoteKeys(source) : createFixedKeys(source.jwks, source)
}

function createFixedKeys (jwks: Readonly<Record<string, unknown>>, source: IssuerKeysSource): IssuerKeys {
  const set = readKeySet(jwks, source)
  return {
    verifySignature (jwt) {
      const isSigned = isSignedByAny(set.candidates(jwt.header), jwt)
      if (isSigned === true) return alwaysCurrent
      if (isSigned === false) throw notSigned(jwt, set)
      return isSigned.then(isGood => {
        if (!isGood) throw notSigned(jwt, set)
        return alwaysCurrent
      })
    }
  }
}

function createRemoteKeys (source: IssuerKeysSource): IssuerKeys {
  const retryAfterSeconds = Math.max(1, Math.ceil(source.refresh.retryAfterMs / 1000))
  const versions = createVersions(source)
  // Tokens that were refused after a look-up of keys made for them: the answer does not change with the next one.
  const decided = new LRUCache<string, Version>({ max: maxDecided })

  const unavailable = (cause: unknown, received: string): UnavailableError => withoutStackTrace(() =>
    new UnavailableError('keys_unavailable', retryAfterSeconds, cause, { expected: `the keys of ${source.owner}`, received, ...redirectFix(cause, source.option) }))

  /** Whether the last look-up of keys was late enough to know every key that can have signed the token. */
  const isDecided = (jwt: UnverifiedJwt, version: Version): boolean => {
    const { header: { kid }, claims: { iat } } = jwt
    const isUnknown = version.set.candidates(jwt.header).length === 0
    if (isUnknown && version.removedKeyIds.includes(kid)) return true
    const margin = isUnknown ? clockMarginSeconds.unknownKey : clockMarginSeconds.wrongSignature
    return (typeof iat === 'number' && (iat + margin) * 1000 <= versions.loadedAt()) || decided.get(identityOf(jwt)) === version
  }

  /** Strangers send wrong signatures, so that the answer comes without a promise where no look-up is made for it. */
  const afterLookUp = (jwt: UnverifiedJwt, seen: Version): Promise<CacheValidity> => {
    const newer = versions.reloadUnlessChanged(seen)
    if (newer === null) {
      if (isDecided(jwt, seen)) throw notSigned(jwt, seen.set)
      throw unavailable(undefined, `${noMatch(jwt, seen.set)}; they were requested a moment ago and may have changed since`)
    }
    return newer.then(async newest => {
      if (newest !== seen && await isSignedByAny(newest.set.candidates(jwt.header), jwt)) return newest
      decided.set(identityOf(jwt), newest)
      throw notSigned(jwt, newest.set)
    }, (error: unknown) => {
      // A look-up that could not have changed the answer.
      if (isDecided(jwt, seen)) throw notSigned(jwt, seen.set)
      throw unavailable(error, (error as Error).message)
    })
  }

  const check = (jwt: UnverifiedJwt, version: Version): CacheValidity | Promise<CacheValidity> => {
    const isSigned = isSignedByAny(version.set.candidates(jwt.header), jwt)
    if (typeof isSigned === 'boolean') return isSigned ? version : afterLookUp(jwt, version)
    return isSigned.then(isGood => isGood ? version : afterLookUp(jwt, version))
  }

  return {
    verifySignature (jwt) {
      const version = versions.peek()
      if (version !== undefined) return check(jwt, version)
      return versions.get().then(
        loaded => check(jwt, loaded),
        (error: unknown) => { throw unavailable(error, (error as Error).message) })
    }
  }
}

function isSignedByAny (keys: readonly VerificationKey[], jwt: UnverifiedJwt, from = 0): boolean | Promise<boolean> {
  for (let index = from; index < keys.length; index++) {
    const isGood = keys[index]!.verify(jwt.signingInput, jwt.signature)
    if (isGood === true) return true
    if (isGood !== false) return isGood.then(good => good || isSignedByAny(keys, jwt, index + 1))
  }
  return false
}

function identityOf ({ signingInput, signature }: Pick<UnverifiedJwt, 'signingInput' | 'signature'>): string {
  return digestOf(`${signingInput}.${Buffer.from(signature).toString('latin1')}`)
}

function noMatch ({ header: { kid, alg } }: Pick<UnverifiedJwt, 'header'>, { describedKeyIds, skipped }: KeySet): string {
  const keyId = describeValue(kid)
  const unusable = skipped.find(key => key.keyId === keyId)
  const why = unusable === undefined ? '' : `; its key of this kid cannot be used: ${unusable.reason}`
  return `kid ${keyId} and alg ${describeValue(alg)}; the issuer has kid ${describedKeyIds}${why}`
}

function notSigned (jwt: UnverifiedJwt, set: KeySet): Error {
  const isKnown = set.candidates(jwt.header).length > 0
  return refused(isKnown ? 'signature_invalid' : 'key_unknown', {
    expected: isKnown ? 'a signature of a key of the issuer' : 'a key of the issuer with the kid of the token, for its alg',
    received: `${isKnown ? 'another signature, under ' : ''}${noMatch(jwt, set)}`
  })
}

function redirectFix (error: unknown, option: string): { fix: string } | undefined {
  if (!(error instanceof FetchError) || error.fault !== 'redirect') return undefined
  return { fix: `redirects are not followed: set ${option} to ${error.location ?? 'where it leads'}` }
}

function readKeySet (document: Readonly<Record<string, unknown>>, { onSkippedKeys }: IssuerKeysSource): KeySet {
  const set = createKeySet(document)
  if (set.skipped.length > 0) onSkippedKeys?.(set.skipped)
  return set
}

function createVersions (source: IssuerKeysSource): RefreshingValue<Version> {
  const { jwksUri, metadata, fetch, limits, refresh, clock, onRenewalFailed } = source
  let current: Version | null = null
  /** Keys that did not change stay the same version, as remembered tokens depend on it. */
  const versionOf = (document: Readonly<Record<string, unknown>>): Version => {
    const text = JSON.stringify(document)
    if (current?.text === text) return current
    const set = readKeySet(document, source)
    const removedKeyIds = current?.set.keyIds.filter(kid => !set.keyIds.includes(kid)) ?? []
    const version: Version = { set, text, removedKeyIds, isCurrent: () => current === version }
    current = version
    return version
  }
  const load = async (url: string, within: FetchLimits): Promise<Loaded<Version>> => {
    const { body, maxAgeSeconds } = await fetchJson(url, fetch, within)
    try {
      return { value: versionOf(body), maxAgeSeconds }
    } catch (error) {
      throw new FetchError('not_json', url, 200, { cause: error })
    }
  }
  return createRefreshingValue(async () => {
    // One deadline for all requests of a look-up.
    const within = withDeadline(limits)
    if (jwksUri !== null) return await load(jwksUri, within)
    const known = await withinTime(metadata!.get(), limits.timeoutMs)
    try {
      return await load(known.jwksUri!, within)
    } catch (error) {
      // An issuer that does not answer has not moved its keys.
      if ((error as FetchError).fault === 'timeout') throw error
      const newer = await withinTime(Promise.resolve(metadata!.reloadUnlessChanged(known)), within.deadline - performance.now())
      if (newer === null || newer.jwksUri === known.jwksUri) throw error
      return await load(newer.jwksUri!, within)
    }
  }, refresh, clock, onRenewalFailed)
}
