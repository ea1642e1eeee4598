import { describeError } from '../errors/detail.ts'
import { InvalidTokenError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { Introspected } from './from-introspection.ts'
import { accessTokenFromIntrospection } from './from-introspection.ts'
import { createIntrospectionBreaker } from './introspection-breaker.ts'
import type { IntrospectionTarget } from './introspection-request.ts'
import { requestIntrospection, RequestRefusedError } from './introspection-request.ts'
import { refused } from './jwt.ts'
import type { SharedAnswers } from './shared-answers.ts'
import type { NegativeCache } from './token-cache.ts'
import { digestOf } from './token-cache.ts'

export interface IntrospectionSource extends IntrospectionTarget {
  readonly refusedTokens: NegativeCache | null
  /** `null`: this server shares no answers with others. */
  readonly sharedAnswers: SharedAnswers | null
  /** As many tokens may be asked about at the same time; strangers make up as many tokens as they like. */
  readonly maxConcurrent: number
  readonly retryAfterMs: number
}

export interface Introspector {
  /**
   * Asks the issuer about a token. Callers with the same token at the same time share one request.
   *
   * @throws InvalidTokenError when the issuer does not accept it
   * @throws UnavailableError when the issuer could not be asked
   */
  introspect (token: string): Promise<Introspected>
}

export function createIntrospector (source: IntrospectionSource): Introspector {
  const { expected, refusedTokens, sharedAnswers, maxConcurrent, retryAfterMs, clock } = source
  const underWay = new Map<string, Promise<Introspected>>()
  const breaker = createIntrospectionBreaker(retryAfterMs, clock)

  const ask = async (token: string, digest: string): Promise<Introspected> => {
    const askedAt = clock.now()
    try {
      const members = await requestIntrospection(token, source)
      // A response of the issuer is held to the same rules as the claims of a JWT.
      const introspected = accessTokenFromIntrospection(members, expected, clock.now() / 1000)
      breaker.succeed(digest)
      sharedAnswers?.share(token, members, introspected, askedAt)
      return introspected
    } catch (error) {
      if (error instanceof InvalidTokenError) {
        breaker.succeed(digest)
        refusedTokens?.remember(digest)
        throw error
      }
      // A request that is refused has an answer: the issuer is up.
      if (error instanceof RequestRefusedError) breaker.succeed(digest)
      else breaker.fail(digest, error)
      throw unavailable(error)
    }
  }

  const unavailable = (cause: unknown): UnavailableError => {
    const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
    return withoutStackTrace(() => new UnavailableError('introspection_unavailable', seconds, cause, {
      expected: `an introspection response of ${expected.issuer}`, received: describeError(cause)
    }))
  }

  const findShared = async (token: string): Promise<Introspected | null> => {
    try {
      return await sharedAnswers!.find(token)
    } catch (error) {
      throw error instanceof InvalidTokenError ? error : unavailable(error)
    }
  }
  const start = async (token: string, digest: string): Promise<Introspected> => {
    // Before the issuer is taken for down: the answer may be there all the same.
    const shared = sharedAnswers === null ? null : await findShared(token)
    if (shared !== null) return shared
    const failure = breaker.failureOf(digest)
    if (failure !== null) throw unavailable(failure.error)
    breaker.start(digest)
    return await ask(token, digest)
  }

  return {
    async introspect (token) {
      const digest = digestOf(token)
      if (refusedTokens?.has(digest) === true) {
        throw refused('token_inactive', { expected: 'a token that the issuer accepts', received: 'a token that was refused a moment ago (refusedCacheSeconds)' })
      }
      const same = underWay.get(digest)
      if (same !== undefined) return await same
      if (underWay.size >= maxConcurrent) throw unavailable(new TooManyRequestsError(maxConcurrent))
      const response = start(token, digest).finally(() => { underWay.delete(digest) })
      underWay.set(digest, response)
      return await response
    }
  }
}

/** The issuer may be up; it was not asked. */
class TooManyRequestsError extends Error {
  constructor (most: number) {
    super(`${most} introspection requests are under way, which is the limit (maxConcurrent)`)
    this.name = 'TooManyRequestsError'
  }
}
