import type { FetchLimits } from '../http/limited-fetch.ts'
import type { RefreshSettings } from '../http/refreshing-value.ts'
import { closed, count, seconds, timeoutMs } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

export interface DiscoveryOptions {
  /** How the metadata and keys of the authorization servers are fetched and kept. */
  discovery?: {
    /** The time limit of each request, its body included, in milliseconds. Default: 5000. */
    timeoutMs?: number
    /** Larger responses are refused, in bytes. Default: 1048576. */
    maxBytes?: number
    /**
     * After this time keys are fetched again, in seconds, unless `Cache-Control` of the response says otherwise: it is
     * followed between 60 seconds, or this time where it is shorter, and a day. Default: 600.
     */
    keysMaxAgeSeconds?: number
    /** The same for the metadata of an issuer. Default: 3600. */
    metadataMaxAgeSeconds?: number
    /** An unknown key id causes at most one request in this time, in seconds. Default: 30. */
    unknownKeyCooldownSeconds?: number
    /** A failed request is not repeated within this time, in seconds; it is also `Retry-After` of the 503. Default: 5. */
    retryAfterSeconds?: number
    /** How long the last good keys are used after they should have been fetched again, in seconds. Default: 86400. */
    maxStaleSeconds?: number
  }
}

/** @internal */
export const discoverySchemas: OptionSchemas<keyof DiscoveryOptions> = optionGroup<DiscoveryOptions>()({
  discovery: Type.Optional(Type.Object({
    timeoutMs: Type.Optional(timeoutMs),
    maxBytes: Type.Optional(Type.Integer({ minimum: 1024 })),
    keysMaxAgeSeconds: Type.Optional(count),
    metadataMaxAgeSeconds: Type.Optional(count),
    unknownKeyCooldownSeconds: Type.Optional(count),
    retryAfterSeconds: Type.Optional(count),
    maxStaleSeconds: Type.Optional(seconds)
  }, closed))
})

/** How the metadata and keys of the issuers are looked up. */
export interface DiscoverySettings {
  readonly limits: FetchLimits
  readonly metadata: RefreshSettings
  readonly keys: RefreshSettings
}

export function resolveDiscovery ({ discovery = {} }: DiscoveryOptions): DiscoverySettings {
  const {
    timeoutMs = 5000, maxBytes = 1_048_576, keysMaxAgeSeconds = 600, metadataMaxAgeSeconds = 3600,
    unknownKeyCooldownSeconds = 30, retryAfterSeconds = 5, maxStaleSeconds = 86_400
  } = discovery
  const refreshSettings = (defaultAgeSeconds: number): RefreshSettings => Object.freeze({
    // An age below a minute has to be configured.
    minAgeMs: Math.min(60_000, defaultAgeSeconds * 1000),
    maxAgeMs: 86_400_000,
    defaultAgeMs: defaultAgeSeconds * 1000,
    coolDownMs: unknownKeyCooldownSeconds * 1000,
    retryAfterMs: retryAfterSeconds * 1000,
    maxStaleMs: maxStaleSeconds * 1000
  })
  return Object.freeze({
    limits: Object.freeze({ timeoutMs, maxBytes }),
    metadata: refreshSettings(metadataMaxAgeSeconds),
    keys: refreshSettings(keysMaxAgeSeconds)
  })
}
