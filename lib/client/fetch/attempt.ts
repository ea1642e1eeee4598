import { SessionError } from '../../errors/client-errors.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { Session } from '../session/session.ts'
import { orAborted } from '../session/time-limit.ts'
import type { Classification } from './classify.ts'

/** What it takes to send with the tokens of a session. */
export type AttemptSession = Pick<Session, 'refreshes' | 'token' | 'refresh' | 'refuse'>

/** What only another authorization can give. */
export type AuthorizationNeed = Extract<Classification, { kind: 'authorization_needed' | 'insufficient_scope' | 'step_up' }>

/** An answer, and what it says about the token that was sent. */
export interface Judged<Answer> {
  readonly answer: Answer
  readonly classification: Classification
}

/** Gets another authorization, where that can be done. */
export interface AttemptAuthorization<Answer> {
  /** Authorizations that one request may cause. */
  readonly limit: number
  /** How many there were so far, for whichever request: the one that another request caused meanwhile is used. */
  count (): number
  /** Whether to authorize before the request is sent without a token. */
  comesFirst (): boolean
  /** Whether to authorize for the next request also when this one cannot be sent again. */
  readonly forLaterRequests: boolean
  /**
   * Signs in with another authorization.
   *
   * @param judged `null` before anything was sent
   * @returns whether it did
   */
  run (need: AuthorizationNeed, judged: Judged<Answer> | null): Promise<boolean>
}

export interface AttemptParts<Answer> {
  readonly session: AttemptSession
  /** Whether a proof of possession can be made anew, with another nonce (RFC 9449). */
  readonly canProve: boolean
  /** Of the caller: when it is aborted the caller stops waiting. A refresh that others wait for goes on. */
  readonly signal: AbortSignal | null
  /** Whether the request is sent without a token while nobody is signed in. */
  readonly anonymous: boolean
  /** How often the request may be sent again, beside an answer to a nonce. */
  readonly repeats: number
  readonly authorization: AttemptAuthorization<Answer> | null
  /** @param first the answer to the first attempt, `null` when this is it */
  send (tokens: TokenSet | null, first: Answer | null): Promise<Answer>
  classify (answer: Answer, tokens: TokenSet | null): Judged<Answer> | Promise<Judged<Answer>>
  /** Whether the request can be sent again after this answer: its body is still there, and it was not carried out. */
  mayRepeat (answer: Answer): boolean
  /** The answer is not passed on: its connection is free. */
  discard (answer: Answer): void
}

/** The last answer. */
export interface AttemptResult<Answer> extends Judged<Answer> {
  /** The answer to the first attempt, when this is a later one. */
  readonly first: Answer | null
  /** Why the request was not sent again, where that was tried. */
  readonly failure: { readonly step: 'refresh' | 'authorization', readonly error: unknown } | null
}

/**
 * Sends a request with the token of a session. It judges the answer, refreshes at most once, authorizes as often as it is
 * allowed to, and sends the request again as often as it is allowed to. A nonce for the proof is answered once, again after
 * an authorization, which may take a user minutes.
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

  /** Other tokens than the rejected ones, to send the request with again; `null` to end here. */
  const replace = async (rejected: string, judged: Judged<Answer>, isRepeatable: boolean, authorizationsBefore: number): Promise<TokenSet | null> => {
    if (mayRefresh && repeatsLeft > 0) {
      mayRefresh = false
      const refreshing = session.refresh(rejected)
      if (!isRepeatable) {
        // The next request gets a valid token.
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
    return await authorize({ kind: 'authorization_needed', scopes: null }, judged, isRepeatable, authorizationsBefore)
  }

  const authorize = async (need: AuthorizationNeed, judged: Judged<Answer>, isRepeatable: boolean, authorizationsBefore: number): Promise<TokenSet | null> => {
    if (authorization === null || repeatsLeft === 0) return null
    if (!isRepeatable && !(authorization.forLaterRequests && need.kind !== 'authorization_needed')) return null
    if (authorization.count() === authorizationsBefore) {
      if (authorizationsLeft === 0) return null
      authorizationsLeft--
      try {
        if (!await wait(authorization.run(need, judged))) return null
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
    const judged = await parts.classify(sent, tokens)
    const { answer, classification } = judged
    if (classification.kind === 'ok' || classification.kind === 'refused') return { ...judged, first, failure }

    const isRepeatable = parts.mayRepeat(answer)
    if (classification.kind === 'use_dpop_nonce') {
      if (!mayAnswerNonce || tokens?.tokenType !== 'DPoP' || !isRepeatable) return { ...judged, first, failure }
      mayAnswerNonce = false
      parts.discard(answer)
      continue
    }
    let next: TokenSet | null
    try {
      next = classification.kind === 'invalid_token'
        ? await replace(tokens!.accessToken, judged, isRepeatable, authorizationsBefore)
        : await authorize(classification, judged, isRepeatable, authorizationsBefore)
    } catch (error) {
      parts.discard(answer)
      throw error
    }
    if (next === null) return { ...judged, first, failure }
    parts.discard(answer)
    repeatsLeft--
    first ??= answer
    tokens = next
  }
}

function needsAuthorization (error: unknown): boolean {
  return error instanceof SessionError && error.needsAuthorization
}
