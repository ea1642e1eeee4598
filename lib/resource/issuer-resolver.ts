import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { createForwardClock } from '../clock.ts'
import type { OAuthConfig } from '../config/resolve.ts'
import { resolveIssuer } from '../config/issuer.ts'
import { describeError } from '../errors/detail.ts'
import { OptionError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RefreshingValue } from '../http/refreshing-value.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import { parseIdentifier } from '../identifier.ts'
import { show } from '../options/show.ts'
import { withinTime } from '../time-limit.ts'
import type { Issuer, Verified } from '../token/issuer.ts'
import type { IssuerResolver } from '../token/verifier.ts'
import type { IssuerLog } from './create-issuer.ts'
import { createIssuer } from './create-issuer.ts'

/** As many issuers are kept; one that is needed again is made again. */
const maxIssuers = 1000
/** As many identifiers that are no issuer are remembered, for `retryAfterSeconds`; strangers make them up. */
const maxUnknown = 1000
/** As many look-ups of identifiers that are not known may be under way, so that made-up ones cannot exhaust the host's database. */
const maxConcurrent = 20
const maxIdentifierLength = 2048

/** What the host's function returned, and the issuer that was made of it. */
interface Found {
  readonly given: unknown
  readonly issuer: Issuer
}

/**
 * Finds issuers by the host's function. Those that it knows are remembered, and asked for again as often as keys, since
 * tenants are added and removed; an issuer about which it says the same as before keeps its keys and caches. An identifier
 * that it does not know is not asked for again for a short time, and takes no place of one that it knows.
 */
export function createIssuerResolver (config: OAuthConfig, find: NonNullable<OAuthConfig['resolveIssuer']>, log: IssuerLog): IssuerResolver {
  const { discovery, lookupTimeoutMs, allowInsecureHttp, clock } = config
  // A tenant that cannot be looked up is unavailable at once: the function may be failing because the tenant was removed.
  const refresh = { ...discovery.keys, maxStaleMs: 0 }
  const { now } = createForwardClock(clock)
  const known = new LRUCache<string, RefreshingValue<Found | null>>({ max: maxIssuers })
  const unknown = new LRUCache<string, number>({ max: maxUnknown })
  const arriving = new Map<string, RefreshingValue<Found | null>>()

  const unavailable = (cause: unknown, received: string): UnavailableError => withoutStackTrace(() =>
    new UnavailableError('issuer_unresolvable', Math.max(1, Math.ceil(refresh.retryAfterMs / 1000)), cause, {
      expected: 'an issuer, or null, of resolveIssuer', received
    }))

  const createLookup = (identifier: string): RefreshingValue<Found | null> => {
    let last: Found | null = null
    const lookup = createRefreshingValue(async () => {
      const given: unknown = await withinTime(Promise.resolve(find(identifier)), lookupTimeoutMs)
      if (given === null || given === undefined) last = null
      else if (last === null || !isDeepStrictEqual(given, last.given)) last = foundOf(given, identifier)
      return { value: last, maxAgeSeconds: null }
    }, refresh, clock)

    const foundOf = (given: unknown, identifier: string): Found => {
      const found: Found = { given, issuer: whileCurrent(createOwnIssuer(given, identifier, config, log), () => lookup.isFresh(found)) }
      return found
    }
    return lookup
  }

  const look = async (identifier: string, lookup: RefreshingValue<Found | null>): Promise<Issuer | null> => {
    try {
      const found = await lookup.get()
      if (found === null) {
        known.delete(identifier)
        unknown.set(identifier, now() + refresh.retryAfterMs)
        return null
      }
      known.set(identifier, lookup)
      return found.issuer
    } catch (error) {
      throw unavailable(error, describeError(error))
    }
  }

  return async identifier => {
    if (!isIdentifier(identifier, allowInsecureHttp) || now() < (unknown.get(identifier) ?? -Infinity)) return null
    const familiar = known.get(identifier)
    if (familiar !== undefined) return await look(identifier, familiar)
    const same = arriving.get(identifier)
    if (same !== undefined) return await look(identifier, same)
    if (arriving.size >= maxConcurrent) throw unavailable(undefined, `${maxConcurrent} look-ups of unknown issuers are under way, which is the limit`)
    const lookup = createLookup(identifier)
    arriving.set(identifier, lookup)
    return await look(identifier, lookup).finally(() => { arriving.delete(identifier) })
  }
}

/** The same issuer, whose tokens are remembered only while the host's function still knows it. */
function whileCurrent (issuer: Issuer, isKnown: () => boolean): Issuer {
  const limited = ({ validity, ...verified }: Verified): Verified =>
    ({ ...verified, validity: { isCurrent: () => isKnown() && validity.isCurrent() } })
  return {
    ...issuer,
    verify (token, jwt) {
      const verified = issuer.verify(token, jwt)
      return 'then' in verified ? verified.then(limited) : limited(verified)
    }
  }
}

/** @throws OptionError when the host's function returned something that is no issuer, or another one */
function createOwnIssuer (given: unknown, identifier: string, config: OAuthConfig, log: IssuerLog): Issuer {
  const warnings: string[] = []
  const resolved = resolveIssuer(given, 'resolveIssuer', config, warnings)
  for (const warning of warnings) log.warn({ issuer: identifier }, warning)
  if (resolved.rule.issuer !== identifier) {
    throw new OptionError(`resolveIssuer returned ${show(resolved.rule.issuer)} for ${show(identifier)}`)
  }
  return createIssuer(resolved, config, log)
}

function isIdentifier (value: string, allowInsecureHttp: boolean): boolean {
  if (value.length > maxIdentifierLength) return false
  try {
    parseIdentifier(value, allowInsecureHttp)
    return true
  } catch {
    return false
  }
}
