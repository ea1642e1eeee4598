import { createHash, timingSafeEqual } from 'node:crypto'
import { OptionError } from '../errors/errors.ts'
import { anyFunction, closed, count, text, texts, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { RevokingEventName } from '../shared-signals/event-types.ts'
import { revokingEventNames } from '../shared-signals/event-types.ts'
import type { PollSettings } from '../shared-signals/poll.ts'
import type { ReceiverParts, ResolveSubject, SharedSignal } from '../shared-signals/receiver.ts'
import type { ExpectedSet } from '../shared-signals/security-event-token.ts'
import { createMemoryReplayStore } from '../stores/replay/memory-replay-store.ts'
import type { ReplayStore } from '../stores/replay/replay-store.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import type { WritableRevocationStore } from '../stores/revocations/revocation.ts'
import { createKeySet } from '../token/key-set.ts'
import { asymmetricAlgorithms } from '../token/signature.ts'
import type { Clock } from '../clock.ts'
import type { SignatureAlgorithm } from './algorithms.ts'
import { checkAlgorithms } from './algorithms.ts'
import { parseIdentifierOption } from './identifiers.ts'

/** A transmitter of shared signals, and how its events get here: pushed, polled for, or both. */
export interface TransmitterOptions {
  /** Its issuer identifier, exactly as it is in `iss`. Its keys are found by its `/.well-known/ssf-configuration`. */
  issuer: string
  /** One of these must be in `aud` of its events. Default: the `resource`. */
  audience?: string | readonly string[]
  /** The issuers of access tokens that its events can revoke. Default: the transmitter itself, as an authorization server. */
  issuers?: readonly string[]
  /** The URL of its keys. Default: the one of its metadata. */
  jwksUri?: string
  /** The keys themselves, a JWK Set. Nothing is fetched then. */
  jwks?: { readonly keys: readonly object[] }
  /** JWS algorithms. Default: all asymmetric ones that are supported. */
  algorithms?: readonly SignatureAlgorithm[]
  /**
   * Members of a complex subject that must be understood; an event with another one of these is not acted on. Default: those of
   * its metadata; with `jwksUri` or `jwks`, none.
   */
  criticalSubjectMembers?: readonly string[]
  /** Which events revoke access tokens. Default: all that can. The others go to `onEvent` alone. */
  revokeOn?: readonly RevokingEventName[]
  /** Receives events at a route of this server (RFC 8935). Default: none. */
  push?: {
    /** The path of the route, in the scope of the plugin. It is its own route of each transmitter. */
    path: string
    /**
     * The value that the `Authorization` header of each request must have: `authorization_header` of the stream. Default: none; the
     * signature alone says who sends.
     */
    authorization?: string
  }
  /** Polls for events (RFC 8936) while the server runs. Default: none. */
  poll?: {
    /** `endpoint_url` of the stream. */
    endpoint: string
    /** The value of the `Authorization` header, or a function that returns it for each request. Default: none. */
    authorization?: string | (() => string | Promise<string>)
    /** How many events one response may have. Default: 25. */
    maxEvents?: number
    /** How long the transmitter may hold a request while it has no events, in milliseconds. Default: 60000. */
    timeoutMs?: number
    /** The least time between two requests while there are no events, in seconds. Default: 5. */
    intervalSeconds?: number
  }
}

/** Shared Signals (SSF 1.0): events that revoke access tokens before they expire. */
export interface SharedSignalsOptions {
  /** Transmitters whose events revoke access tokens, in the store that `revocations` names. Default: none. */
  sharedSignals?: {
    transmitters: readonly TransmitterOptions[]
    /**
     * Called for each event once it is verified and its revocations are stored. If it throws, the transmitter has to send the
     * event again. Default: none.
     */
    onEvent?: (event: SharedSignal) => void | Promise<void>
    /** Says which access tokens a subject is about, where the package cannot know: for e-mail addresses and the like. Default: none. */
    resolveSubject?: ResolveSubject
    /** Whether `state` of a verification event is the one of your request. Default: any is. */
    isExpectedState?: (state: string, streamId: string) => boolean | Promise<boolean>
    /** Remembers which events were received: one in Redis for several servers. Default: in the memory of this process. */
    replayStore?: ReplayStore
  }
}

/** @internal */
export const sharedSignalsSchemas: OptionSchemas<keyof SharedSignalsOptions> = optionGroup<SharedSignalsOptions>()({
  sharedSignals: Type.Optional(Type.Object({
    transmitters: Type.Array(Type.Object(optionGroup<TransmitterOptions>()({
      issuer: text,
      audience: Type.Optional(Type.Union([text, texts])),
      issuers: Type.Optional(texts),
      jwksUri: Type.Optional(text),
      jwks: Type.Optional(typed<{ readonly keys: readonly object[] }>(Type.Object({ keys: Type.Array(Type.Unknown()) }))),
      algorithms: Type.Optional(typed<readonly SignatureAlgorithm[]>(texts)),
      criticalSubjectMembers: Type.Optional(Type.Array(text)),
      revokeOn: Type.Optional(typed<readonly RevokingEventName[]>(Type.Array(Type.Enum([...revokingEventNames])))),
      push: Type.Optional(Type.Object({
        path: typed<string>(Type.String({ pattern: /^\/[^?#]*$/, description: 'the path of a route' })),
        authorization: Type.Optional(text)
      }, closed)),
      poll: Type.Optional(Type.Object({
        endpoint: text,
        authorization: Type.Optional(typed<string | (() => string | Promise<string>)>(Type.Union([text, anyFunction]))),
        maxEvents: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
        timeoutMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 600_000 })),
        intervalSeconds: Type.Optional(count)
      }, closed))
    }), closed), { minItems: 1 }),
    onEvent: Type.Optional(anyFunction),
    resolveSubject: Type.Optional(anyFunction),
    isExpectedState: Type.Optional(anyFunction),
    replayStore: Type.Optional(typed<ReplayStore>(Type.Object({ seen: anyFunction })))
  }, closed))
})

/** The route of one transmitter. */
export interface PushSettings {
  readonly path: string
  /** Whether the `Authorization` header is the one of the stream. The secret stays in the function: the configuration may be printed. */
  readonly isAuthorized: (authorization: string | undefined) => boolean
}

/** A transmitter whose events are received. */
export interface ResolvedTransmitter extends Pick<ReceiverParts, 'issuers' | 'revokeOn'> {
  readonly expected: ExpectedSet
  readonly jwksUri: string | null
  readonly jwks: Readonly<Record<string, unknown>> | null
  /** `null`: those of its metadata. */
  readonly criticalMembers: readonly string[] | null
  /** `null`: nothing is pushed. */
  readonly push: PushSettings | null
  /** `null`: nothing is polled for. */
  readonly poll: PollSettings | null
}

export interface SharedSignalsSettings extends Pick<ReceiverParts, 'revocations' | 'replays' | 'resolveSubject' | 'onEvent' | 'isExpectedState'> {
  readonly transmitters: readonly ResolvedTransmitter[]
}

/** What other groups of options say. */
export interface SharedSignalsContext {
  readonly resource: string
  readonly revocations: RevocationStore | null
  readonly clockToleranceSeconds: number
  readonly allowInsecureHttp: boolean
  readonly clock: Clock
}

/** @throws OptionError */
export function resolveSharedSignals ({ sharedSignals }: SharedSignalsOptions, context: SharedSignalsContext): SharedSignalsSettings | null {
  if (sharedSignals === undefined) return null
  const { revocations, clock } = context
  if (typeof (revocations as Partial<WritableRevocationStore> | null)?.revoke !== 'function') {
    throw new OptionError('sharedSignals requires revocations: a store with a function revoke, such as createMemoryRevocationStore()')
  }
  const { onEvent = null, resolveSubject = null, isExpectedState = null, replayStore = createMemoryReplayStore({ clock }) } = sharedSignals
  const transmitters = sharedSignals.transmitters.map((options, index) => resolveTransmitter(options, `sharedSignals.transmitters[${index}]`, context))
  checkPaths(transmitters)
  return Object.freeze({
    transmitters: Object.freeze(transmitters),
    revocations: revocations as WritableRevocationStore,
    replays: replayStore,
    onEvent,
    resolveSubject,
    isExpectedState
  })
}

function checkPaths (transmitters: readonly ResolvedTransmitter[]): void {
  const paths = transmitters.flatMap(({ push }) => push?.path ?? [])
  const repeated = paths.find((path, index) => paths.indexOf(path) !== index)
  if (repeated !== undefined) throw new OptionError(`sharedSignals.transmitters have push.path ${show(repeated)} twice; each needs a path of its own`)
}

function resolveTransmitter (options: TransmitterOptions, name: string, { resource, clockToleranceSeconds, allowInsecureHttp }: SharedSignalsContext): ResolvedTransmitter {
  const {
    issuer, audience = resource, issuers = [issuer], jwksUri = null, jwks = null, algorithms = asymmetricAlgorithms, revokeOn = revokingEventNames,
    criticalSubjectMembers = null, push, poll
  } = options
  const { query } = parseIdentifierOption(`${name}.issuer`, issuer, allowInsecureHttp)
  if (query !== '') throw new OptionError(`${name}.issuer must have no query (SSF 1.0 section 7.1), got ${show(issuer)}`)
  if (jwksUri !== null && jwks !== null) throw new OptionError(`${name}.jwks and ${name}.jwksUri contradict each other; remove one`)
  if (jwksUri !== null) parseIdentifierOption(`${name}.jwksUri`, jwksUri, allowInsecureHttp)
  if (jwks !== null && createKeySet({ ...jwks }).size === 0) throw new OptionError(`${name}.jwks has no public key that can be used`)
  checkAlgorithms(algorithms, `${name}.algorithms`)
  if (push === undefined && poll === undefined) throw new OptionError(`${name} has neither push nor poll: set how its events get here`)
  if (poll !== undefined) parseIdentifierOption(`${name}.poll.endpoint`, poll.endpoint, allowInsecureHttp)
  return Object.freeze({
    expected: Object.freeze({
      issuer,
      audiences: Object.freeze(typeof audience === 'string' ? [audience] : [...audience]),
      algorithms: Object.freeze([...algorithms]),
      clockToleranceSeconds
    }),
    issuers: Object.freeze([...issuers]),
    jwksUri,
    jwks: jwks as Readonly<Record<string, unknown>> | null,
    criticalMembers: criticalSubjectMembers ?? (jwksUri === null && jwks === null ? null : []),
    revokeOn: Object.freeze([...revokeOn]),
    push: push === undefined ? null : Object.freeze({ path: push.path, isAuthorized: authorizationCheck(push.authorization) }),
    poll: poll === undefined ? null : resolvePoll(poll)
  })
}

/** Takes a time that does not depend on where the values differ. */
function authorizationCheck (expected: string | undefined): PushSettings['isAuthorized'] {
  if (expected === undefined) return () => true
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
  const wanted = digest(expected)
  return (authorization = '') => timingSafeEqual(digest(authorization), wanted)
}

function resolvePoll ({ endpoint, authorization, maxEvents = 25, timeoutMs = 60_000, intervalSeconds = 5 }: NonNullable<TransmitterOptions['poll']>): PollSettings {
  const value = typeof authorization === 'string' ? () => authorization : authorization ?? null
  return Object.freeze({ endpoint, authorization: value, maxEvents, timeoutMs, intervalMs: intervalSeconds * 1000 })
}
