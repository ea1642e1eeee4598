import type { AccessToken } from '../token/access-token.ts'
import { checkImpersonation } from './impersonation.ts'

type MaybePromise<T> = T | Promise<T>

/** How to find out who sits there. */
export interface ActorTestParts<Request> {
  /** By the session of the request, `null` for nobody. Default: it has none. */
  readonly impersonationOf?: (request: Request) => unknown
  /** By the access token of the request, `null` for nobody. Default: it is not looked at. */
  readonly impersonationOfToken?: (accessToken: AccessToken) => MaybePromise<unknown>
}

/**
 * Makes the test for code that has to know whether a request is a member of staff's, who acts as a customer: by the session
 * or by the access token. Every other way to authenticate is that of whoever it says.
 *
 * The test throws, or rejects, when it could not be found out: no answer, as undefined is, is not a no.
 */
export function createActorTest<Request extends { readonly accessToken?: AccessToken | null }> (
  { impersonationOf, impersonationOfToken }: ActorTestParts<Request>
): (request: Request) => Promise<boolean> {
  return async request => {
    if (impersonationOf !== undefined && checkImpersonation(await impersonationOf(request)) !== null) return true
    const { accessToken = null } = request
    if (accessToken === null || impersonationOfToken === undefined) return false
    const found = await impersonationOfToken(accessToken)
    if (found === undefined) throw new TypeError('impersonationOfToken must return null for nobody')
    return found !== null
  }
}
