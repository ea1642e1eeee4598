import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import { callHost, forbidden } from './decision.ts'

/**
 * Whether the request may be made with this token: only `true` is a yes. For what no rule can say: a policy decision
 * point, a look-up. It is asked last, and before a body is read.
 */
export type Policy<Request> = (accessToken: AccessToken, request: Request) => MaybePromise<boolean>

/** @param timeoutMs how long the answer may take */
export function refuseByPolicy (
  policy: Policy<never>, accessToken: AccessToken, request: never, timeoutMs: number
): MaybePromise<Decision> {
  return callHost<unknown>(
    () => policy(accessToken, request),
    answer => answer === true ? null : forbidden('FST_OAUTH_POLICY_REFUSED', 'policy_refused'),
    { reason: 'policy_unavailable', timeoutMs })
}
