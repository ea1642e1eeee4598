import { LRUCache } from 'lru-cache'
import { OptionError, UnavailableError, withoutStackTrace } from '../errors.ts'
import { parseIdentifier } from '../metadata/identifier.ts'
import { show } from '../options.ts'
import type { Issuer } from '../token/issuer.ts'
import type { IssuerResolver } from '../token/token-router.ts'
import { createIssuer } from './create-issuer.ts'
import type { OAuthConfig } from './resolve.ts'
import { resolveIssuer } from './resolve-issuer.ts'

/** As many issuers are kept; one that is needed again is made again. */
const mostIssuers = 1000
const longestIdentifier = 2048
const retryAfterSeconds = 5

/**
 * Finds issuers by the host's own function, and remembers those that are the host's: an identifier that is none of them
 * leaves nothing behind, as strangers make them up.
 */
export function createIssuerResolver (config: OAuthConfig, find: NonNullable<OAuthConfig['resolveIssuer']>): IssuerResolver {
  const known = new LRUCache<string, Issuer>({ max: mostIssuers })
  return async identifier => {
    const issuer = known.get(identifier)
    if (issuer !== undefined) return issuer
    if (!isIdentifier(identifier)) return null
    try {
      const given = await find(identifier)
      if (given === null || given === undefined) return null
      const resolved = resolveIssuer(given, 'resolveIssuer', config)
      if (resolved.rule.issuer !== identifier) {
        throw new OptionError(`resolveIssuer gave ${show(resolved.rule.issuer)} for ${show(identifier)}`)
      }
      // Two that asked at the same time get the same issuer, with the same keys and caches.
      const made = known.get(identifier) ?? createIssuer(resolved, config)
      known.set(identifier, made)
      return made
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('issuer_unresolvable', retryAfterSeconds, error))
    }
  }
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
