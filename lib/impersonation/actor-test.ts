import type { AccessToken } from '../token/access-token.ts'
import { checkImpersonation } from './impersonation.ts'

type MaybePromise<T> = T | Promise<T>

/** How to find out who sits there. */
export interface ActorTestParts<Request> {
  /** By the session of the request. Default: it has none. */
  readonly impersonationOf?: (request: Request) => unknown
  /** By the access token of the request. Default: it is not looked at. */
  readonly impersonationOfToken?: (accessToken: AccessToken) => MaybePromise<unknown>
}

/**
 * Makes the test for code that has to know whether a request is a member of staff's, who acts as a customer: by the session
 * or by the access token. Every other way to authenticate is that of whoever it says.
 *
 * The test throws, or rejects, when it could not be found out: no answer is not a no.
 */
export function createActorTest<Request extends { readonly accessToken?: AccessToken | null }> (
  { impersonationOf, impersonationOfToken }: ActorTestParts<Request>
): (request: Request) => Promise<boolean> {
  return async request => {
    if (checkImpersonation(await impersonationOf?.(request)) !== null) return true
    const { accessToken = null } = request
    const found = accessToken === null ? null : await impersonationOfToken?.(accessToken)
    return found !== null && found !== undefined
  }
}
