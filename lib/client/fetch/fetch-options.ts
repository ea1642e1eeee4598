import { setTimeout } from 'node:timers/promises'
import type { ClassifierRules, Classification } from './classify.ts'
import type { FetchInput } from './outgoing-request.ts'
import type { ProofOfPossession } from '../oauth/dpop.ts'
import type { Cover } from './resource-cover.ts'
import { createCover } from './resource-cover.ts'
import type { Session } from '../session/session.ts'
import type { Wait } from '../session/time-limit.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Takes what the global `fetch` takes, and can stand wherever that stands. */
export type ClientFetch = (input: FetchInput, init?: RequestInit) => Promise<Response>

/** What takes another authorization, and no renewal. */
export type AuthorizationNeed = Extract<Classification, { kind: 'authorization_needed' | 'insufficient_scope' | 'step_up' }>

/** The request that met it. */
export interface NeedContext {
  readonly method: string
  readonly url: string
  /** The answer; its challenge says more than the verdict. Its body is not to be read. */
  readonly response: Response
}

export interface ClientFetchOptions {
  readonly session: Pick<Session, 'token' | 'refresh' | 'refuse' | 'refreshes'>
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
  readonly onAuthorizationNeeded?: (need: AuthorizationNeed, context: NeedContext) => boolean | Promise<boolean>
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
  session: Type.Object({ token: anyFunction, refresh: anyFunction, refuse: anyFunction }),
  resource: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
  proof: Type.Optional(Type.Object({ proofFor: anyFunction, sawNonce: anyFunction })),
  fetch: Type.Optional(anyFunction),
  classifier: Type.Optional(Type.Object({
    deadTokenCodes: codes,
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

/** The options with every default in its place. */
export interface ClientFetchRules extends Pick<ClientFetchOptions, 'session' | 'proof' | 'classifier' | 'onAuthorizationNeeded'> {
  readonly covers: Cover
  readonly fetch: ClientFetch
  readonly errors: 'return' | 'throw'
  readonly anonymous: boolean
  /** Of what is looked at of a body. */
  readonly limits: { readonly maxBytes: number, readonly timeoutMs: number, readonly wait: Wait }
  /** Whether text that is no JSON is looked at. */
  readonly looksAtText: boolean
  readonly replayBytes: number
}

/** @throws OptionError */
export function resolveClientFetchOptions (options: ClientFetchOptions): ClientFetchRules {
  checkOptions('', optionsSchema, options)
  const {
    session, proof, fetch = globalThis.fetch, classifier, onAuthorizationNeeded, errors = 'return', anonymous = false,
    inspectBytes = 65_536, inspectTimeoutMs = 5000, replayBytes = 1_048_576, wait = (ms, signal) => setTimeout(ms, undefined, { signal })
  } = options
  return {
    session,
    ...proof !== undefined && { proof },
    ...classifier !== undefined && { classifier },
    ...onAuthorizationNeeded !== undefined && { onAuthorizationNeeded },
    covers: createCover([options.resource].flat()),
    fetch,
    errors,
    anonymous,
    limits: { maxBytes: inspectBytes, timeoutMs: inspectTimeoutMs, wait },
    looksAtText: (classifier?.sentences ?? []).length > 0 || errors === 'throw',
    replayBytes
  }
}
