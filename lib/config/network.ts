import type { Clock, TestOptions } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import { anyFunction, clock } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

/** How this server reaches the authorization servers. */
export interface NetworkOptions {
  /** Makes the outgoing requests: for metadata, keys and introspection. Default: the global `fetch`. */
  fetch?: Fetch
  /**
   * For development in containers or in a local network: accepts `http:` URLs of any host for the resource, the issuers and
   * their endpoints. Tokens, keys and client secrets then travel unencrypted, and an attacker who changes them on the way
   * can sign in as anyone: the server warns about it at each start. Without it, `http:` is accepted for loopback hosts only.
   * Default: false.
   */
  allowInsecureHttp?: boolean
}

/** @internal */
export const networkSchemas: OptionSchemas<keyof NetworkOptions | keyof TestOptions> = optionGroup<NetworkOptions & TestOptions>()({
  fetch: Type.Optional(anyFunction),
  allowInsecureHttp: Type.Optional(Type.Boolean()),
  clock: Type.Optional(clock)
})

export interface NetworkSettings {
  readonly fetch: Fetch
  readonly allowInsecureHttp: boolean
  readonly clock: Clock
}

export function resolveNetwork (options: NetworkOptions & TestOptions, warnings: string[]): NetworkSettings {
  const { allowInsecureHttp = false } = options
  if (allowInsecureHttp) {
    warnings.push('allowInsecureHttp is on: tokens, keys and secrets travel unencrypted and can be replaced on the way; use it for development only')
  }
  return {
    // Looked up per call, as tests and instrumentation replace it.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    allowInsecureHttp,
    clock: options.clock ?? systemClock
  }
}
