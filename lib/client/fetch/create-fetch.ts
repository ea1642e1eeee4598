import type { FailedAnswer } from '../../errors/client-errors.ts'
import { AnswerError, RequestError, SessionError } from '../../errors/client-errors.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { within } from '../session/time-limit.ts'
import type { AttemptAuthorization, AttemptResult, ClassifiedAnswer } from './attempt.ts'
import { attempt } from './attempt.ts'
import type { Classification } from './classify.ts'
import { classifyBody, classifyChallenge } from './classify.ts'
import type { ClientFetch, ClientFetchOptions, ClientFetchSettings, RequestAuthorization } from './fetch-options.ts'
import { resolveClientFetchOptions } from './fetch-options.ts'
import type { Hop, OutgoingRequest } from './outgoing-request.ts'
import { followRedirects, readRequest, urlOf } from './outgoing-request.ts'
import { parseJson } from '../../parse-json.ts'

const refreshFailure: unique symbol = Symbol('refreshFailure')
const classification: unique symbol = Symbol('classification')

/** A response with its classification, and the error of a failed refresh. */
interface MarkedResponse extends Response {
  [refreshFailure]?: unknown
  [classification]?: Classification
}

/**
 * Why the request behind a response of {@link createFetch} was not sent again with another token: a {@link SessionError}, or
 * what `onAuthorizationNeeded` threw. `undefined` where nothing failed. It is not kept by `response.clone()`.
 */
export function refreshFailureOf (response: Response): unknown {
  return (response as MarkedResponse)[refreshFailure]
}

/**
 * What a response of {@link createFetch} says about the token; `refused` if another server responded after a redirect.
 * `undefined` if the URL is not covered by the resource. It is not kept by `response.clone()`.
 */
export function classificationOf (response: Response): Classification | undefined {
  return (response as MarkedResponse)[classification]
}

/** The response to one attempt. */
interface ClientAnswer {
  readonly response: Response
  /** Whether the request can be sent again. */
  readonly isRepeatable: boolean
  /** Whether the response is from another server after a redirect. It did not get the token, so it says nothing about it. */
  readonly isElsewhere: boolean
  /** The body if it was read, with the token replaced. */
  readonly body: unknown
}

/**
 * Creates a `fetch` that sends the token of a session. If the response says that the token is invalid, the session refreshes
 * and the request is sent again, once. If the response has a nonce for the DPoP proof (RFC 9449), the request is sent again
 * with it, also once.
 *
 * Responses are returned as they arrive, event streams too, and no time limit of this package applies to them.
 *
 * It throws a {@link RequestError} when no response came, a {@link SessionError} when there is no token to send, and the
 * reason of the caller's signal when that was aborted.
 *
 * @throws OptionError
 */
export function createFetch (options: ClientFetchOptions): ClientFetch {
  return createFetchWith(resolveClientFetchOptions(options))
}

export function createFetchWith (settings: ClientFetchSettings): ClientFetch {
  const { session, proof, covers, fetch, classifier, authorization, errors, anonymous, limits, readsText, replayBytes } = settings

  const send = async (request: OutgoingRequest, tokens: TokenSet | null, first: FailedAnswer | null): Promise<ClientAnswer> => {
    const prover = tokens?.tokenType === 'DPoP' ? proof : null
    if (prover === undefined) throw new SessionError('FST_OAUTH_SESSION_PROOF_MISSING')
    // After a redirect to another resource no further request has the token, even if a redirect leads back: the other server
    // has chosen that URL.
    let isInside = true
    let isUnchanged = true
    const sendHop = async ({ url, method, headers: given, init }: Hop): Promise<Response> => {
      isInside &&= url === request.url || covers(new URL(url))
      const headers = new Headers(given)
      // The caller's headers must not replace the credentials of the session.
      headers.delete('authorization')
      headers.delete('dpop')
      if (isInside && tokens !== null) headers.set('authorization', `${tokens.tokenType} ${tokens.accessToken}`)
      if (isInside && prover !== null) headers.set('dpop', await prover.proofFor(method, url, tokens!.accessToken))
      const response = await fetch(url, { ...init, headers })
      const nonce = isInside && prover !== null ? response.headers.get('dpop-nonce') : null
      if (nonce !== null) prover!.sawNonce(url, nonce)
      // RFC 9110 sections 15.4.8 and 15.4.9: a 307 or 308 was not carried out. A redirect to GET was, and so may be one that
      // `fetch` followed by itself.
      isUnchanged &&= method === request.method && !followedByItself(response, url)
      return response
    }
    const { url, method, headers, init, isRepeatable } = request
    const follows = (init.redirect ?? 'follow') === 'follow'
    const hop: Hop = { url, method, headers, init: follows ? { ...init, redirect: 'manual' } : init }
    try {
      const once = await sendHop(hop)
      const response = follows && once.status >= 300 && once.status < 400
        ? await followRedirects(hop, once, { isRepeatable, send: sendHop })
        : once
      return {
        response,
        isRepeatable: isRepeatable && (isUnchanged || method === 'GET' || method === 'HEAD'),
        isElsewhere: !isInside || (response.redirected && response.url !== '' && !covers(new URL(response.url))),
        body: undefined
      }
    } catch (cause) {
      // A SessionError means that there was no proof, so nothing was sent.
      if (request.signal?.aborted === true || cause instanceof SessionError) throw cause
      throw new RequestError({ ...nameOf(request), first, cause })
    }
  }

  const classify = async (request: OutgoingRequest, answer: ClientAnswer, tokens: TokenSet | null): Promise<ClassifiedAnswer<ClientAnswer>> => {
    const { response, isElsewhere } = answer
    const { status, headers } = response
    const tokenSent = tokens !== null
    if (status < 400) {
      const mayHoldRpcError = request.method === 'POST' && !isElsewhere && status >= 200 && status < 300 && mediaKindOf(headers) === 'json'
      if (!mayHoldRpcError) return { answer, classification: { kind: 'ok' } }
      const { body } = await inspectBody(response, limits, request.signal)
      return { answer, classification: classifyBody({ status, headers, body, tokenSent }, classifier) }
    }
    const byChallenge = isElsewhere ? { kind: 'refused' } as const : classifyChallenge({ status, headers, tokenSent })
    const media = errors === 'throw' || byChallenge === null ? mediaKindOf(headers) : 'other'
    const { text, body } = media === 'json' || (media === 'text' && readsText) ? await inspectBody(response, limits, request.signal) : {}
    return {
      answer: { ...answer, body: withoutToken(body ?? text, tokens) },
      classification: byChallenge ?? classifyBody({ status, headers, body, text, tokenSent }, classifier)
    }
  }

  const finish = (request: OutgoingRequest, { answer, classification: said, first, failure }: AttemptResult<ClientAnswer>): Response => {
    const { response, body } = answer
    if (failure?.step === 'authorization' && authorization?.throws === true) {
      discard(response)
      throw failure.error
    }
    if (errors === 'throw' && response.status >= 400) {
      discard(response)
      const { status } = response
      throw new AnswerError({ ...nameOf(request), status, body, kind: said.kind, first: failedOf(first), cause: failure?.error })
    }
    Object.defineProperty(response, classification, { value: said, configurable: true })
    if (failure !== null) Object.defineProperty(response, refreshFailure, { value: failure.error, configurable: true })
    return response
  }

  return async (input, init = {}) => {
    const url = urlOf(input)
    if (url === null || !covers(url)) return await fetch(input, init)
    const request = await readRequest(input, init, replayBytes)
    const result = await attempt<ClientAnswer>({
      session,
      canProve: proof !== undefined,
      signal: request.signal,
      anonymous,
      repeats: authorization?.repeats ?? 1,
      authorization: authorization === undefined ? null : authorizationOf(authorization, request),
      send: async (tokens, first) => await send(request, tokens, failedOf(first)),
      classify: async (answer, tokens) => await classify(request, answer, tokens),
      mayRepeat: ({ isRepeatable }) => isRepeatable,
      discard: ({ response }) => discard(response)
    })
    authorization?.onResult(result.classification, result.failure !== null)
    return finish(request, result)
  }
}

function authorizationOf (authorization: RequestAuthorization, request: OutgoingRequest): AttemptAuthorization<ClientAnswer> {
  const { limit, forLaterRequests } = authorization
  return {
    limit,
    forLaterRequests,
    count: () => authorization.count(),
    comesFirst: () => authorization.comesFirst(request.isRepeatable),
    run: async (need, classified) => await authorization.run(need, {
      ...nameOf(request), response: classified?.answer.response ?? null, isRepeatable: classified?.answer.isRepeatable ?? request.isRepeatable
    })
  }
}

/** A custom `fetch` may follow redirects despite `redirect: 'manual'`. */
function followedByItself ({ redirected, url }: Response, asked: string): boolean {
  return redirected || (url !== '' && url !== new URL(asked).href.replace(/#.*$/s, ''))
}

function failedOf (answer: ClientAnswer | null): FailedAnswer | null {
  return answer === null ? null : { status: answer.response.status, body: answer.body }
}

function nameOf ({ method, url }: OutgoingRequest): { method: string, url: string } {
  const { origin, pathname } = new URL(url)
  return { method, url: origin + pathname }
}

/** Cancels the body, so that other requests can use the connection. */
function discard ({ body }: Response): void {
  body?.cancel().catch(() => {})
}

/** Replaces the token in a body: some servers repeat parts of the request in a response. */
function withoutToken (body: unknown, tokens: TokenSet | null): unknown {
  if (tokens === null || body === undefined) return body
  const text = JSON.stringify(body)
  return text.includes(tokens.accessToken) ? parseJson(text.replaceAll(tokens.accessToken, '***')) : body
}

/** The body of a response; both members are missing if it was not read. */
interface Inspected {
  readonly text?: string
  /** Parsed, where it is JSON. */
  readonly body?: unknown
}

type MediaKind = 'json' | 'text' | 'other'

/** The kind of a body. An event stream is `other`, because it may never end. */
function mediaKindOf (headers: Headers): MediaKind {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (/^application\/(?:[a-z0-9.!#$&^_-]+\+)?json$/.test(type)) return 'json'
  return /^text\/(?!event-stream$)/.test(type) ? 'text' : 'other'
}

/** Reads a copy of a body. Nothing is returned when it is longer than the limit, takes longer, or breaks off. */
async function inspectBody (response: Response, { maxBytes, timeoutMs, wait }: ClientFetchSettings['limits'], signal: AbortSignal | null): Promise<Inspected> {
  if (response.body === null || Number(response.headers.get('content-length') ?? 0) > maxBytes) return {}
  const reader = response.clone().body!.getReader()
  const bytes = await within(timeoutMs, signal, wait, async () => await readUpTo(reader, maxBytes)).catch(() => null)
  // An error of the stream also reaches the reader of the other copy.
  reader.cancel().catch(() => {})
  if (bytes === null) return {}
  const text = bytes.toString('utf8')
  return { text, ...mediaKindOf(response.headers) === 'json' && { body: parsed(text) } }
}

async function readUpTo (reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    length += value.byteLength
    if (length > maxBytes) return null
    chunks.push(value)
  }
}

function parsed (text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
