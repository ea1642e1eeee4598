import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { describeError, describeValue } from '../errors/detail.ts'
import { InvalidTokenError, UnavailableError } from '../errors/errors.ts'
import type { UnavailableReason } from '../errors/reasons.ts'
import type { SetErrorCode } from '../errors/set-error.ts'
import { SetError } from '../errors/set-error.ts'
import type { ReplayStore } from '../stores/replay/replay-store.ts'
import type { Revocation, WritableRevocationStore } from '../stores/revocations/revocation.ts'
import { callHost } from '../time-limit.ts'
import type { IssuerKeys } from '../token/issuer-keys.ts'
import type { UnverifiedJwt } from '../token/jwt.ts'
import { isAboutSession, revocationBy, streamUpdatedEvent, timeOfEvent, verificationEvent } from './event-types.ts'
import type { RevokingEventName } from './event-types.ts'
import type { ExpectedSet, SecurityEventToken, SubjectIdentifier } from './security-event-token.ts'
import { checkSet, parseSet, setRefused } from './security-event-token.ts'
import type { FoundTargets, SignalTarget } from './subjects.ts'
import { findTargets } from './subjects.ts'

/**
 * What became of an event. `revoked`: access tokens were revoked. `received`: it is of a type that revokes none. `unresolved`:
 * it would revoke tokens, and its subject names none. `foreign`: its subject is of an issuer that this server does not trust.
 * `discarded`: its subject has a critical member that is not understood (SSF 1.0 section 3.6). `repeated`: it was received before.
 */
export type SignalOutcome = 'revoked' | 'received' | 'unresolved' | 'foreign' | 'discarded' | 'repeated'

/** An event of a transmitter, verified. */
export interface SharedSignal {
  /** The event type URI. */
  readonly type: string
  /** The issuer of the transmitter. */
  readonly transmitter: string
  /** `jti` of the security event token. */
  readonly id: string
  /** `txn`: the cause that several events may share; `null` where it is not said. */
  readonly transaction: string | null
  /** `sub_id`, as it came. */
  readonly subject: SubjectIdentifier
  /** What the event says beside it. */
  readonly payload: Readonly<Record<string, unknown>>
  /** When it happened, in seconds since the epoch: `event_timestamp`, else `toe`, else `iat`. */
  readonly happenedAt: number
  readonly outcome: SignalOutcome
  /** What was revoked. */
  readonly revocations: readonly Revocation[]
}

/** A security event token that was refused: its claims are not trustworthy. */
export interface RefusedSignal {
  readonly err: SetErrorCode
  readonly description: string
  /** The transmitter that it should be of. */
  readonly transmitter: string
}

/**
 * Says which access tokens a subject is about; an empty list for none. `undefined`: as the package understands the subject
 * itself. If it throws, the transmitter is told to send the event again.
 */
export type ResolveSubject = (subject: SubjectIdentifier, event: Pick<SharedSignal, 'type' | 'transmitter' | 'payload'>) =>
  readonly SignalTarget[] | undefined | Promise<readonly SignalTarget[] | undefined>

export interface ReceiverParts {
  readonly expected: ExpectedSet
  /** The issuers of access tokens that the transmitter may speak about. */
  readonly issuers: readonly string[]
  /** The issuers that are trusted at all. */
  readonly trustedIssuers: readonly string[]
  readonly revokeOn: readonly RevokingEventName[]
  /** Members of a complex subject that must be understood. */
  readonly criticalMembers: () => readonly string[] | Promise<readonly string[]>
  readonly keys: IssuerKeys
  readonly revocations: WritableRevocationStore
  readonly replays: ReplayStore
  readonly resolveSubject: ResolveSubject | null
  readonly onEvent: ((event: SharedSignal) => unknown) | null
  readonly isExpectedState: ((state: string, streamId: string) => boolean | Promise<boolean>) | null
  readonly lookupTimeoutMs: number
  readonly clock: Clock
}

/** Is told of every event, and of every token that is refused. */
export type RecordSignal = (signal: SharedSignal | RefusedSignal) => void

/** Receives the events of one transmitter, pushed and polled for. */
export interface Receiver {
  /**
   * Verifies a security event token and does what its event says. When it returns, the transmitter need not send it again.
   *
   * @throws SetError when the token is refused
   * @throws UnavailableError when it could not be processed: the transmitter has to send it again
   */
  receive (text: string, record: RecordSignal): Promise<SecurityEventToken>
}

/** How long a token is remembered as received. Afterwards it revokes the same tokens as before, which have expired. */
const rememberedMs = 86_400_000
/** As many events are remembered whose `onEvent` failed, so that they are not taken for received when they come again. */
const maxFailed = 1000

export function createReceiver (parts: ReceiverParts): Receiver {
  const { expected, issuers, trustedIssuers, revokeOn, keys, revocations, replays, resolveSubject, onEvent, isExpectedState, lookupTimeoutMs, clock } = parts
  const failed = new LRUCache<string, true>({ max: maxFailed })

  /** A function or store of the host that fails means: not now. */
  const call = async <T>(reason: UnavailableReason, what: string, ask: () => T | Promise<T>): Promise<T> => {
    try {
      return await callHost(lookupTimeoutMs, ask)
    } catch (error) {
      throw new UnavailableError(reason, 5, error, { expected: `an answer of ${what}`, received: describeError(error) })
    }
  }

  const targetsOf = async (type: string, payload: SharedSignal['payload'], { subject }: SecurityEventToken): Promise<FoundTargets & { byHost: boolean }> => {
    const found = findTargets(subject, { issuers, opaqueIsSession: isAboutSession(type) })
    const given = resolveSubject === null
      ? undefined
      : await call('signal_function_unavailable', 'resolveSubject', async () => readTargets(await resolveSubject(subject, { type, transmitter: expected.issuer, payload })))
    return given === undefined ? { ...found, byHost: false } : { targets: given, foreignIssuers: [], usedMembers: [], byHost: true }
  }

  const hasUnusedCritical = async ({ subject: { format, ...members } }: SecurityEventToken, { usedMembers, byHost }: FoundTargets & { byHost: boolean }): Promise<boolean> => {
    if (format !== 'complex' || byHost) return false
    return (await parts.criticalMembers()).some(member => Object.hasOwn(members, member) && !usedMembers.includes(member))
  }

  /** What the event means here. Nothing is done yet. */
  const understand = async (type: string, payload: SharedSignal['payload'], set: SecurityEventToken): Promise<SharedSignal> => {
    const happenedAt = timeOfEvent(payload, set)
    const { id, transaction, subject } = set
    const as = (outcome: SignalOutcome, revoked: readonly Revocation[] = []): SharedSignal => Object.freeze({
      type, transmitter: expected.issuer, id, transaction, subject, payload, happenedAt, outcome, revocations: Object.freeze(revoked)
    })
    if (type === verificationEvent) await checkState(payload, set)
    // The subject of these is the stream itself.
    if (type === verificationEvent || type === streamUpdatedEvent) return as('received')
    const found = await targetsOf(type, payload, set)
    if (await hasUnusedCritical(set, found)) return as('discarded')
    const by = revocationBy(type, payload, revokeOn)
    if (by === null) return as('received')
    const { targets, foreignIssuers } = found
    if (targets.length > 0) return as('revoked', targets.map(target => ({ ...target, at: happenedAt, ...!('tokenId' in target) && { by } })))
    // It is trusted by this server, and not for this issuer.
    const forbidden = foreignIssuers.find(issuer => trustedIssuers.includes(issuer))
    if (forbidden !== undefined) throw setRefused('access_denied', `events of ${expected.issuer} must not be about subjects of ${describeValue(forbidden)}`)
    return as(foreignIssuers.length > 0 ? 'foreign' : 'unresolved')
  }

  const checkState = async ({ state }: SharedSignal['payload'], { subject }: SecurityEventToken): Promise<void> => {
    // A verification event that was not requested has no state (SSF 1.0 section 8.1.4.2).
    if (isExpectedState === null || state === undefined) return
    const isGood = typeof state === 'string' &&
      await call('signal_function_unavailable', 'isExpectedState', async () => await isExpectedState(state, String(subject.id)))
    if (isGood !== true) throw setRefused('invalid_state', 'state is not the one of the verification request')
  }

  const wasSeen = async (key: string): Promise<boolean> => {
    // It was received, and could not be handed over.
    if (failed.has(key)) return false
    const seen: unknown = await call('replay_store_unavailable', 'the replay store', async () => await replays.seen(key, clock.now() + rememberedMs))
    if (typeof seen === 'boolean') return seen
    throw new UnavailableError('replay_store_unavailable', 5, new TypeError(`seen must return a boolean, and returned ${typeof seen}`))
  }

  const handOver = async (signals: readonly SharedSignal[], key: string): Promise<void> => {
    if (onEvent === null) return
    try {
      for (const signal of signals) await call('signal_function_unavailable', 'onEvent', async () => { await onEvent(signal) })
      failed.delete(key)
    } catch (error) {
      failed.set(key, true)
      throw error
    }
  }

  const process = async (text: string, record: RecordSignal): Promise<SecurityEventToken> => {
    const jwt = parseSet(text)
    const set = checkSet(jwt, expected, clock.now() / 1000)
    await verify(jwt, keys)
    const signals: SharedSignal[] = []
    for (const [type, payload] of Object.entries(set.events)) signals.push(await understand(type, payload, set))
    // First of all, and again when it is repeated: a revocation is idempotent, and must not be lost when what follows fails.
    for (const revocation of signals.flatMap(signal => signal.revocations)) {
      await call('revocations_unavailable', 'the revocation store', async () => { await revocations.revoke(revocation) })
    }
    const key = JSON.stringify([set.issuer, set.id])
    if (await wasSeen(key)) {
      for (const signal of signals) record({ ...signal, outcome: 'repeated' })
      return set
    }
    await handOver(signals, key)
    for (const signal of signals) record(signal)
    return set
  }

  return {
    async receive (text, record) {
      try {
        return await process(text, record)
      } catch (error) {
        if (error instanceof SetError) record({ err: error.err, description: error.message, transmitter: expected.issuer })
        throw error
      }
    }
  }
}

/** @throws SetError `invalid_key`, UnavailableError */
async function verify (jwt: UnverifiedJwt, keys: IssuerKeys): Promise<void> {
  try {
    await keys.verifySignature(jwt)
  } catch (error) {
    if (!(error instanceof InvalidTokenError)) throw error
    throw setRefused('invalid_key', `the signature is not of a key of the transmitter: ${error.detail!.received}`)
  }
}

/** @throws TypeError when the host's function returned something that names no tokens */
function readTargets (given: unknown): readonly SignalTarget[] | undefined {
  if (given === undefined) return undefined
  if (Array.isArray(given) && given.every(isTarget)) return given
  throw new TypeError('resolveSubject must return a list of { issuer, subject }, { issuer, sessionId } or { issuer, tokenId }, or undefined')
}

function isTarget (value: unknown): value is SignalTarget {
  const { issuer, ...rest } = (value ?? {}) as Readonly<Record<string, unknown>>
  const names = Object.keys(rest)
  return typeof issuer === 'string' && names.length === 1 && ['subject', 'sessionId', 'tokenId'].includes(names[0]!) && typeof rest[names[0]!] === 'string'
}
