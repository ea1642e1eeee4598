import { OptionError } from '../errors.ts'
import { show } from '../options.ts'
import type { OwnTokensRule } from '../token/own-tokens.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import type { ResolvedIssuer } from './resolve-issuer.ts'

/** @throws OptionError */
export function resolveOwnTokens (
  { resource, ownTokens = [] }: Pick<OAuthResourceServerOptions, 'resource' | 'ownTokens'>, issuers: readonly ResolvedIssuer[]
): readonly OwnTokensRule[] {
  const prefixes = new Set(issuers.flatMap(({ introspection }) => introspection?.opaquePrefix ?? []))
  return Object.freeze(ownTokens.map(({ prefix, verify, issuer = resource, cacheSeconds = 0 }, index) => {
    if (prefixes.has(prefix)) throw new OptionError(`ownTokens.${index}.prefix ${show(prefix)} belongs to others already`)
    prefixes.add(prefix)
    // Whoever is meant is the pair of issuer and subject: an authorization server's users are not to be taken for ours.
    if (issuers.some(({ rule }) => rule.issuer === issuer)) {
      throw new OptionError(`ownTokens.${index}.issuer ${show(issuer)} is one of authorizationServers`)
    }
    return Object.freeze({ issuer, prefix, verify, maxAgeMs: cacheSeconds * 1000 })
  }))
}
