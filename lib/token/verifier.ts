import { UnavailableError, withoutStackTrace } from '../errors.ts'
import type { RevocationStore } from '../stores/revocation-store.ts'
import type { AccessToken } from './access-token.ts'
import type { Issuer } from './issuer.ts'
import { parseJwt, refused } from './jwt.ts'
import type { TokenCache } from './token-cache.ts'
import type { TokenRouter } from './token-router.ts'

/** Turns the credentials of a request into an access token that is to be believed, or throws. */
export interface AccessTokenVerifier {
  /**
   * Verifies an access token (RFC 9068 section 4). The answer comes at once, without a promise, where the token is known
   * and no revocation store has to be waited for.
   *
   * It does not check scopes: what a token may do is a matter of the route.
   *
   * @throws InvalidTokenError when the token is bad
   * @throws UnavailableError when that could not be found out
   */
  verify (token: string): AccessToken | Promise<AccessToken>
}
