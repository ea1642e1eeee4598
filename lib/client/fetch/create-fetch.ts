import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { Classification } from './classify.ts'
import type { ClientFetch, ClientFetchOptions } from './fetch-options.ts'
import { resolveClientFetchOptions } from './fetch-options.ts'
import { classify, classifyChallenge } from './classify.ts'
import type { FailedAnswer } from '../../errors/client-errors.ts'
import { AnswerError, RequestError, SessionError } from '../../errors/client-errors.ts'
import type { Hop } from './follow-redirects.ts'
import { followRedirects } from './follow-redirects.ts'
import { inspectBody, mediaKindOf } from './inspect-body.ts'
import type { OutgoingRequest } from './outgoing-request.ts'
import { readRequest, urlOf } from './outgoing-request.ts'
import { orAborted } from '../session/time-limit.ts'

const failures = new WeakMap<Response, unknown>()

/**
 * Why the request behind an answer was not made again with another token, where that was tried: a {@link SessionError}, or
 * what `onAuthorizationNeeded` threw. `undefined` where nothing failed.
 */
export function renewalFailureOf (response: Response): unknown {
  return failures.get(response)
}

const verdicts = new WeakMap<Response, Classification>()

/**
 * What an answer was taken to say about the token: what comes of a redirect to somebody else says nothing, whatever its
 * challenge is. `undefined` where the request was none that a token could go with.
 */
export function verdictOf (response: Response): Classification | undefined {
  return verdicts.get(response)
}

/** An answer, and what it says about the token that was sent. */
interface Judged {
  readonly response: Response
  readonly verdict: Classification
  readonly answer: FailedAnswer
}

/**
 * Makes a `fetch` that sends the token of a session. A request whose answer says that the token is dead is made again,
 * once, with another token; the session is asked for one at most once in a request. A request that was answered with a
 * nonce for its proof is made again with that, also once.
 *
 * Answers are passed on as they come: nothing is waited for of an event stream, and no time limit is set on any answer.
 *
 * It throws a {@link RequestError} when no answer came, a {@link SessionError} when there is no token to send, and the
 * reason of the caller's signal when that was aborted.
 *
 * @throws OptionError
 */
export function createFetch (options: ClientFetchOptions): ClientFetch {
  const { session, proof, covers, fetch, classifier, onAuthorizationNeeded, errors, anonymous, limits, looksAtText, replayBytes } = resolveClientFetchOptions(options)

  const send = async (request: OutgoingRequest, tokens: TokenSet | null, first: FailedAnswer | null): Promise<Judged> => {
    const prover = tokens?.tokenType === 'DPoP' ? proof : null
    if (prover === undefined) throw new SessionError('FST_OAUTH_PROOF_MISSING')
    // It does not come back: whoever is outside would choose what is asked for with it.
    let isInside = true
    const sendHop = async ({ url, method, headers: given, init }: Hop): Promise<Response> => {
      isInside &&= covers(new URL(url))
      const headers = new Headers(given)
      // Whatever the caller has there is not for this resource, or not as good.
      headers.delete('authorization')
      headers.delete('dpop')
      if (isInside && tokens !== null) headers.set('authorization', `${tokens.tokenType} ${tokens.accessToken}`)
      if (isInside && prover !== null) headers.set('dpop', await prover.proofFor(method, url, tokens!.accessToken))
      const response = await fetch(url, { ...init, headers })
      const nonce = response.headers.get('dpop-nonce')
      if (isInside && nonce !== null) prover?.sawNonce(url, nonce)
      return response
    }
    const { url, method, headers, init, isRepeatable } = request
    const { redirect = 'follow' } = init
    const hop: Hop = { url, method, headers, init: redirect === 'follow' ? { ...init, redirect: 'manual' } : init }
    let answer: Response
    try {
      answer = redirect === 'follow' ? await followRedirects(hop, { isRepeatable, send: sendHop }) : await sendHop(hop)
    } catch (cause) {
      // Without a proof nothing was sent: there is nothing that could have answered.
      if (request.signal?.aborted === true || cause instanceof SessionError) throw cause
      throw new RequestError({ ...nameOf(request), first, cause })
    }
    // What makes the requests may follow redirects whatever it is told.
    return await judge(request, answer, tokens, !isInside || (answer.redirected && answer.url !== '' && !covers(new URL(answer.url))))
  }

  /** @param isTheirs somebody says it who never got the token: it is not about that */
  const judge = async (request: OutgoingRequest, response: Response, tokens: TokenSet | null, isTheirs: boolean): Promise<Judged> => {
    const { status, headers } = response
    const byChallenge = isTheirs ? null : classifyChallenge(response)
    const kind = mediaKindOf(headers)
    const isOfInterest = status >= 400
      ? (errors === 'throw' || (byChallenge === null && !isTheirs)) && (kind === 'json' || (kind === 'text' && looksAtText))
      : status >= 200 && status < 300 && request.method === 'POST' && kind === 'json' && !isTheirs
    const { text, body } = isOfInterest ? await inspectBody(response, limits, request.signal) : {}
    const verdict: Classification = isTheirs
      ? { kind: status < 400 ? 'ok' : 'refused' }
      : classify({ status, headers, body, text, tokenSent: tokens !== null }, classifier)
    return { response, verdict, answer: { status, body: withoutToken(body ?? text, tokens) } }
  }

  /** The same request with the same token, once a nonce for the proof is known. */
  const withNonce = async (request: OutgoingRequest, tokens: TokenSet | null, judged: Judged, first: FailedAnswer | null): Promise<Judged> => {
    if (judged.verdict.kind !== 'use_dpop_nonce' || tokens?.tokenType !== 'DPoP' || !mayRepeat(request, judged.response)) return judged
    discard(judged.response)
    return await send(request, tokens, first)
  }

  const finish = (request: OutgoingRequest, { response, verdict, answer }: Judged, first: FailedAnswer | null, cause?: unknown): Response => {
    if (errors === 'throw' && response.status >= 400) {
      discard(response)
      throw new AnswerError({ ...nameOf(request), ...answer, verdict: verdict.kind, first, cause })
    }
    verdicts.set(response, verdict)
    if (cause !== undefined) failures.set(response, cause)
    return response
  }

  const tokenToSend = async (signal: AbortSignal | null): Promise<TokenSet | null> => {
    try {
      return await orAborted(session.token(), signal)
    } catch (error) {
      if (anonymous && error instanceof SessionError && error.needsAuthorization) return null
      throw error
    }
  }

  /** Another token than the one that was sent, `null` where there is to be no second attempt. */
  const another = async (request: OutgoingRequest, { verdict, response }: Judged, sent: TokenSet | null, wasRenewed: boolean): Promise<TokenSet | null> => {
    const repeatable = mayRepeat(request, response)
    switch (verdict.kind) {
      case 'dead_token': {
        const { accessToken } = sent!
        if (wasRenewed) {
          const current = session.refuse(accessToken)
          return repeatable ? current : null
        }
        const renewed = session.refresh(accessToken)
        if (repeatable) return await orAborted(renewed, request.signal)
        // The next request finds a live one.
        renewed.catch(() => {})
        return null
      }
      case 'authorization_needed': case 'insufficient_scope': case 'step_up': {
        if (onAuthorizationNeeded === undefined || !repeatable) return null
        if (await onAuthorizationNeeded(verdict, { ...nameOf(request), response }) !== true) return null
        return await orAborted(session.token(), request.signal)
      }
      case 'ok': case 'refused': case 'use_dpop_nonce': return null
    }
  }

  return async (input, init = {}) => {
    const url = urlOf(input)
    if (url === null || !covers(url)) return await fetch(input, init)
    const request = await readRequest(input, init, replayBytes)

    const renewalsBefore = session.refreshes
    const sent = await tokenToSend(request.signal)
    const wasRenewed = session.refreshes !== renewalsBefore
    const once = await send(request, sent, null)
    const first = await withNonce(request, sent, once, null)

    let next: TokenSet | null
    try {
      next = await another(request, first, sent, wasRenewed)
    } catch (error) {
      if (request.signal?.aborted === true) {
        discard(first.response)
        throw error
      }
      return finish(request, first, null, error)
    }
    if (next === null) return finish(request, first, null)

    discard(first.response)
    const again = await send(request, next, first.answer)
    const second = once === first ? await withNonce(request, next, again, first.answer) : again
    if (second.verdict.kind === 'dead_token') session.refuse(next.accessToken)
    return finish(request, second, first.answer)
  }
}

/** A redirect that was followed means that the request was carried out: what is asked for again must not do it again. */
function mayRepeat ({ isRepeatable, method }: OutgoingRequest, { redirected }: Response): boolean {
  return isRepeatable && (!redirected || method === 'GET' || method === 'HEAD')
}

function nameOf ({ method, url }: OutgoingRequest): { method: string, url: string } {
  const { origin, pathname } = new URL(url)
  return { method, url: origin + pathname }
}

/** The connection is free for others then. */
function discard ({ body }: Response): void {
  body?.cancel().catch(() => {})
}

/** Some answer with what they were sent. */
function withoutToken (body: unknown, tokens: TokenSet | null): unknown {
  if (tokens === null || body === undefined) return body
  const text = JSON.stringify(body)
  return text.includes(tokens.accessToken) ? JSON.parse(text.replaceAll(tokens.accessToken, '***')) as unknown : body
}
