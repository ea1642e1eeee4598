import type { AccessToken } from '../token/access-token.ts'
import { callHost } from '../time-limit.ts'
import { checkImpersonation } from './impersonation.ts'

type MaybePromise<T> = T | Promise<T>

/** How a request is found to be an impersonator's. */
export interface ActorTestParts<Request> {
  /** By the session of the request, `null` for a user who acts for themselves. Default: it has none. */
  readonly impersonationOf?: (request: Request) => unknown
  /** By the access token of the request, `null` for one that is not impersonated. Default: it is not looked at. */
  readonly impersonationOfToken?: (accessToken: AccessToken) => MaybePromise<unknown>
  /** How long each function may take, in milliseconds. Default: 2000. */
  readonly timeoutMs?: number
}

/**
 * Makes the test for code that has to know whether a request comes from a member of staff who acts as a customer: by the
 * session or by the access token. Requests that authenticate in any other way are never an impersonator's.
 *
 * The test rejects when a function throws, takes too long, or returns `undefined`: no answer is not a no.
 */
export function createActorTest<Request extends { readonly accessToken?: AccessToken | null }> (
  { impersonationOf, impersonationOfToken, timeoutMs = 2000 }: ActorTestParts<Request>
): (request: Request) => Promise<boolean> {
  return async request => {
    if (impersonationOf !== undefined && checkImpersonation(await callHost(timeoutMs, () => impersonationOf(request))) !== null) return true
    const { accessToken = null } = request
    if (accessToken === null || impersonationOfToken === undefined) return false
    const found = await callHost(timeoutMs, () => impersonationOfToken(accessToken))
    if (found === undefined) throw new TypeError('impersonationOfToken must return null for nobody, got undefined')
    return found !== null
  }
}
