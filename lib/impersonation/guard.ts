import type { GrantDecision, Impersonation } from './judge.ts'
import { judgeGrant, lookupFailed } from './judge.ts'
import type { GuardedRouteOptions, ImpersonationGuardOptions, ReachOf } from './options.ts'

/** Decides about the grants of one authorization server. It never throws: what fails is a no. */
export interface ImpersonationGuard<Request> {
  /** @param reachOf the reach of the grant; default: that of the options, and without one everything */
  judge (request: Request, reachOf?: ReachOf<Request>): Promise<GrantDecision>
  /** @returns `null` when the request would make no grant */
  judgeRoute (request: Request, route: GuardedRouteOptions<Request>): Promise<GrantDecision | null>
  /** Whom the grant is for, for the audit; `null` when the options do not say. */
  clientOf (request: Request): Promise<string | null>
}

export function createImpersonationGuard<Request> (options: ImpersonationGuardOptions<Request>): ImpersonationGuard<Request> {
  const { directory, impersonationOf, reachOf: defaultReachOf, clientOf } = options

  const judge = async (request: Request, reachOf = defaultReachOf): Promise<GrantDecision> => {
    try {
      const impersonation = checkImpersonation(await impersonationOf(request))
      // Customers who act for themselves are not even looked up.
      const reach = impersonation === null ? null : await reachOf?.(request)
      return await judgeGrant(impersonation, reach, directory)
    } catch (error) {
      return lookupFailed(error)
    }
  }

  return {
    judge,
    async judgeRoute (request, { reachOf, when }) {
      try {
        if (when !== undefined && await when(request) === false) return null
      } catch (error) {
        return lookupFailed(error)
      }
      return await judge(request, reachOf)
    },
    async clientOf (request) {
      try {
        const client: unknown = await clientOf?.(request)
        return typeof client === 'string' ? client : null
      } catch {
        // What was decided stands, and is told with what is known.
        return null
      }
    }
  }
}

function checkImpersonation (value: unknown): Impersonation | null {
  if (value === null || value === undefined) return null
  const { staff, customer } = value as Partial<Impersonation>
  if (typeof staff !== 'string' || typeof customer !== 'string') {
    throw new TypeError('impersonationOf must return null or { staff, customer }')
  }
  return { staff, customer }
}
