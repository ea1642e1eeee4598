import type { Clock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'
import { checks } from './checks.ts'
import { accessTokenFrom } from './from-claims.ts'
import type { Introspector } from './introspector.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { ExpectedToken } from './expected-token.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'
import type { CacheValidity } from './token-cache.ts'

/** An access token that was verified just now, and what that rests on. */
export interface Verified {
  readonly accessToken: AccessToken
  readonly basis: CacheValidity
  /** How long it may be remembered; `undefined` for as long as any. */
  readonly maxAgeMs: number | undefined
  /** Rules that it breaks and that are not enforced yet. */
  readonly brokenRules: readonly string[]
}

/** One trusted issuer. Nothing of it is shared with another. */
export interface Issuer {
  readonly rule: Pick<ExpectedToken, 'issuer' | 'tokenRules'>
  /** What opaque tokens of this issuer begin with, `''` for anything; `null` when it issues none. */
  readonly opaquePrefix: string | null
  /**
   * Verifies a token of this issuer.
   *
   * @param jwt the token taken apart, `null` when it is no JWT
   * @throws InvalidTokenError
   * @throws UnavailableError
   */
  verify (token: string, jwt: UnverifiedJwt | null): Promise<Verified>
}

/** An issuer of JWTs that are checked here (RFC 9068 section 4). */
export function createJwtIssuer (rule: ExpectedToken, keys: IssuerKeys, clock: Clock): Issuer {
  const finish = async (jwt: UnverifiedJwt, brokenRules: readonly string[]): Promise<Verified> => {
    const basis = await keys.verifySignature(jwt)
    return { accessToken: accessTokenFrom(jwt.claims, rule), basis, maxAgeMs: undefined, brokenRules }
  }
  return {
    rule,
    opaquePrefix: null,
    verify (_token, jwt) {
      if (jwt === null) throw refused('token_malformed')
      const now = clock.now() / 1000
      const brokenRules: string[] = []
      for (const check of checks) check({ jwt, rule, now, brokenRules })
      return finish(jwt, brokenRules)
    }
  }
}

/** An issuer that is asked about its tokens, be they JWTs or not (RFC 7662). */
export function createIntrospectionIssuer (
  rule: ExpectedToken, introspector: Introspector, opaquePrefix: string | null, maxAgeMs: number
): Issuer {
  // What the issuer said does not stop to hold, it gets old.
  const basis: CacheValidity = { isCurrent: () => true }
  return {
    rule,
    opaquePrefix,
    async verify (token) {
      return { ...await introspector.introspect(token), basis, maxAgeMs }
    }
  }
}
