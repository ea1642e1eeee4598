import type { Clock } from '../clock.ts'
import { OptionError } from '../errors/errors.ts'
import type { GrantAccess, OrganizationDirectory } from '../stores/organizations/organization-directory.ts'
import type { Impersonation } from './impersonation.ts'
import type { GrantDecision, GrantStep } from './check-grant.ts'
import { isBackChannel } from './check-grant.ts'
import type { ReadOnlyScopes } from './narrow.ts'
import type { RefusalRedirect } from './refusal.ts'
import type { ImpersonationRecord } from './record.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

type MaybePromise<T> = T | Promise<T>

/** What a grant is about to reach, found out from the request that would make it; nothing for everything. */
export type AccessOf<Request> = (request: Request) => MaybePromise<GrantAccess | null | undefined>

/**
 * The guard on impersonated grants.
 *
 * @template Request what the web framework calls a request
 */
export interface ImpersonationGuardOptions<Request> {
  /** Knows the organizations and their approvals. */
  directory: OrganizationDirectory
  /**
   * Who impersonates whom in this request, from the session that the server itself keeps; `null` for nobody. Undefined is no
   * answer, and a no.
   */
  impersonationOf: (request: Request) => MaybePromise<Impersonation | null>
  /** The reach of the grant, for routes that do not say. Default: everything the customer belongs to. */
  reachOf?: AccessOf<Request>
  /** The client that the grant is for, for the audit. It decides nothing. Default: it is not said. */
  clientOf?: (request: Request) => MaybePromise<string | null | undefined>
  /**
   * Whether the session that staff made a grant in still goes on, for the exchange of codes and the refresh, where no session
   * is at hand: only `true` is a yes. Default: it goes on until `endsAt`.
   */
  isAlive?: (impersonation: Impersonation) => MaybePromise<boolean>
  /** The scopes that only read, for sessions that only read. Default: none does. */
  readOnlyScopes?: ReadOnlyScopes
  /** How long each look-up may take, in milliseconds: the directory, and each function of yours. Default: 2000. */
  timeoutMs?: number
  /**
   * Every route that makes grants, as in `POST /consent`: the server does not start when one of them is not there or has no
   * `config.impersonationGuard`. Default: none is known.
   */
  grantRoutes?: readonly string[]
  /** Where the time comes from. Default: that of the configuration, where there is one; else the system. */
  clock?: Clock
}

/** What a route that makes grants says about them: `config.impersonationGuard`. */
export interface GuardedRouteOptions<Request> {
  /** The reach of this route's grant. Default: that of the guard's options. */
  reachOf?: AccessOf<Request>
  /**
   * Whether this request would make a grant: `false` for a consent form that was answered with no. Where it fails, customers
   * proceed and impersonators are refused. Default: it would.
   */
  when?: (request: Request) => MaybePromise<boolean>
  /** How the grant comes about, for the audit; `exchange` and `refresh` need `stampOf`. Default: it is not said. */
  path?: GrantStep | ((request: Request) => GrantStep)
  /**
   * The stamp that was saved with the grant which this request uses again, `null` for a customer's own: the grant is judged
   * by it, and not by what the request says. Undefined is no grant, and refused. Default: the request makes a new grant.
   */
  stampOf?: (request: Request) => MaybePromise<ImpersonationRecord | null>
  /** Is told of a refusal before it is answered, to delete the code or the grant. What it throws is logged. */
  onRefused?: (request: Request, decision: GrantDecision) => MaybePromise<void>
  /** Where to send a refusal to; `null` when the redirect URI of the request is not one of the client's. Default: nowhere. */
  redirectOf?: (request: Request) => MaybePromise<RefusalRedirect | null>
  /**
   * What a refusal says: `access_denied` (default) with 403, or `invalid_grant` with 400, which is what clients know of a token
   * endpoint (RFC 6749 section 5.2).
   */
  refuseWith?: 'access_denied' | 'invalid_grant'
  /** Which access tokens may make a grant, where the route takes one: `direct` (default), of users who act for themselves; or `any`. */
  tokens?: 'direct' | 'any'
}

const anyFunction = Type.Function([], Type.Unknown())
const closed = { additionalProperties: false }
const optionsSchema = Type.Object({
  directory: Type.Object({ report: anyFunction }),
  impersonationOf: anyFunction,
  reachOf: Type.Optional(anyFunction),
  clientOf: Type.Optional(anyFunction),
  isAlive: Type.Optional(anyFunction),
  readOnlyScopes: Type.Optional(Type.Union([Type.Array(Type.String({ minLength: 1 })), anyFunction])),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  grantRoutes: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]+ /' }))),
  clock: Type.Optional(Type.Object({ now: anyFunction }))
}, closed)
const path = Type.Enum(['first-party', 'automatic-approval', 'consent', 'exchange', 'refresh'])
const routeSchema = Type.Union([
  Type.Boolean(),
  Type.Object({
    reachOf: Type.Optional(anyFunction),
    when: Type.Optional(anyFunction),
    path: Type.Optional(Type.Union([path, anyFunction])),
    stampOf: Type.Optional(anyFunction),
    onRefused: Type.Optional(anyFunction),
    redirectOf: Type.Optional(anyFunction),
    refuseWith: Type.Optional(Type.Enum(['access_denied', 'invalid_grant'])),
    tokens: Type.Optional(Type.Enum(['direct', 'any']))
  }, closed)
])

/** @throws OptionError */
export function checkGuardOptions<Request> (given: unknown): ImpersonationGuardOptions<Request> {
  return Object.freeze({ ...checkOptions<ImpersonationGuardOptions<Request>>('impersonationGuard', optionsSchema, given) })
}

/**
 * @param route its method and URL, for the message
 * @returns `null` for a route that makes no grants
 * @throws OptionError
 */
export function checkGuardedRoute<Request> (given: unknown, route: string): GuardedRouteOptions<Request> | null {
  if (given === undefined || given === false) return null
  checkOptions(`config.impersonationGuard of ${route}`, routeSchema, given)
  const options = given === true ? {} : given as GuardedRouteOptions<Request>
  if (options.stampOf === undefined) {
    if (isBackChannel(options.path)) {
      throw new OptionError(`config.impersonationGuard of ${route}.path ${show(options.path)} needs stampOf: there is no session to judge by`)
    }
  } else if (options.reachOf !== undefined) {
    throw new OptionError(`config.impersonationGuard of ${route}: reachOf and stampOf contradict each other, a stamp says what its grant reaches`)
  }
  return options
}
