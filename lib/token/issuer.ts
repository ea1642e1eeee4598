import type { Clock } from '../clock.ts'
import type { AccessToken } from './access-token.ts'
import { checks } from './checks.ts'
import type { Claims } from './claim-path.ts'
import { accessTokenFrom } from './from-claims.ts'
import type { Introspector } from './introspector.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { ExpectedToken } from './expected-token.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'
import { runChecks } from './run-checks.ts'
import type { CacheValidity } from './token-cache.ts'
import { alwaysCurrent } from './token-cache.ts'
import { sharedText } from './token-claims.ts'
import type { StatusLookup } from './token-status.ts'

/** An access token that was verified just now, and what that rests on. */
export interface Verified {
  readonly accessToken: AccessToken
  readonly validity: CacheValidity
  /** How long it may be remembered; `undefined` for as long as the cache remembers any. */
  readonly maxAgeMs: number | undefined
  /** Rules that it breaks and that are not enforced yet. */
  readonly brokenRules: readonly string[]
}

/** One trusted issuer. It shares no state with another. */
export interface Issuer {
  readonly expected: Pick<ExpectedToken, 'issuer' | 'tokenRules'> & Partial<Pick<ExpectedToken, 'hints'>>
  /** What opaque tokens of this issuer begin with, `''` for anything; `null` when it issues none. */
  readonly opaquePrefix: string | null
  /**
   * Verifies a token of this issuer, without a promise where nothing has to be waited for.
   *
   * @param jwt the token taken apart, `null` when it is not a JWT
   * @throws InvalidTokenError
   * @throws UnavailableError
   */
  verify (token: string, jwt: UnverifiedJwt | null): Verified | Promise<Verified>
}

/**
 * An issuer of JWTs that are verified here (RFC 9068 section 4).
 *
 * @param status `null`: the status of its tokens is not looked up
 */
export function createJwtIssuer (expected: ExpectedToken, keys: IssuerKeys, clock: Clock, status: StatusLookup | null = null): Issuer {
  return {
    expected,
    opaquePrefix: null,
    verify (_token, jwt) {
      if (jwt === null) throw refused('token_malformed')
      const now = clock.now() / 1000
      const brokenRules: string[] = []
      runChecks(checks, { jwt, expected, now, brokenRules })
      const finish = (validity: CacheValidity): Verified =>
        ({ accessToken: accessTokenFrom(withSharedTexts(jwt.claims), expected), validity, maxAgeMs: undefined, brokenRules })
      const signed = (validity: CacheValidity): Verified | Promise<Verified> => {
        if (status === null || (jwt.claims.status === undefined && !status.required)) return finish(validity)
        // Last: no list is fetched for a token that is refused anyway (Token Status List section 8.3).
        const found = status.check(jwt.claims)
        return 'then' in found ? found.then(one => finish(bothOf(validity, one))) : finish(bothOf(validity, found))
      }
      const validity = keys.verifySignature(jwt)
      return 'then' in validity ? validity.then(signed) : signed(validity)
    }
  }
}

/** Claims that are texts and alike in most tokens of an issuer. */
const repeatedClaims = ['iss', 'aud', 'client_id', 'azp', 'scope']

/** The claims of a token that may be remembered, and is then one of many. */
function withSharedTexts (claims: Record<string, unknown>): Claims {
  for (const name of repeatedClaims) {
    const value = claims[name]
    if (typeof value === 'string') claims[name] = sharedText(value)
  }
  return claims
}

function bothOf (one: CacheValidity, other: CacheValidity): CacheValidity {
  if (other === alwaysCurrent) return one
  return { isCurrent: () => one.isCurrent() && other.isCurrent() }
}

/** An issuer that is asked about its tokens, JWTs or not (RFC 7662). */
export function createIntrospectionIssuer (
  expected: ExpectedToken, introspector: Introspector, opaquePrefix: string | null, maxAgeMs: number
): Issuer {
  return {
    expected,
    opaquePrefix,
    async verify (token) {
      return { maxAgeMs, ...await introspector.introspect(token), validity: alwaysCurrent }
    }
  }
}
