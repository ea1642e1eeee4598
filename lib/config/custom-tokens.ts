import { OptionError } from '../errors/errors.ts'
import { anyFunction, closed, seconds, text } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { CustomTokensSettings, VerifyCustomToken } from '../token/custom-tokens.ts'
import type { ResolvedIssuer } from './issuer.ts'

/** Tokens that this server issues and verifies itself: personal access tokens, API keys. */
export interface CustomTokensOptions {
  /** Their prefix; no other token is passed to `verify`. `''`: every token that is not a JWT and has no other prefix. */
  prefix: string
  /** Returns nothing for an invalid token, which is a 401. If it throws, or returns something else, the response is 503. */
  verify: VerifyCustomToken
  /** `issuer` of their access tokens: the namespace of their subjects. Default: the `resource`. */
  issuer?: string
  /** How long a result is used, in seconds, and never past the token's expiry. Default: 0, each request calls `verify`. */
  cacheSeconds?: number
}

export interface CustomTokensGroup {
  /** Tokens of your own beside those of the issuers, by their prefix. Default: none. */
  customTokens?: readonly CustomTokensOptions[]
}

/** @internal */
export const customTokensSchemas: OptionSchemas<keyof CustomTokensGroup> = optionGroup<CustomTokensGroup>()({
  customTokens: Type.Optional(Type.Array(Type.Object(optionGroup<CustomTokensOptions>()({
    prefix: Type.String(),
    verify: anyFunction,
    issuer: Type.Optional(text),
    cacheSeconds: Type.Optional(seconds)
  }), closed)))
})

/** @throws OptionError */
export function resolveCustomTokens (
  { customTokens = [] }: CustomTokensGroup, resource: string, issuers: readonly ResolvedIssuer[]
): readonly CustomTokensSettings[] {
  const prefixes = new Set(issuers.flatMap(({ introspection }) => introspection?.opaquePrefix ?? []))
  return Object.freeze(customTokens.map(({ prefix, verify, issuer = resource, cacheSeconds = 0 }, index) => {
    if (prefixes.has(prefix)) {
      throw new OptionError(`customTokens[${index}].prefix ${show(prefix)} is already used by an issuer or another entry; tokens are routed by it`)
    }
    prefixes.add(prefix)
    // A user is the pair of issuer and subject: an authorization server's users must not be taken for ours.
    if (issuers.some(({ rule }) => rule.issuer === issuer)) {
      throw new OptionError(`customTokens[${index}].issuer ${show(issuer)} is one of authorizationServers; their users would be taken for yours`)
    }
    return Object.freeze({ issuer, prefix, verify, maxAgeMs: cacheSeconds * 1000 })
  }))
}
