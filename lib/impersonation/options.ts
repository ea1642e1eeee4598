import type { Clock } from '../clock.ts'
import type { GrantAccess, OrganizationDirectory } from '../stores/organizations/organization-directory.ts'
import type { Impersonation } from './impersonation.ts'
import type { ReadOnlyScopes } from './narrow.ts'
import type { ImpersonationRecord } from './record.ts'
import { checkOptions } from '../options/check-options.ts'
import { Type } from '../options/type.ts'

export type MaybePromise<T> = T | Promise<T>

/** What a grant gives access to, by the request that would make it; nothing for everything of the customer. */
export type AccessOf<Request> = (request: Request) => MaybePromise<GrantAccess | null | undefined>

/**
 * The guard on impersonated grants. An impersonator is a member of staff, the actor of RFC 8693, who acts as a customer, the
 * subject.
 *
 * @template Request what the web framework calls a request
 */
export interface ImpersonationGuardOptions<Request> {
  /** Knows the organizations and their approvals. */
  directory: OrganizationDirectory
  /**
   * Who impersonates whom in this request, from the session that the server itself keeps; `null` for a customer who acts for
   * themselves. `undefined` is no answer: the check could not be completed, and the response is 503.
   */
  impersonationOf: (request: Request) => MaybePromise<Impersonation | null>
  /** What the grant gives access to, for routes that do not say. Default: everything the customer belongs to. */
  accessOf?: AccessOf<Request>
  /** The client that the grant is for, for the audit and the record. The decision does not depend on it. Default: it is not said. */
  clientOf?: (request: Request) => MaybePromise<string | null | undefined>
  /**
   * Whether the session that a grant was made in still goes on. It is called with the saved record at the steps `exchange` and
   * `refresh`, where no session is at hand; only `true` continues. Default: it goes on until `endsAt`.
   */
  recordIsActive?: (record: ImpersonationRecord) => MaybePromise<boolean>
  /** The scopes that only read, for sessions that only read. Default: none does. */
  readOnlyScopes?: ReadOnlyScopes
  /** How long each look-up may take, in milliseconds: the directory, and each function of yours. Default: 2000. */
  timeoutMs?: number
  /**
   * Every route that makes grants, as in `POST /consent`: the server does not start when one of them does not exist or has no
   * `config.impersonationGuard`. Default: none is known.
   */
  grantRoutes?: readonly string[]
  /** The clock to use. Default: the `clock` of the resource server, if the guard is registered inside one; else the system clock. */
  clock?: Clock
}

const anyFunction = Type.Function([], Type.Unknown())
const optionsSchema = Type.Object({
  directory: Type.Object({ report: anyFunction }),
  impersonationOf: anyFunction,
  accessOf: Type.Optional(anyFunction),
  clientOf: Type.Optional(anyFunction),
  recordIsActive: Type.Optional(anyFunction),
  readOnlyScopes: Type.Optional(Type.Union([Type.Array(Type.String({ minLength: 1 })), anyFunction])),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  grantRoutes: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]+ /' }))),
  clock: Type.Optional(Type.Object({ now: anyFunction }))
}, { additionalProperties: false })

/** @throws OptionError */
export function checkGuardOptions<Request> (given: unknown): ImpersonationGuardOptions<Request> {
  return Object.freeze({ ...checkOptions<ImpersonationGuardOptions<Request>>('impersonationGuard', optionsSchema, given) })
}
