import { OptionError } from '../errors/errors.ts'
import type { CustomTokensSettings } from '../token/custom-tokens.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import type { ResolvedIssuer } from './resolve-issuer.ts'
import { show } from '../options/show.ts'

/** @throws OptionError */
export function resolveCustomTokens (
  { resource, customTokens = [] }: Pick<OAuthResourceServerOptions, 'resource' | 'customTokens'>, issuers: readonly ResolvedIssuer[]
): readonly CustomTokensSettings[] {
  const prefixes = new Set(issuers.flatMap(({ introspection }) => introspection?.opaquePrefix ?? []))
  return Object.freeze(customTokens.map(({ prefix, verify, issuer = resource, cacheSeconds = 0 }, index) => {
    if (prefixes.has(prefix)) throw new OptionError(`customTokens[${index}].prefix ${show(prefix)} belongs to others already`)
    prefixes.add(prefix)
    // Whoever is meant is the pair of issuer and subject: an authorization server's users are not to be taken for ours.
    if (issuers.some(({ rule }) => rule.issuer === issuer)) {
      throw new OptionError(`customTokens[${index}].issuer ${show(issuer)} is one of authorizationServers`)
    }
    return Object.freeze({ issuer, prefix, verify, maxAgeMs: cacheSeconds * 1000 })
  }))
}
