import type { FetchLimits } from '../http/limited-fetch.ts'
import type { RefreshRules } from '../http/refreshed.ts'
import type { OAuthResourceServerOptions } from './options.ts'

/** How the metadata and keys of the issuers are looked up. */
export interface DiscoveryRules {
  readonly limits: FetchLimits
  readonly metadata: RefreshRules
  readonly keys: RefreshRules
}

export function resolveDiscovery ({ discovery = {} }: OAuthResourceServerOptions): DiscoveryRules {
  const {
    timeoutMs = 5000, maxBytes = 1_048_576, keysMaxAgeSeconds = 600, metadataMaxAgeSeconds = 3600,
    unknownKeyCooldownSeconds = 30, retryAfterSeconds = 5, maxStaleSeconds = 86_400
  } = discovery
  const rules = (defaultAgeSeconds: number): RefreshRules => Object.freeze({
    minAgeMs: 60_000,
    maxAgeMs: 86_400_000,
    defaultAgeMs: defaultAgeSeconds * 1000,
    coolDownMs: unknownKeyCooldownSeconds * 1000,
    retryAfterMs: retryAfterSeconds * 1000,
    maxStaleMs: maxStaleSeconds * 1000
  })
  return Object.freeze({
    limits: Object.freeze({ timeoutMs, maxBytes }),
    metadata: rules(metadataMaxAgeSeconds),
    keys: rules(keysMaxAgeSeconds)
  })
}
