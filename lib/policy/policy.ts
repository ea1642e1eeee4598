import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import { describeValue } from '../errors/detail.ts'
import { askForDecision, forbidden } from './decision.ts'

/**
 * Whether the request is allowed with this token: only `true` allows it. For a policy decision point, or a look-up. It is
 * called last, before the body is read.
 */
export type Policy<Request> = (accessToken: AccessToken, request: Request) => MaybePromise<boolean>

/** @param timeoutMs the time limit of the policy */
export function refuseByPolicy (
  policy: Policy<never>, accessToken: AccessToken, request: never, timeoutMs: number
): MaybePromise<Decision> {
  return askForDecision<unknown>(
    () => policy(accessToken, request),
    answer => answer === true
      ? null
      : forbidden('FST_OAUTH_POLICY_REFUSED', 'policy_refused', { expected: 'the policy returns true', received: `it returned ${describeValue(answer)}` }),
    { reason: 'policy_unavailable', timeoutMs })
}
