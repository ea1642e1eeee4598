import type { MaybePromise, Decision } from './decision.ts'
import type { RouteReason, UnavailableReason } from '../errors/reasons.ts'
import { callHost, forbidden } from './decision.ts'

export type TenantKind = 'organization' | 'team'

/**
 * Returns the organization, or the team, that a request is about; `null` or undefined for none. It is called before the body
 * is read, so the request has only its parameters, query and headers.
 */
export type TenantOf<Request> = (request: Request) => MaybePromise<string | null | undefined>

/** `any`: tokens of every tenant pass. `null`: the request is about no tenant. */
export type TenantRule = TenantOf<never> | 'any' | null

const reasons: Readonly<Record<TenantKind, { missing: RouteReason, foreign: RouteReason, unavailable: UnavailableReason }>> = {
  organization: { missing: 'organization_missing', foreign: 'organization_foreign', unavailable: 'organization_unavailable' },
  team: { missing: 'team_missing', foreign: 'team_foreign', unavailable: 'team_unavailable' }
}

/**
 * Refuses a token that is bound to other tenants than that of the request, and every bound token when the tenant of the
 * request is not known. A token that is bound to no tenant passes without a call.
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
