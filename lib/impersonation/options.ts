import Type from 'typebox'
import * as Value from 'typebox/value'
import { OptionError } from '../errors.ts'
import { explain } from '../options.ts'
import type { GrantReach, OrganizationDirectory } from '../stores/organization-directory.ts'
import type { Impersonation } from './judge.ts'

type MaybePromise<T> = T | Promise<T>

/** What a grant is about to reach, found out from the request that would make it; nothing for everything. */
export type ReachOf<Request> = (request: Request) => MaybePromise<GrantReach | null | undefined>

/**
 * The guard on impersonated grants.
 *
 * @template Request what the web framework calls a request
 */
export interface ImpersonationGuardOptions<Request> {
  /** Knows the organizations and their approvals. */
  directory: OrganizationDirectory
  /** Who impersonates whom in this request, from the session that the server itself keeps; `null` for nobody. */
  impersonationOf: (request: Request) => MaybePromise<Impersonation | null>
  /** The reach of the grant, for routes that do not say. Default: everything the customer belongs to. */
  reachOf?: ReachOf<Request>
  /** The client that the grant is for, for the audit. It decides nothing. Default: it is not said. */
  clientOf?: (request: Request) => MaybePromise<string | null | undefined>
}

/** What a route that makes grants says about them: `config.impersonationGuard`. */
export interface GuardedRouteOptions<Request> {
  /** The reach of this route's grant. Default: that of the guard's options. */
  reachOf?: ReachOf<Request>
  /** Whether this request would make a grant: `false` for a consent form that was answered with no. Default: it would. */
  when?: (request: Request) => MaybePromise<boolean>
}

const anyFunction = Type.Function([], Type.Unknown())
const closed = { additionalProperties: false }
const optionsSchema = Type.Object({
  directory: Type.Object({ report: anyFunction }),
  impersonationOf: anyFunction,
  reachOf: Type.Optional(anyFunction),
  clientOf: Type.Optional(anyFunction)
}, closed)
const routeSchema = Type.Union([
  Type.Boolean(),
  Type.Object({ reachOf: Type.Optional(anyFunction), when: Type.Optional(anyFunction) }, closed)
])

/** @throws OptionError */
export function checkGuardOptions<Request> (given: unknown): ImpersonationGuardOptions<Request> {
  if (!Value.Check(optionsSchema, given)) throw new OptionError(explain('impersonationGuard', optionsSchema, given))
  return Object.freeze({ ...given }) as unknown as ImpersonationGuardOptions<Request>
}

/**
 * @param route its method and URL, for the message
 * @returns `null` for a route that makes no grants
 * @throws OptionError
 */
export function checkGuardedRoute<Request> (given: unknown, route: string): GuardedRouteOptions<Request> | null {
  if (given === undefined || given === false) return null
  if (!Value.Check(routeSchema, given)) {
    throw new OptionError(explain(`config.impersonationGuard of ${route}`, routeSchema.anyOf[1], given))
  }
  return given === true ? {} : given as GuardedRouteOptions<Request>
}
