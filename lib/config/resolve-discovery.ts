import type { FetchLimits } from '../http/limited-fetch.ts'
import type { RefreshSettings } from '../http/refreshing-value.ts'
import type { OAuthResourceServerOptions } from './options.ts'

/** How the metadata and keys of the issuers are looked up. */
export interface DiscoverySettings {
  readonly limits: FetchLimits
  readonly metadata: RefreshSettings
  readonly keys: RefreshSettings
}

export function resolveDiscovery ({ discovery = {} }: OAuthResourceServerOptions): DiscoverySettings {
  const {
    timeoutMs = 5000, maxBytes = 1_048_576, keysMaxAgeSeconds = 600, metadataMaxAgeSeconds = 3600,
    unknownKeyCooldownSeconds = 30, retryAfterSeconds = 5, maxStaleSeconds = 86_400
  } = discovery
  const rules = (defaultAgeSeconds: number): RefreshSettings => Object.freeze({
    // An age below a minute has to be asked for.
    minAgeMs: Math.min(60_000, defaultAgeSeconds * 1000),
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
