import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import { callHost, forbidden } from './decision.ts'

/**
 * Whether the request may be made with this token: anything but `true` refuses it. For decisions that the other options cannot
 * express, such as a call to a policy decision point. It is called after all other checks, and before the body is read.
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
