import { anyFunction, timeoutMs, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { Policy } from '../policy/policy.ts'
import type { TenantOf } from '../policy/tenancy.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'

/**
 * Functions and stores of the host that are called for requests.
 *
 * @template Request what the web framework calls a request
 */
export interface HostFunctionOptions<Request> {
  /** Tokens and grants that were revoked before they expired; looked up for every request. Default: none. */
  revocations?: RevocationStore
  /**
   * The organization that a request is about, for routes without `organization`. A token that is bound to organizations is
   * refused where neither says which, unless the route sets `anyOrganization`. Default: none.
   */
  organizationOf?: TenantOf<Request>
  /** The same for tokens that are bound to teams, with `team` and `anyTeam`. */
  teamOf?: TenantOf<Request>
  /** Called for every request with an access token, after the policy of its route: only `true` allows the request. Default: none. */
  policy?: Policy<Request>
  /**
   * The time limit of each call, in milliseconds: of `revocations`, `resolveIssuer`, `customTokens`, `tokenRules`,
   * `organizationOf`, `teamOf`, `policy`, their like on routes, and the sessions of `mcp`. On timeout the response is 503;
   * the pending call is not cancelled. Default: 5000.
   */
  lookupTimeoutMs?: number
}

/** @internal */
export const hostFunctionSchemas: OptionSchemas<keyof HostFunctionOptions<never>> = optionGroup<HostFunctionOptions<never>>()({
  revocations: Type.Optional(typed<RevocationStore>(Type.Object({ isRevoked: anyFunction }))),
  organizationOf: Type.Optional(anyFunction),
  teamOf: Type.Optional(anyFunction),
  policy: Type.Optional(anyFunction),
  lookupTimeoutMs: Type.Optional(timeoutMs)
})

export interface HostFunctionSettings {
  /** `null`: a token is accepted until it expires. */
  readonly revocations: RevocationStore | null
  /** For routes that do not say; `null`: tokens bound to organizations are refused there. */
  readonly organizationOf: TenantOf<never> | null
  readonly teamOf: TenantOf<never> | null
  readonly policy: Policy<never> | null
  readonly lookupTimeoutMs: number
}

export function resolveHostFunctions (
  { revocations, organizationOf, teamOf, policy, lookupTimeoutMs = 5000 }: HostFunctionOptions<never>
): HostFunctionSettings {
  return {
    revocations: revocations ?? null,
    organizationOf: organizationOf ?? null,
    teamOf: teamOf ?? null,
    policy: policy ?? null,
    lookupTimeoutMs
  }
}
