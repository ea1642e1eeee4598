import { setTimeout } from 'node:timers/promises'
import type { Classification, ClassifierSettings } from './classify.ts'
import type { FetchInput } from './outgoing-request.ts'
import type { ProofOfPossession } from '../oauth/dpop.ts'
import type { Cover } from './resource-match.ts'
import { createCover } from './resource-match.ts'
import type { AttemptSession, AuthorizationNeed } from './attempt.ts'
import type { Wait } from '../session/time-limit.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** A function with the signature of the global `fetch`. */
export type ClientFetch = (input: FetchInput, init?: RequestInit) => Promise<Response>

/** The request that needs an authorization. */
export interface NeedContext {
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly url: string
  /** The response, for its headers. Its body must not be read. */
  readonly response: Response
}

export interface ClientFetchOptions {
  /** Has the tokens, and refreshes them: of `createSession`, or `session` of a connection. */
  readonly session: AttemptSession
  /**
   * The resources that the tokens are for, by their identifiers (RFC 8707). Tokens go to URLs of these origins, at or below
   * these paths, and nowhere else: a request to another URL is made without a token.
   */
  readonly resource: string | readonly string[]
  /** Proves possession of the key that the tokens are bound to (RFC 9449). Default: bearer tokens only. */
  readonly proof?: ProofOfPossession
  /** Makes the requests. Default: the global `fetch`. */
  readonly fetch?: ClientFetch
  /** How this service reports an invalid token, if it does not follow RFC 6750. Default: only the standard signals count. */
  readonly classifier?: ClassifierSettings
  /**
   * Gets another authorization and signs in with it: for a first sign-in, for more scopes, for another authentication of the
   * user, or when the session can no longer be refreshed. If it returns `true`, the request is sent again, once. Default: the
   * response is returned.
   */
  readonly onAuthorizationNeeded?: (need: AuthorizationNeed, context: NeedContext) => boolean | Promise<boolean>
  /** `throw`: a response of status 400 or above is thrown as an {@link AnswerError}. Default: `return`, as `fetch` does. */
  readonly errors?: 'return' | 'throw'
  /** Whether requests are sent without a token while there is no session: their challenge says how to get one. Default: false. */
  readonly anonymous?: boolean
  /** The largest body, in bytes, that is read to classify the response; a longer one is returned unread. Default: 65536. */
  readonly inspectBytes?: number
  /** How long reading it may take, in milliseconds. Default: 5000. */
  readonly inspectTimeoutMs?: number
  /** The largest body of a `Request`, in bytes, that is kept so that it can be sent again. Default: 1048576. */
  readonly replayBytes?: number
  /** Default: a timer. */
  readonly wait?: Wait
}

const anyFunction = Type.Function([], Type.Unknown())
const codes = Type.Optional(Type.Array(Type.Union([Type.String({ minLength: 1 }), Type.Integer()])))
const optionsSchema = Type.Object({
  session: Type.Object({ token: anyFunction, refresh: anyFunction, refuse: anyFunction }),
  resource: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
  proof: Type.Optional(Type.Object({ proofFor: anyFunction, sawNonce: anyFunction })),
  fetch: Type.Optional(anyFunction),
  classifier: Type.Optional(Type.Object({
    invalidTokenCodes: codes,
    refusalCodes: codes,
    sentences: Type.Optional(Type.Array(Type.String({ minLength: 1 })))
  }, { additionalProperties: false })),
  onAuthorizationNeeded: Type.Optional(anyFunction),
  errors: Type.Optional(Type.Enum(['return', 'throw'])),
  anonymous: Type.Optional(Type.Boolean()),
  inspectBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  inspectTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
  replayBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
  wait: Type.Optional(anyFunction)
}, { additionalProperties: false })

/** How a request gets another authorization. */
export interface RequestAuthorization {
  /** The most authorizations that one request may cause. */
  readonly limit: number
  /** How often a request may be sent again. */
  readonly repeats: number
  /** Whether to authorize for later requests when this one cannot be sent again. */
  readonly forLaterRequests: boolean
  /** Whether a failed authorization is thrown; otherwise the response is returned. */
  readonly throws: boolean
  /** The number of authorizations so far. */
  count (): number
  /** Whether to authorize before a request is sent without a token. */
  comesFirst (isRepeatable: boolean): boolean
  /** @returns whether the session has new tokens */
  run (need: AuthorizationNeed, context: Omit<NeedContext, 'response'> & { response: Response | null, isRepeatable: boolean }): Promise<boolean>
  /** Called with the outcome of each request. */
  onResult (classification: Classification, hasFailed: boolean): void
}

/** The options with every default in its place. */
export interface ClientFetchSettings extends Pick<ClientFetchOptions, 'session' | 'proof' | 'classifier'> {
  readonly covers: Cover
  readonly fetch: ClientFetch
  readonly authorization?: RequestAuthorization
  readonly errors: 'return' | 'throw'
  readonly anonymous: boolean
  /** Limits for reading a body. */
  readonly limits: { readonly maxBytes: number, readonly timeoutMs: number, readonly wait: Wait }
  /** Whether text that is no JSON is read. */
  readonly readsText: boolean
  readonly replayBytes: number
}

/** @throws OptionError */
export function resolveClientFetchOptions (options: ClientFetchOptions): ClientFetchSettings {
  checkOptions('', optionsSchema, options)
  const {
    session, proof, fetch = globalThis.fetch, classifier, onAuthorizationNeeded, errors = 'return', anonymous = false,
    inspectBytes = 65_536, inspectTimeoutMs = 5000, replayBytes = 1_048_576, wait = (ms, signal) => setTimeout(ms, undefined, { signal })
  } = options
  return {
    session,
    ...proof !== undefined && { proof },
    ...classifier !== undefined && { classifier },
    ...onAuthorizationNeeded !== undefined && { authorization: byCallback(onAuthorizationNeeded) },
    covers: createCover([options.resource].flat()),
    fetch,
    errors,
    anonymous,
    limits: { maxBytes: inspectBytes, timeoutMs: inspectTimeoutMs, wait },
    readsText: (classifier?.sentences ?? []).length > 0 || errors === 'throw',
    replayBytes
  }
}

function byCallback (onAuthorizationNeeded: NonNullable<ClientFetchOptions['onAuthorizationNeeded']>): RequestAuthorization {
  let authorizations = 0
  return {
    limit: 1,
    repeats: 1,
    forLaterRequests: false,
    throws: false,
    count: () => authorizations,
    comesFirst: () => false,
    async run (need, { method, url, response }) {
      const isDone = await onAuthorizationNeeded(need, { method, url, response: response! }) === true
      if (isDone) authorizations++
      return isDone
    },
    onResult () {}
  }
}
