import type { Clock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'
import { checks } from './checks.ts'
import { accessTokenFrom } from './from-claims.ts'
import type { Issuer } from './issuer.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { parseJwt, refused } from './jwt.ts'
import type { TokenCache } from './token-cache.ts'

/** Turns the credentials of a request into an access token that is to be believed, or throws. */
export interface AccessTokenVerifier {
  /**
   * Verifies an access token (RFC 9068 section 4). The answer comes at once, without a promise, where the token is known.
   *
   * It does not check scopes: what a token may do is a matter of the route.
   *
   * @throws InvalidTokenError when the token is bad
   * @throws UnavailableError when that could not be found out
   */
  verify (token: string): AccessToken | Promise<AccessToken>
}

export interface VerifierParts {
  readonly issuers: readonly Issuer[]
  /** `null` for none. */
  readonly cache: TokenCache | null
  readonly clock: Clock
}

export function createVerifier ({ issuers, cache, clock }: VerifierParts): AccessTokenVerifier {
  const byIdentifier = new Map(issuers.map(issuer => [issuer.rule.issuer, issuer]))
  const areKnownKeys = (basis: object): boolean => issuers.some(issuer => issuer.keys === basis)

  const finish = async (jwt: UnverifiedJwt, issuer: Issuer): Promise<AccessToken> => {
    const keys = await issuer.verifySignature(jwt)
    const accessToken = accessTokenFrom(jwt.claims, issuer.rule)
    cache?.remember(jwt.compact, accessToken, keys)
    return accessToken
  }

  return {
    verify (token) {
      const known = cache?.find(token, areKnownKeys)
      if (known) return known
      const jwt = parseJwt(token)
      // The issuer is believed only in so far as it is one of ours: an unknown one causes no request (RFC 8725 section 3.10).
      const issuer = byIdentifier.get(jwt.claims.iss as string)
      if (issuer === undefined) throw refused('issuer_unknown')
      const now = clock.now() / 1000
      for (const check of checks) check({ jwt, rule: issuer.rule, now })
      return finish(jwt, issuer)
    }
  }
}
