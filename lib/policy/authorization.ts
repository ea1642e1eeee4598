import type { Clock } from '../clock.ts'
import { InsufficientAuthenticationError, InsufficientScopeError, withoutStackTrace } from '../errors/errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { refuseActor } from './actors.ts'
import type { AuthorizationDetailsConfig } from './authorization-details.ts'
import { refuseByDetails } from './authorization-details.ts'
import type { Decision, MaybePromise } from './decision.ts'
import type { Policy } from './policy.ts'
import { refuseByPolicy } from './policy.ts'
import type { RoutePolicy } from './route-policy.ts'
import type { ScopeImplies, ScopeRequirement } from './scopes.ts'
import { isSatisfied, scopeDetail, scopesToAskFor } from './scopes.ts'
import type { StepUp } from './step-up.ts'
import { isAuthenticatedAs, stepUpDetail } from './step-up.ts'
import type { TenantOf } from './tenancy.ts'
import { refuseForeignTenant } from './tenancy.ts'

/** The part of the configuration that applies to every route. */
export interface AuthorizationConfig extends SufficiencyConfig, AuthorizationDetailsConfig {
  /** For routes that set none; `null` for none. */
  readonly organizationOf: TenantOf<never> | null
  readonly teamOf: TenantOf<never> | null
  /** `null` for none. */
  readonly policy: Policy<never> | null
}

/** The input of a decision about a request. */
export interface AuthorizationInput {
  readonly policy: RoutePolicy
  readonly accessToken: AccessToken
  readonly config: AuthorizationConfig
  /** Passed on to the functions of the host. */
  readonly request: never
}

/** `null` when a check does not apply. Most routes and tokens need only one or two checks, so no function is called for the others. */
type Check = (input: AuthorizationInput) => MaybePromise<Decision>

/**
 * The checks in their order, for a token that is valid: first what the client can change by another authorization, then the
 * claims of the token, then checks that may need a look-up.
 */
const checks: readonly Check[] = [
  ({ policy, accessToken, config }) => policy.scopes === null && policy.stepUp === null ? null : checkScopesAndStepUp(policy, accessToken, config),
  ({ policy, accessToken }) => policy.actors === 'any' ? null : refuseActor(policy.actors, accessToken),
  ({ policy, accessToken: { organizations }, config, request }) => organizations === null
    ? null
    : refuseForeignTenant('organization', organizations, policy.organization ?? config.organizationOf, request, config.lookupTimeoutMs),
  ({ policy, accessToken: { teams }, config, request }) => teams === null
    ? null
    : refuseForeignTenant('team', teams, policy.team ?? config.teamOf, request, config.lookupTimeoutMs),
  ({ policy: { authorizationDetails }, accessToken, config, request }) => authorizationDetails === null
    ? null
    : refuseByDetails(authorizationDetails, accessToken, config, request),
  ({ accessToken, config: { policy, lookupTimeoutMs }, request }) => policy === null ? null : refuseByPolicy(policy, accessToken, request, lookupTimeoutMs),
  ({ policy: { policy }, accessToken, config, request }) => policy === null ? null : refuseByPolicy(policy, accessToken, request, config.lookupTimeoutMs)
]

/**
 * Decides about a request with a valid access token by the policy of its route. The first check that refuses decides.
 * There is a promise only where a function of the host made one.
 */
export function checkPolicy (input: AuthorizationInput): MaybePromise<Decision> {
  for (let index = 0; index < checks.length; index++) {
    const decision = checks[index]!(input)
    if (decision === null) continue
    return decision instanceof Promise ? checkFurther(decision, checks.slice(index + 1), input) : decision
  }
  return null
}

async function checkFurther (pending: Promise<Decision>, rest: readonly Check[], input: AuthorizationInput): Promise<Decision> {
  let decision = await pending
  for (const check of rest) {
    if (decision !== null) break
    decision = await check(input)
  }
  return decision
}

/** The part of a policy that a client can satisfy by sending the user to the authorization server. */
export interface Sufficiency {
  readonly scopes: ScopeRequirement | null
  readonly stepUp: StepUp | null
}

export interface SufficiencyConfig {
  readonly scopeImplies: ScopeImplies | null
  readonly clockToleranceSeconds: number
  readonly clock: Clock
}

type Token = Pick<AccessToken, 'scopes' | 'authenticationContext' | 'authenticatedAt'>

/**
 * Refuses a token that another authorization of the user would make sufficient. Step-up and scopes are in one refusal, so
 * that the user is asked once (RFC 9470 section 3).
 */
export function checkScopesAndStepUp ({ scopes, stepUp }: Sufficiency, accessToken: Token, config: SufficiencyConfig): Decision {
  const missing = scopes !== null && !isSatisfied(scopes, accessToken.scopes, config.scopeImplies) ? scopesToAskFor(scopes) : null
  if (stepUp !== null && !isAuthenticatedAs(stepUp, accessToken, config.clock.now() / 1000, config.clockToleranceSeconds)) {
    return withoutStackTrace(() => new InsufficientAuthenticationError({ ...stepUp, requiredScopes: missing ?? [] }, stepUpDetail(stepUp, accessToken)))
  }
  return missing === null ? null : withoutStackTrace(() => new InsufficientScopeError(missing, scopeDetail(scopes!, accessToken.scopes)))
}
