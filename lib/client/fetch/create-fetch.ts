import type { FailedAnswer } from '../../errors/client-errors.ts'
import { AnswerError, RequestError, SessionError } from '../../errors/client-errors.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { within } from '../session/time-limit.ts'
import type { AttemptAuthorization, AttemptResult, Judged } from './attempt.ts'
import { attempt } from './attempt.ts'
import type { Classification } from './classify.ts'
import { classifyBody, classifyChallenge } from './classify.ts'
import type { ClientFetch, ClientFetchOptions, ClientFetchSettings, RequestAuthorization } from './fetch-options.ts'
import { resolveClientFetchOptions } from './fetch-options.ts'
import type { Hop, OutgoingRequest } from './outgoing-request.ts'
import { followRedirects, readRequest, urlOf } from './outgoing-request.ts'

const refreshFailure: unique symbol = Symbol('refreshFailure')
const classification: unique symbol = Symbol('classification')

/** A response with what became of the tokens on the way to it. */
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
 * What a response of {@link createFetch} says about the token; `refused` where another server answered, after a redirect.
 * `undefined` for a request that no token is for. It is not kept by `response.clone()`.
 */
export function classificationOf (response: Response): Classification | undefined {
  return (response as MarkedResponse)[classification]
}

/** One response on the way. */
interface ClientAnswer {
  readonly response: Response
  /** Whether the request can be sent again. */
  readonly isRepeatable: boolean
  /** Whether a server answered that never got the token: what it says is not about the token. */
  readonly isElsewhere: boolean
  /** The body, where it was read, without the token. */
  readonly body: unknown
}

/**
 * Makes a `fetch` that sends the token of a session. A request whose response says that the token is invalid is made again,
 * once, with another token; the session is asked for one at most once in a request. A request that was answered with a
 * nonce for its proof is made again with that, also once.
 *
 * Responses are passed on as they come: an event stream is not waited for, and no time limit of this package applies.
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
    // A redirect that left the resource takes the token no further, also when it leads back: the other server chose the URL.
    let isInside = true
    let isUnchanged = true
    const sendHop = async ({ url, method, headers: given, init }: Hop): Promise<Response> => {
      isInside &&= url === request.url || covers(new URL(url))
      const headers = new Headers(given)
      // A caller's own credentials are not for this resource.
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
      // Nothing was sent where there was no proof.
      if (request.signal?.aborted === true || cause instanceof SessionError) throw cause
      throw new RequestError({ ...nameOf(request), first, cause })
    }
  }

  const classify = async (request: OutgoingRequest, answer: ClientAnswer, tokens: TokenSet | null): Promise<Judged<ClientAnswer>> => {
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
    run: async (need, judged) => await authorization.run(need, {
      ...nameOf(request), response: judged?.answer.response ?? null, isRepeatable: judged?.answer.isRepeatable ?? request.isRepeatable
    })
  }
}

/** A `fetch` may follow redirects whatever it is told. */
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

/** Its connection is free for other requests then. */
function discard ({ body }: Response): void {
  body?.cancel().catch(() => {})
}

/** Some servers repeat in a response what they were sent. */
function withoutToken (body: unknown, tokens: TokenSet | null): unknown {
  if (tokens === null || body === undefined) return body
  const text = JSON.stringify(body)
  return text.includes(tokens.accessToken) ? JSON.parse(text.replaceAll(tokens.accessToken, '***')) as unknown : body
}

/** What was read of a body; both are missing when nothing was. */
interface Inspected {
  readonly text?: string
  /** Parsed, where it is JSON. */
  readonly body?: unknown
}

type MediaKind = 'json' | 'text' | 'other'

/** The kinds of bodies that can be read. An event stream is text, too, and may never end. */
function mediaKindOf (headers: Headers): MediaKind {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (/^application\/(?:[a-z0-9.!#$&^_-]+\+)?json$/.test(type)) return 'json'
  return /^text\/(?!event-stream$)/.test(type) ? 'text' : 'other'
}

/** Reads a copy of a body. Nothing is returned when it is longer than the limit, takes longer, or breaks off. */
async function inspectBody (response: Response, { maxBytes, timeoutMs, wait }: ClientFetchSettings['limits'], signal: AbortSignal | null): Promise<Inspected> {
  if (response.body === null || Number(response.headers.get('content-length') ?? 0) > maxBytes) return {}
  const reader = response.clone().body!.getReader()
  const bytes = await within(timeoutMs, signal ?? new AbortController().signal, wait, async () => await readUpTo(reader, maxBytes)).catch(() => null)
  // A failure is seen by the reader of the other copy.
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
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
