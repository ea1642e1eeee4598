import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { OptionError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RefreshingValue } from '../http/refreshing-value.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import { parseIdentifier } from '../identifier.ts'
import { withinTime } from '../time-limit.ts'
import type { Issuer } from '../token/issuer.ts'
import type { IssuerResolver } from '../token/token-router.ts'
import { createIssuer } from './create-issuer.ts'
import type { OAuthConfig } from '../config/resolve.ts'
import { resolveIssuer } from '../config/issuer.ts'
import { show } from '../options/show.ts'

/** As many issuers are kept; one that is needed again is made again. */
const mostIssuers = 1000
const longestIdentifier = 2048

/** What the host's function gave, and what was made of it. */
interface Found {
  readonly given: unknown
  readonly issuer: Issuer
}

/**
 * Finds issuers by the host's own function, and remembers those that are the host's: an identifier that is none of them
 * leaves nothing behind, as strangers make them up. The function is asked again as often as for keys, since tenants go as
 * well as come; an issuer about which it says the same as before keeps its keys and caches.
 */
export function createIssuerResolver (config: OAuthConfig, find: NonNullable<OAuthConfig['resolveIssuer']>): IssuerResolver {
  const { discovery: { keys: rules }, lookupTimeoutMs, clock } = config
  const known = new LRUCache<string, RefreshingValue<Found | null>>({ max: mostIssuers })
  const arriving = new Map<string, RefreshingValue<Found | null>>()

  const createLookup = (identifier: string): RefreshingValue<Found | null> => {
    let last: Found | null = null
    return createRefreshingValue(async () => {
      const given: unknown = await withinTime(Promise.resolve(find(identifier)), lookupTimeoutMs)
      if (given === null || given === undefined) last = null
      else if (last === null || !isDeepStrictEqual(given, last.given)) last = { given, issuer: issuerOf(given, identifier, config) }
      return { value: last, maxAgeSeconds: null }
    }, rules, clock)
  }

  return async identifier => {
    if (!isIdentifier(identifier)) return null
    const lookup = known.get(identifier) ?? arriving.get(identifier) ?? createLookup(identifier)
    arriving.set(identifier, lookup)
    return await lookup.get().then(found => {
      if (found === null) known.delete(identifier)
      else known.set(identifier, lookup)
      return found?.issuer ?? null
    }, (error: unknown) => {
      throw withoutStackTrace(() => new UnavailableError('issuer_unresolvable', Math.max(1, Math.ceil(rules.retryAfterMs / 1000)), error))
    }).finally(() => { arriving.delete(identifier) })
  }
}

/** @throws OptionError when the host gave what is no issuer, or another one */
function issuerOf (given: unknown, identifier: string, config: OAuthConfig): Issuer {
  const resolved = resolveIssuer(given, 'resolveIssuer', config, [])
  if (resolved.rule.issuer !== identifier) {
    throw new OptionError(`resolveIssuer gave ${show(resolved.rule.issuer)} for ${show(identifier)}`)
  }
  return createIssuer(resolved, config)
}

function isIdentifier (value: string): boolean {
  if (value.length > longestIdentifier) return false
  try {
    parseIdentifier(value)
    return true
  } catch {
    return false
  }
}
