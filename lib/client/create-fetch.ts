import { setTimeout } from 'node:timers/promises'
import Type from 'typebox'
import * as Value from 'typebox/value'
import { OptionError } from '../errors.ts'
import type { IdentifierError } from '../metadata/identifier.ts'
import { parseIdentifier } from '../metadata/identifier.ts'
import { explain, show } from '../options.ts'
import type { TokenSet } from '../stores/token-store.ts'
import type { ClassifierRules, Verdict } from './classify.ts'
import { classify, classifyChallenge } from './classify.ts'
import type { FailedAnswer } from './errors.ts'
import { AnswerError, RequestError, SessionError } from './errors.ts'
import { inspectBody, mediaKindOf } from './inspect.ts'
import type { FetchInput, OutgoingRequest } from './outgoing-request.ts'
import { readRequest, urlOf } from './outgoing-request.ts'
import type { ProofOfPossession } from './proof.ts'
import type { Session } from './session.ts'
import type { Wait } from './time-limit.ts'
import { orAborted } from './time-limit.ts'

/** Takes what the global `fetch` takes, and can stand wherever that stands. */
export type ClientFetch = (input: FetchInput, init?: RequestInit) => Promise<Response>

/** What takes another authorization, and no renewal. */
export type AuthorizationNeed = Extract<Verdict, { kind: 'authorization_needed' | 'insufficient_scope' | 'step_up' }>

/** The request that met it. */
export interface NeedContext {
  readonly method: string
  readonly url: string
  /** The answer; its challenge says more than the verdict. Its body is not to be read. */
  readonly response: Response
}

export interface ClientFetchOptions {
  readonly session: Pick<Session, 'token' | 'renew' | 'refuse' | 'renewals'>
  /**
   * What the tokens are for: identifiers of resources. They go to URLs of these origins, at or below these paths, and to
   * no other: a request to elsewhere is made without any.
   */
  readonly resource: string | readonly string[]
  /** Proves the key that the tokens are bound to, where they are. */
  readonly proof?: ProofOfPossession
  /** Makes the requests. Default: the global one. */
  readonly fetch?: ClientFetch
  readonly classifier?: ClassifierRules
  /**
   * Gets another authorization, and signs in with it: for more scopes, for a user who authenticated in another way, or
   * for a first one. `true` has the request made again, once. Default: the answer is returned as it is.
   */
  readonly onStepUp?: (need: AuthorizationNeed, context: NeedContext) => boolean | Promise<boolean>
  /** `throw`: an answer of status 400 or above is thrown as an {@link AnswerError}. Default: `return`, as a `fetch` does. */
  readonly errors?: 'return' | 'throw'
  /** Whether a request is made without a token while nobody is signed in, so that the answer says how to. Default: false. */
  readonly anonymous?: boolean
  /** What is looked at of a body, in bytes; a longer one is passed on unseen. Default: 65536. */
  readonly inspectBytes?: number
  /** For how long a body is waited for to be looked at, in milliseconds. Default: 5000. */
  readonly inspectTimeoutMs?: number
  /** The body of a `Request` up to which it is kept to be sent again, in bytes. Default: 1048576. */
  readonly replayBytes?: number
  /** Default: a timer. */
  readonly wait?: Wait
}

const anyFunction = Type.Function([], Type.Unknown())
const codes = Type.Optional(Type.Array(Type.Union([Type.String({ minLength: 1 }), Type.Integer()])))
const optionsSchema = Type.Object({
  session: Type.Object({ token: anyFunction, renew: anyFunction, refuse: anyFunction }),
  resource: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
  proof: Type.Optional(Type.Object({ proofFor: anyFunction, sawNonce: anyFunction })),
  fetch: Type.Optional(anyFunction),
  classifier: Type.Optional(Type.Object({
    deadTokenCodes: codes,
    refusalCodes: codes,
    sentences: Type.Optional(Type.Array(Type.String({ minLength: 1 })))
  }, { additionalProperties: false })),
  onStepUp: Type.Optional(anyFunction),
  errors: Type.Optional(Type.Enum(['return', 'throw'])),
  anonymous: Type.Optional(Type.Boolean()),
  inspectBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  inspectTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  replayBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  wait: Type.Optional(anyFunction)
}, { additionalProperties: false })

const failures = new WeakMap<Response, unknown>()

/**
 * Why the request behind an answer was not made again with another token, where that was tried: a {@link SessionError}, or
 * what `onStepUp` threw. `undefined` where nothing failed.
 */
export function renewalFailureOf (response: Response): unknown {
  return failures.get(response)
}

const verdicts = new WeakMap<Response, Verdict>()

/**
 * What an answer was taken to say about the token: what comes of a redirect to somebody else says nothing, whatever its
 * challenge is. `undefined` where the request was none that a token could go with.
 */
export function verdictOf (response: Response): Verdict | undefined {
  return verdicts.get(response)
}

/** An answer, and what it says about the token that was sent. */
interface Judged {
  readonly response: Response
  readonly verdict: Verdict
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
  if (!Value.Check(optionsSchema, options)) throw new OptionError(explain('', optionsSchema, options))
  const {
    session, proof, fetch = globalThis.fetch, classifier, onStepUp, errors = 'return', anonymous = false,
    inspectBytes = 65_536, inspectTimeoutMs = 5000, replayBytes = 1_048_576, wait = (ms, signal) => setTimeout(ms, undefined, { signal })
  } = options
  const covers = createCover([options.resource].flat())
  const limits = { maxBytes: inspectBytes, timeoutMs: inspectTimeoutMs, wait }
  const looksAtText = (classifier?.sentences ?? []).length > 0 || errors === 'throw'

  const send = async (request: OutgoingRequest, tokens: TokenSet | null, first: FailedAnswer | null): Promise<Judged> => {
    const headers = new Headers(request.headers)
    // Whatever the caller has there is not for this resource, or not as good.
    headers.delete('authorization')
    headers.delete('dpop')
    if (tokens !== null) headers.set('authorization', `${tokens.tokenType} ${tokens.accessToken}`)
    const prover = tokens?.tokenType === 'DPoP' ? proof : null
    if (prover === undefined) throw new SessionError('proof_missing')
    if (prover !== null) headers.set('dpop', await prover.proofFor(request.method, request.url, tokens!.accessToken))
    let response: Response
    try {
      response = await fetch(request.url, { ...request.init, headers })
    } catch (cause) {
      if (request.signal?.aborted === true) throw cause
      throw new RequestError({ ...nameOf(request), first, cause })
    }
    const nonce = response.headers.get('dpop-nonce')
    if (nonce !== null) prover?.sawNonce(request.url, nonce)
    return await judge(request, response, tokens)
  }

  const judge = async (request: OutgoingRequest, response: Response, tokens: TokenSet | null): Promise<Judged> => {
    const { status, headers } = response
    // What somebody else says is not about a token that they never got.
    const isTheirs = response.redirected && !covers(new URL(response.url))
    const byChallenge = isTheirs ? null : classifyChallenge(response)
    const kind = mediaKindOf(headers)
    const isOfInterest = status >= 400
      ? (errors === 'throw' || (byChallenge === null && !isTheirs)) && (kind === 'json' || (kind === 'text' && looksAtText))
      : status >= 200 && status < 300 && request.method === 'POST' && kind === 'json' && !isTheirs
    const { text, body } = isOfInterest ? await inspectBody(response, limits, request.signal) : {}
    const verdict: Verdict = isTheirs
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
          session.refuse(accessToken)
          return null
        }
        const renewed = session.renew(accessToken)
        if (repeatable) return await orAborted(renewed, request.signal)
        // The next request finds a live one.
        renewed.catch(() => {})
        return null
      }
      case 'authorization_needed': case 'insufficient_scope': case 'step_up': {
        if (onStepUp === undefined || !repeatable) return null
        if (await onStepUp(verdict, { ...nameOf(request), response }) !== true) return null
        return await orAborted(session.token(), request.signal)
      }
      case 'ok': case 'refused': case 'use_dpop_nonce': return null
    }
  }

  return async (input, init = {}) => {
    const url = urlOf(input)
    if (url === null || !covers(url)) return await fetch(input, init)
    const request = await readRequest(input, init, replayBytes)

    const renewalsBefore = session.renewals
    const sent = await tokenToSend(request.signal)
    const wasRenewed = session.renewals !== renewalsBefore
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

/** By origin and path, whole segments of it: the neighbours on one host may be strangers. */
function createCover (resources: readonly string[]): (url: URL) => boolean {
  const covered = resources.map(resource => {
    try {
      parseIdentifier(resource)
    } catch (error) {
      throw new OptionError(`resource ${(error as IdentifierError).message}, and is ${show(resource)}`)
    }
    const { origin, pathname } = new URL(resource)
    return { origin, path: pathname.replace(/\/$/, '') }
  })
  return ({ origin, pathname }) => covered.some(one => one.origin === origin && (pathname === one.path || pathname.startsWith(`${one.path}/`)))
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
