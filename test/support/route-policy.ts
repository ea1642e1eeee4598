import type { RoutePolicy } from '../../lib/policy/route-policy.ts'
import { compileRoutePolicy } from '../../lib/policy/route-policy.ts'
import { createChallenger } from '../../lib/refusal/challenger.ts'

export const { defaultChallenge } = createChallenger({ metadataUrl: 'https://h/m', realm: null, errorDescriptions: 'public' })

/** The policy of a route with this `config.oauth`, of a resource whose metadata is at `https://h/m`. */
export function policyOf (config?: unknown): RoutePolicy {
  return compileRoutePolicy(config, 'GET /', defaultChallenge)
}
