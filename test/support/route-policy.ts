import type { RouteDefaults, RoutePolicy } from '../../lib/policy/route-policy.ts'
import { compileRoutePolicy } from '../../lib/policy/route-policy.ts'
import type { DpopRequirement } from '../../lib/token/confirmation.ts'
import { createChallenger } from '../../lib/refusal/challenger.ts'

const { defaultChallenges } = createChallenger({ metadataUrl: 'https://h/m', realm: null, errorDescriptions: 'public', dpop: { algorithms: ['ES256'] } })

/** Of a resource without DPoP. */
export const routeDefaults: RouteDefaults = { dpop: 'off', defaultChallenges }

/** The policy of a route with this `config.oauth`, of a resource whose metadata is at `https://h/m`. */
export function policyOf (config?: unknown, dpop: DpopRequirement = 'off'): RoutePolicy {
  return compileRoutePolicy(config, 'GET /', { dpop, defaultChallenges })
}
