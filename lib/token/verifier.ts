import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import { refused } from './jwt.ts'
import { askTokenRules } from './token-rules.ts'
import type { TokenCache } from './token-cache.ts'
import { digestOf } from './token-digest.ts'
import type { RoutedToken, TokenRouter } from './token-router.ts'

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

/** A rule that a token breaks and that is not enforced yet. */
export interface RuleReport {
  readonly rule: string
  readonly accessToken: AccessToken
}

export interface VerifierParts {
  readonly route: TokenRouter
  /** `null` for none. */
  readonly cache: TokenCache | null
  /** `null` for none: a token is then good until it expires. */
  readonly revocations: RevocationStore | null
  /** How long the store, or a rule of the host's own, may take to answer. */
  readonly lookupTimeoutMs: number
  /** Is told of tokens that are let in though they break a rule, as it is not enforced yet. */
  readonly report: (report: RuleReport) => void
}

export function createVerifier ({ route, cache, revocations, lookupTimeoutMs, report }: VerifierParts): AccessTokenVerifier {
  const unlessRevoked = (accessToken: AccessToken): AccessToken | Promise<AccessToken> =>
    revocations === null ? accessToken : askRevocations(revocations, accessToken, lookupTimeoutMs)
  const finish = async (token: string, digest: string, routed: RoutedToken | Promise<RoutedToken>): Promise<AccessToken> => {
    const { issuer, jwt } = await routed
    const { accessToken, basis, maxAgeMs, brokenRules } = await issuer.verify(token, jwt)
    for (const rule of [...brokenRules, ...await askTokenRules(issuer.rule.tokenRules, accessToken, lookupTimeoutMs)]) report({ rule, accessToken })
    cache?.remember(digest, accessToken, basis, maxAgeMs)
    return await unlessRevoked(accessToken)
  }
  return {
    verify (token) {
      const digest = digestOf(token)
      const known = cache?.find(digest)
      return known ? unlessRevoked(known) : finish(token, digest, route(token))
    }
  }
}

/** Asked about every token on every request: what was good a moment ago may have been revoked since. */
function askRevocations (revocations: RevocationStore, accessToken: AccessToken, timeoutMs: number): AccessToken | Promise<AccessToken> {
  const judge = (revoked: unknown): AccessToken => {
    if (revoked === false) return accessToken
    // Anything but a clear answer is none.
    throw revoked === true ? refused('token_revoked') : revocationsUnavailable(new TypeError('isRevoked gave no boolean'))
  }
  let answer: boolean | Promise<boolean>
  try {
    answer = revocations.isRevoked(accessToken)
  } catch (error) {
    throw revocationsUnavailable(error)
  }
  if (typeof answer === 'boolean') return judge(answer)
  return withinTime(answer, timeoutMs).then(judge, (error: unknown) => { throw revocationsUnavailable(error) })
}

function revocationsUnavailable (cause: unknown): UnavailableError {
  return withoutStackTrace(() => new UnavailableError('revocations_unavailable', 5, cause))
}
