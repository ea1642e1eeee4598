import { OptionError } from '../errors/errors.ts'
import type { LiveScopesSettings } from '../metadata/live-scopes.ts'
import { anyFunction, closed, count } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

export interface LiveScopesOptions {
  /**
   * Advertises only the scopes that the authorization server grants now. If the call fails, or returns nothing, all scopes
   * are advertised that would be without this option.
   */
  liveScopes?: {
    /** Returns the scopes that are granted now. */
    source: () => Promise<readonly string[]>
    /** How long its result is used, in seconds. Default: 300. */
    maxAgeSeconds?: number
    /** How long a request for the document waits for it at most, in milliseconds. Default: 1000. */
    timeoutMs?: number
  }
}

/** @internal */
export const liveScopesSchemas: OptionSchemas<keyof LiveScopesOptions> = optionGroup<LiveScopesOptions>()({
  liveScopes: Type.Optional(Type.Object({
    source: anyFunction,
    maxAgeSeconds: Type.Optional(count),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 }))
  }, closed))
})

/**
 * `null`: the authorization server is not asked.
 *
 * @param scopesAreSigned whether the metadata is signed, so that its scopes cannot change
 * @throws OptionError
 */
export function resolveLiveScopes ({ liveScopes }: LiveScopesOptions, retryAfterMs: number, scopesAreSigned: boolean): LiveScopesSettings | null {
  if (liveScopes === undefined) return null
  if (scopesAreSigned) throw new OptionError('metadata.signed_metadata and liveScopes contradict each other: signed scopes cannot change; remove one')
  const { source, maxAgeSeconds = 300, timeoutMs = 1000 } = liveScopes
  return Object.freeze({ source, maxAgeMs: maxAgeSeconds * 1000, timeoutMs, retryAfterMs })
}
