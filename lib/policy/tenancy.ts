import type { MaybePromise, Decision } from './decision.ts'
import { describeValue } from '../errors/detail.ts'
import type { RouteReason, UnavailableReason } from '../errors/reasons.ts'
import { askForDecision, forbidden } from './decision.ts'

export type TenantKind = 'organization' | 'team'

/**
 * Returns the organization, or the team, that a request is about; nothing for none. It is called before the body is read:
 * the request has its parameters and its query then.
 */
export type TenantOf<Request> = (request: Request) => MaybePromise<string | null | undefined>

/** `any`: any tenant that a token is bound to. `null`: no function says which tenant a request is about. */
export type TenantRule = TenantOf<never> | 'any' | null

const reasons: Readonly<Record<TenantKind, { missing: RouteReason, foreign: RouteReason, unavailable: UnavailableReason }>> = {
  organization: { missing: 'organization_missing', foreign: 'organization_foreign', unavailable: 'organization_unavailable' },
  team: { missing: 'team_missing', foreign: 'team_foreign', unavailable: 'team_unavailable' }
}

/**
 * Refuses a token that is bound to other tenants than the one the request is about, and a bound token where it is not known
 * which tenant that is. A token that is bound to none is not checked.
 *
 * @param bound the tenants that the token is bound to
 * @param timeoutMs the time limit of the function
 */
export function refuseForeignTenant (
  kind: TenantKind, bound: readonly string[], rule: TenantRule, request: never, timeoutMs: number
): MaybePromise<Decision> {
  if (rule === 'any') return null
  const { missing, foreign, unavailable } = reasons[kind]
  if (rule === null) return refused(missing, kind, bound, `no function says which ${kind} the request is about`)
  return askForDecision<unknown>(() => rule(request), tenant => {
    if (typeof tenant !== 'string' || tenant === '') return refused(missing, kind, bound, `the request is about no ${kind}`)
    return bound.includes(tenant) ? null : refused(foreign, kind, bound, `the request is about ${describeValue(tenant)}`)
  }, { reason: unavailable, timeoutMs })
}

function refused (reason: RouteReason, kind: TenantKind, bound: readonly string[], received: string): Decision {
  return forbidden('FST_OAUTH_TENANT_REFUSED', reason, { expected: `a request about the ${kind} of the token: ${describeValue(bound)}`, received })
}
