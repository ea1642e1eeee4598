import { OptionError } from '../errors/errors.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { AccessToken } from '../token/access-token.ts'
import { callHost } from '../time-limit.ts'
import type { GrantDecision, GrantStep } from './check-grant.ts'
import { decision, existingGrantSteps, isExistingGrantStep, isNewGrantStep, lookupFailed, newGrantSteps } from './check-grant.ts'
import type { AuditedDecision, ImpersonationGuard } from './guard.ts'
import { describe } from './guard.ts'
import type { AccessOf, MaybePromise } from './options.ts'
import type { ImpersonationRecord } from './record.ts'
import type { GrantRefusal, RefusalRedirect } from './refusal.ts'
import { grantRefusal } from './refusal.ts'
import { createTokenClassifier } from './token-impersonation.ts'

/** `config.impersonationGuard` of a route that issues grants. */
export interface GuardedRouteOptions<Request> {
  /**
   * The step of the grant. `first-party` and `consent` make a new one: the session of the request says who it is.
   * `automatic-approval`, `exchange` and `refresh` use one again, and need `storedRecord`. A function is for a route with
   * several steps of one of the two kinds.
   */
  step: GrantStep | ((request: Request) => MaybePromise<GrantStep>)
  /** What a new grant of this route gives access to. Default: `accessOf` of the guard's options. */
  accessOf?: AccessOf<Request>
  /**
   * The record that was saved with the grant which this request uses again, `null` for a customer's own: the grant is checked
   * by it, and not by what the request says. `undefined` is no grant, and refused.
   */
  storedRecord?: (request: Request) => MaybePromise<ImpersonationRecord | null>
  /**
   * Whether this request would make a grant: `false` for a consent form that was answered with no. Where it fails, customers
   * proceed and impersonators are refused. Default: it would.
   */
  when?: (request: Request) => MaybePromise<boolean>
  /**
   * Is called with a refusal before it is sent, to delete the code or the grant. It is not called when the check could not be
   * completed (503): the client may try again with the same code. What it throws is logged.
   */
  onRefused?: (request: Request, decision: GrantDecision) => MaybePromise<void>
  /** Where to send a refusal to; `null` when the redirect URI of the request is not one of the client's. Default: nowhere. */
  redirectOf?: (request: Request) => MaybePromise<RefusalRedirect | null>
  /**
   * What a refusal says: `access_denied` (default) with 403, or `invalid_grant` with 400, as a token endpoint answers (RFC 6749
   * section 5.2).
   */
  refuseWith?: 'access_denied' | 'invalid_grant'
  /**
   * Which access tokens may make a grant, where the route takes one: `direct` (default), of users who act for themselves; or
   * `any`.
   */
  tokens?: 'direct' | 'any'
}

const anyFunction = Type.Function([], Type.Unknown())
const routeSchema = Type.Object({
  step: Type.Union([Type.Enum([...newGrantSteps, ...existingGrantSteps]), anyFunction]),
  accessOf: Type.Optional(anyFunction),
  storedRecord: Type.Optional(anyFunction),
  when: Type.Optional(anyFunction),
  onRefused: Type.Optional(anyFunction),
  redirectOf: Type.Optional(anyFunction),
  refuseWith: Type.Optional(Type.Enum(['access_denied', 'invalid_grant'])),
  tokens: Type.Optional(Type.Enum(['direct', 'any']))
}, { additionalProperties: false })

/**
 * @param route its method and URL, for the message
 * @returns `null` for a route that makes no grants
 * @throws OptionError
 */
export function checkGuardedRoute<Request> (given: unknown, route: string): GuardedRouteOptions<Request> | null {
  if (given === undefined || given === false) return null
  const name = `config.impersonationGuard of ${route}`
  if ((given as { step?: unknown } | null)?.step === undefined) {
    throw new OptionError(`${name} must be an object that names its step, got ${show(given)}. For a new grant write { step: "consent" }; for a token endpoint { step: "exchange", storedRecord: request => … }`)
  }
  const options = checkOptions<GuardedRouteOptions<Request>>(name, routeSchema, given)
  const { step, storedRecord, accessOf } = options
  if (isExistingGrantStep(step) && storedRecord === undefined) {
    throw new OptionError(`${name}: step ${show(step)} needs storedRecord, a function that reads the record which was saved with the grant`)
  }
  if (isNewGrantStep(step) && storedRecord !== undefined) {
    throw new OptionError(`${name}: step ${show(step)} makes a new grant, which has no storedRecord. Remove it, or set another step`)
  }
  if (accessOf !== undefined && storedRecord !== undefined) {
    throw new OptionError(`${name}: accessOf and storedRecord contradict each other: the stored record says what its grant gives access to`)
  }
  return options
}

/**
 * Decides about a request of a guarded route. Where `when` fails, the request counts as one that makes a grant: a customer
 * proceeds, with the error in the decision, and an impersonator is refused. It never throws.
 *
 * @param accessToken of the request, where the route takes one
 * @param impersonated whether the access token is known to be an impersonated one
 * @returns `null` when the request would make no grant
 */
export async function checkGuardedRequest<Request> (
  guard: ImpersonationGuard<Request>, request: Request, route: GuardedRouteOptions<Request>, accessToken: AccessToken | null, impersonated: boolean
): Promise<AuditedDecision | null> {
  const { timeoutMs } = guard
  const { when, storedRecord, accessOf, tokens } = route
  let unclear: { readonly error: unknown } | null = null
  try {
    if (when !== undefined && await callHost(timeoutMs, () => when(request)) === false) return null
  } catch (error) {
    unclear = { error }
  }
  let step: GrantStep | null = null
  let decided: AuditedDecision
  try {
    const { step: of } = route
    step = typeof of === 'function' ? await callHost(timeoutMs, () => of(request)) : of
    if (tokens !== 'any' && accessToken !== null && !isDirect(accessToken, impersonated)) {
      return describe(decision('token_not_direct', { impersonation: null }), await guard.clientOf(request), step)
    }
    decided = storedRecord === undefined
      ? await guard.checkNewGrantOf(request, { step: step as never, accessOf })
      : await guard.checkExistingGrantOf(request, { step: step as never, storedRecord: await callHost(timeoutMs, () => storedRecord(request)) })
  } catch (error) {
    return describe(lookupFailed(error), await guard.clientOf(request), step)
  }
  if (unclear === null) return decided
  return Object.freeze({ ...decided, ...unclear, ...decided.reason !== 'not_impersonating' && { allowed: false, record: null, reason: 'lookup_failed' } })
}

const marked = createTokenClassifier()

/** Of a user who acts for themselves: a delegate, an impersonator and a client have no right to make a grant for the user. */
function isDirect (accessToken: AccessToken, impersonated: boolean): boolean {
  const { actor, principalType } = accessToken
  return actor === null && principalType === 'user' && !impersonated && marked(accessToken) === null
}

/**
 * Calls what the route says of a refusal, and says how it is answered. Whatever these functions do, the request stays refused.
 *
 * @param onFailure is called with what failed, and its name
 */
export async function refuseGuardedRequest<Request> (
  request: Request, { onRefused, redirectOf, refuseWith = 'access_denied' }: GuardedRouteOptions<Request>, decided: GrantDecision,
  timeoutMs: number, onFailure: (error: unknown, what: 'onRefused' | 'redirectOf') => void
): Promise<GrantRefusal> {
  if (decided.reason !== 'lookup_failed') {
    try {
      await callHost(timeoutMs, () => onRefused?.(request, decided))
    } catch (error) {
      onFailure(error, 'onRefused')
    }
  }
  try {
    const redirect = await callHost(timeoutMs, () => redirectOf?.(request)) ?? null
    if (redirect !== null) return grantRefusal(decided, redirect)
  } catch (error) {
    onFailure(error, 'redirectOf')
  }
  return grantRefusal(decided, { error: refuseWith })
}
