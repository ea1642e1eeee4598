import type { MaybePromise, Decision } from './decision.ts'
import type { RouteReason, UnavailableReason } from '../errors/reasons.ts'
import { callHost, forbidden } from './decision.ts'

export type TenantKind = 'organization' | 'team'

/**
 * The organization, or the team, that a request is about; nothing for none. It is asked before a body is read: a request
 * has its parameters and its query then, and no more.
 */
export type TenantOf<Request> = (request: Request) => MaybePromise<string | null | undefined>

/** `any`: whichever a token is bound to. `null`: nothing is known to belong to a tenant. */
export type TenantRule = TenantOf<never> | 'any' | null

const reasons: Readonly<Record<TenantKind, { missing: RouteReason, foreign: RouteReason, unavailable: UnavailableReason }>> = {
  organization: { missing: 'organization_missing', foreign: 'organization_foreign', unavailable: 'organization_unavailable' },
  team: { missing: 'team_missing', foreign: 'team_foreign', unavailable: 'team_unavailable' }
}

/**
 * Refuses a token that is bound to other tenants than the one the request is about, and a bound token where nobody says
 * which one that is. A token that is bound to none passes, and nothing is asked about it.
 *
 * @param bound the tenants that the token is bound to
 * @param timeoutMs how long the answer may take
 */
export function refuseForeignTenant (
  kind: TenantKind, bound: readonly string[], rule: TenantRule, request: never, timeoutMs: number
): MaybePromise<Decision> {
  if (rule === 'any') return null
  const { missing, foreign, unavailable } = reasons[kind]
  if (rule === null) return refused(missing)
  return callHost<unknown>(() => rule(request), tenant => {
    if (typeof tenant !== 'string' || tenant === '') return refused(missing)
    return bound.includes(tenant) ? null : refused(foreign)
  }, { reason: unavailable, timeoutMs })
}

function refused (reason: RouteReason): Decision {
  return forbidden('FST_OAUTH_TENANT_REFUSED', reason)
}
