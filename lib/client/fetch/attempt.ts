import { SessionError } from '../../errors/client-errors.ts'
import { orAborted } from '../../time-limit.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { Session } from '../session/session.ts'
import type { Classification } from './classify.ts'

/** The part of a session that sends requests with its tokens. */
export type AttemptSession = Pick<Session, 'refreshes' | 'token' | 'refresh' | 'refuse'>

/** A classification that needs another authorization. */
export type AuthorizationNeed = Extract<Classification, { kind: 'authorization_needed' | 'insufficient_scope' | 'step_up' }>

/** A response, and what it says about the token of the request. */
export interface ClassifiedAnswer<Answer> {
  readonly answer: Answer
  readonly classification: Classification
}

/** How another authorization is obtained. */
export interface AttemptAuthorization<Answer> {
  /** The most authorizations that one request may cause. */
  readonly limit: number
  /** The number of authorizations so far, of all requests: an authorization that another request caused meanwhile is used. */
  count (): number
  /** Whether to authorize before the request is sent without a token. */
  comesFirst (): boolean
  /** Whether to authorize for later requests when this request cannot be sent again. */
  readonly forLaterRequests: boolean
  /**
   * Signs in with another authorization.
   *
   * @param classified `null` before anything was sent
   * @returns whether the session has new tokens
   */
  run (need: AuthorizationNeed, classified: ClassifiedAnswer<Answer> | null): Promise<boolean>
}

export interface AttemptParts<Answer> {
  readonly session: AttemptSession
  /** Whether a proof of possession can be made anew, with another nonce (RFC 9449). */
  readonly canProve: boolean
  /** The caller's signal: when it is aborted, only this caller stops waiting. A refresh that other callers share continues. */
  readonly signal: AbortSignal | null
  /** Whether the request is sent without a token while nobody is signed in. */
  readonly anonymous: boolean
  /** How often the request may be sent again, without the repetition for a DPoP nonce. */
  readonly repeats: number
  readonly authorization: AttemptAuthorization<Answer> | null
  /** @param first the response to the first attempt; `null` during the first attempt */
  send (tokens: TokenSet | null, first: Answer | null): Promise<Answer>
  classify (answer: Answer, tokens: TokenSet | null): ClassifiedAnswer<Answer> | Promise<ClassifiedAnswer<Answer>>
  /** Whether the request can be sent again after this response: its body can be repeated, and it was not carried out. */
  mayRepeat (answer: Answer): boolean
  /** Releases the connection of a response that is not returned. */
  discard (answer: Answer): void
}

/** The response to the last attempt. */
export interface AttemptResult<Answer> extends ClassifiedAnswer<Answer> {
  /** The response to the first attempt, if there were several. */
  readonly first: Answer | null
  /** The refresh or authorization that failed, so that the request was not sent again. */
  readonly failure: { readonly step: 'refresh' | 'authorization', readonly error: unknown } | null
}

/**
 * Sends a request with the token of a session, and classifies the response. If the token is invalid, the session refreshes at
 * most once. If that does not help, it authorizes up to `authorization.limit` times. The request is sent again up to `repeats`
 * times. It is also repeated once for a DPoP nonce (RFC 9449 section 9), and once more after each authorization, because the
 * nonce may have expired while the user signed in.
 *
 * A refresh that was due before the request was sent counts as its refresh.
 *
 * @throws SessionError when there is no token to send; the reason of the signal; what `send` and `classify` throw
 */
export async function attempt<Answer> (parts: AttemptParts<Answer>): Promise<AttemptResult<Answer>> {
  const { session, signal, authorization } = parts
  let authorizationsLeft = authorization?.limit ?? 0
  let repeatsLeft = parts.repeats
  let mayAnswerNonce = parts.canProve
  let first: Answer | null = null
  let failure: AttemptResult<Answer>['failure'] = null

  const wait = async <T>(promise: Promise<T>): Promise<T> => signal === null ? await promise : await orAborted(promise, signal)

  const firstTokens = async (): Promise<TokenSet | null> => {
    try {
      return await wait(session.token())
    } catch (error) {
      if (!needsAuthorization(error)) throw error
      if (authorization?.comesFirst() === true) {
        authorizationsLeft--
        if (await wait(authorization.run({ kind: 'authorization_needed', scopes: null }, null))) return await wait(session.token())
      }
      if (parts.anonymous) return null
      throw error
    }
  }

  const refreshesBefore = session.refreshes
  let tokens = await firstTokens()
  let mayRefresh = session.refreshes === refreshesBefore

  /** Tokens to repeat the request with, in place of the rejected ones; `null` to return the response. */
  const replace = async (rejected: string, classified: ClassifiedAnswer<Answer>, isRepeatable: boolean, authorizationsBefore: number): Promise<TokenSet | null> => {
    if (mayRefresh && repeatsLeft > 0) {
      mayRefresh = false
      const refreshing = session.refresh(rejected)
      if (!isRepeatable) {
        // Refreshed in the background, so that the next request has a valid token.
        refreshing.catch(() => {})
        return null
      }
      try {
        return await wait(refreshing)
      } catch (error) {
        signal?.throwIfAborted()
        failure = { step: 'refresh', error }
        if (!needsAuthorization(error)) return null
      }
    } else {
      const current = session.refuse(rejected)
      if (current !== null && isRepeatable && repeatsLeft > 0) return current
    }
    return await authorize({ kind: 'authorization_needed', scopes: null }, classified, isRepeatable, authorizationsBefore)
  }

  const authorize = async (need: AuthorizationNeed, classified: ClassifiedAnswer<Answer>, isRepeatable: boolean, authorizationsBefore: number): Promise<TokenSet | null> => {
    if (authorization === null || repeatsLeft === 0) return null
    if (!isRepeatable && !(authorization.forLaterRequests && need.kind !== 'authorization_needed')) return null
    if (authorization.count() === authorizationsBefore) {
      if (authorizationsLeft === 0) return null
      authorizationsLeft--
      try {
        if (!await wait(authorization.run(need, classified))) return null
      } catch (error) {
        signal?.throwIfAborted()
        failure = { step: 'authorization', error }
        return null
      }
    }
    failure = null
    mayAnswerNonce = parts.canProve
    return isRepeatable ? await wait(session.token()) : null
  }

  for (;;) {
    const authorizationsBefore = authorization?.count() ?? 0
    const sent = await parts.send(tokens, first)
    const classified = await parts.classify(sent, tokens)
    const { answer, classification } = classified
    if (classification.kind === 'ok' || classification.kind === 'refused') return { ...classified, first, failure }

    const isRepeatable = parts.mayRepeat(answer)
    if (classification.kind === 'use_dpop_nonce') {
      if (!mayAnswerNonce || tokens?.tokenType !== 'DPoP' || !isRepeatable) return { ...classified, first, failure }
      mayAnswerNonce = false
      parts.discard(answer)
      continue
    }
    let next: TokenSet | null
    try {
      next = classification.kind === 'invalid_token'
        ? await replace(tokens!.accessToken, classified, isRepeatable, authorizationsBefore)
        : await authorize(classification, classified, isRepeatable, authorizationsBefore)
    } catch (error) {
      parts.discard(answer)
      throw error
    }
    if (next === null) return { ...classified, first, failure }
    parts.discard(answer)
    repeatsLeft--
    first ??= answer
    tokens = next
  }
}

function needsAuthorization (error: unknown): boolean {
  return error instanceof SessionError && error.needsAuthorization
}
