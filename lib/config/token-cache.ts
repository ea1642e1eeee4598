import { closed, count } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { TokenCacheSettings } from '../token/token-cache.ts'

export interface TokenCacheOptions {
  /** The cache of verified tokens; `false` turns it off. */
  tokenCache?: false | {
    /** How many tokens are kept. Default: 10000. */
    maxEntries?: number
    /**
     * How much memory they may take, in bytes, by the length of the tokens: an entry counts as two bytes for each character.
     * Default: 67108864 (64 MiB).
     */
    maxBytes?: number
    /** How long a token is accepted without being verified again, in seconds, and never past its expiry. Default: 60. */
    maxAgeSeconds?: number
  }
}

/** @internal */
export const tokenCacheSchemas: OptionSchemas<keyof TokenCacheOptions> = optionGroup<TokenCacheOptions>()({
  tokenCache: Type.Optional(Type.Union([
    Type.Literal(false),
    Type.Object({ maxEntries: Type.Optional(count), maxBytes: Type.Optional(count), maxAgeSeconds: Type.Optional(count) }, closed)
  ]))
})

/** `null`: verified tokens are not kept. */
export function resolveTokenCache ({ tokenCache = {} }: TokenCacheOptions): TokenCacheSettings | null {
  if (tokenCache === false) return null
  const { maxEntries = 10_000, maxBytes = 2 ** 26, maxAgeSeconds = 60 } = tokenCache
  return Object.freeze({ maxEntries, maxBytes, maxAgeMs: maxAgeSeconds * 1000 })
}
