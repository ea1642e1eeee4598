import type { AccessToken } from '../token/access-token.ts'
import { refuseActor } from './actors.ts'
import type { AuthorizationDetailsConfig } from './authorization-details.ts'
import { refuseByDetails } from './authorization-details.ts'
import type { Policy } from './policy.ts'
import { refuseByPolicy } from './policy.ts'
import type { RoutePolicy } from './route-policy.ts'
import type { SufficiencyConfig } from './scopes-and-step-up.ts'
import { checkScopesAndStepUp } from './scopes-and-step-up.ts'
import type { TenantOf } from './tenancy.ts'
import { refuseForeignTenant } from './tenancy.ts'
import type { MaybePromise, Decision } from './decision.ts'

/** The slice of the configuration that holds for every route. */
export interface AuthorizationConfig extends SufficiencyConfig, AuthorizationDetailsConfig {
  /** For routes that do not say themselves; `null` for none. */
  readonly organizationOf: TenantOf<never> | null
  readonly teamOf: TenantOf<never> | null
  /** `null` for none. */
  readonly policy: Policy<never> | null
}

/** What a request is judged by. */
export interface AuthorizationInput {
  readonly policy: RoutePolicy
  readonly accessToken: AccessToken
  readonly config: AuthorizationConfig
  /** Handed on to the functions of the host, and not looked at. */
  readonly request: never
}

type Check = (input: AuthorizationInput) => MaybePromise<Decision>

/**
 * The checks in their order: first what the client can mend, then what the token says by itself, then what may need a
 * look-up. That the token is valid is known by now.
 */
const checks: readonly Check[] = [
  ({ policy, accessToken, config }) => checkScopesAndStepUp(policy, accessToken, config),
  ({ policy, accessToken }) => refuseActor(policy.actors, accessToken),
  ({ policy, accessToken, config, request }) =>
    refuseForeignTenant('organization', accessToken.organizations, policy.organization ?? config.organizationOf, request, config.lookupTimeoutMs),
  ({ policy, accessToken, config, request }) =>
    refuseForeignTenant('team', accessToken.teams, policy.team ?? config.teamOf, request, config.lookupTimeoutMs),
  ({ policy, accessToken, config, request }) => refuseByDetails(policy.authorizationDetails, accessToken, config, request),
  ({ accessToken, config, request }) => refuseByPolicy(config.policy, accessToken, request, config.lookupTimeoutMs),
  ({ policy, accessToken, config, request }) => refuseByPolicy(policy.policy, accessToken, request, config.lookupTimeoutMs)
]

/**
 * Judges a request with a valid access token by the rule of its route; the first refusal counts. There is a promise only
 * where a function of the host made one.
 */
export function checkPolicy (input: AuthorizationInput): MaybePromise<Decision> {
  for (let index = 0; index < checks.length; index++) {
    const verdict = checks[index]!(input)
    if (verdict === null) continue
    return verdict instanceof Promise ? judgeFurther(verdict, checks.slice(index + 1), input) : verdict
  }
  return null
}

async function judgeFurther (pending: Promise<Decision>, rest: readonly Check[], input: AuthorizationInput): Promise<Decision> {
  let verdict = await pending
  for (const check of rest) {
    if (verdict !== null) break
    verdict = await check(input)
  }
  return verdict
}
