import { describeError } from '../errors/detail.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import type { Verified } from './issuer.ts'
import { refused } from './jwt.ts'
import { askTokenRules } from './token-rules.ts'
import type { TokenCache } from './token-cache.ts'
import { digestOf } from './token-cache.ts'
import type { RoutedToken, TokenRouter } from './token-router.ts'

/** Turns an access token of a request into one that can be believed, or throws. */
export interface AccessTokenVerifier {
  /**
   * Verifies an access token (RFC 9068 section 4). The answer comes without a promise where nothing has to be waited for:
   * the token is remembered, or the keys of its issuer are known, and no store or rule of the host answers with a promise.
   *
   * It does not check scopes: what a token may do is a matter of the route.
   *
   * @throws InvalidTokenError when the token is not acceptable
   * @throws UnavailableError when the check could not be completed
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
  /** `null` for none: a token is then valid until it expires. */
  readonly revocations: RevocationStore | null
  /** How long the store, or a rule of the host, may take to answer. */
  readonly lookupTimeoutMs: number
  /** Is told of tokens that are accepted though they break a rule, as it is not enforced yet. */
  readonly report: (report: RuleReport) => void
}

type MaybePromise<T> = T | Promise<T>

export function createVerifier ({ route, cache, revocations, lookupTimeoutMs, report }: VerifierParts): AccessTokenVerifier {
  const unlessRevoked = (accessToken: AccessToken): MaybePromise<AccessToken> =>
    revocations === null ? accessToken : askRevocations(revocations, accessToken, lookupTimeoutMs)

  const verifyNew = (token: string, digest: string): MaybePromise<AccessToken> => {
    const accept = (verified: Verified, brokenRules: readonly string[]): MaybePromise<AccessToken> => {
      const { accessToken, validity, maxAgeMs } = verified
      for (const rule of brokenRules) report({ rule, accessToken })
      cache?.remember(digest, accessToken, validity, maxAgeMs)
      return unlessRevoked(accessToken)
    }
    return chain(route(token), ({ issuer, jwt }: RoutedToken) => chain(issuer.verify(token, jwt), verified => {
      const { tokenRules } = issuer.expected
      if (tokenRules.length === 0) return accept(verified, verified.brokenRules)
      return askTokenRules(tokenRules, verified.accessToken, lookupTimeoutMs).then(broken => accept(verified, [...verified.brokenRules, ...broken]))
    }))
  }

  return {
    verify (token) {
      const digest = digestOf(token)
      const known = cache?.find(digest)
      return known ? unlessRevoked(known) : verifyNew(token, digest)
    }
  }
}

/** The next step, with a promise only where the step before made one. */
function chain<T extends object, R> (value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** Asked about every token on every request: a token may have been revoked since it was last used. */
function askRevocations (revocations: RevocationStore, accessToken: AccessToken, timeoutMs: number): MaybePromise<AccessToken> {
  const decide = (revoked: unknown): AccessToken => {
    if (revoked === false) return accessToken
    // A non-boolean answer counts as unavailable.
    throw revoked === true
      ? refused('token_revoked', { expected: 'a token that is not revoked', received: 'isRevoked returned true' })
      : revocationsUnavailable(new TypeError(`isRevoked must return a boolean, and returned ${typeof revoked}`))
  }
  let answer: MaybePromise<boolean>
  try {
    answer = revocations.isRevoked(accessToken)
  } catch (error) {
    throw revocationsUnavailable(error)
  }
  if (!isPromise(answer)) return decide(answer)
  return withinTime(answer, timeoutMs).then(decide, (error: unknown) => { throw revocationsUnavailable(error) })
}

function revocationsUnavailable (cause: unknown): UnavailableError {
  return withoutStackTrace(() => new UnavailableError('revocations_unavailable', 5, cause, {
    expected: 'an answer of the revocation store', received: describeError(cause)
  }))
}
