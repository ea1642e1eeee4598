import { describeValue } from '../errors/detail.ts'
import type { InvalidTokenError } from '../errors/errors.ts'
import { withoutStackTrace } from '../errors/errors.ts'
import type { SetErrorCode } from '../errors/set-error.ts'
import { SetError } from '../errors/set-error.ts'
import type { UnverifiedJwt } from '../token/jwt.ts'
import { criticalParameterOf, hasType, parseJwt } from '../token/jwt.ts'

/** The subject of an event (RFC 9493): its format, and the members of that format. */
export interface SubjectIdentifier {
  readonly format: string
  readonly [member: string]: unknown
}

/** What a security event token says (RFC 8417 section 2), with the restrictions of SSF 1.0 section 4.1. */
export interface SecurityEventToken {
  /** `jti`, unique for the transmitter. */
  readonly id: string
  readonly issuer: string
  /** `iat`, in seconds since the epoch. */
  readonly issuedAt: number
  /** `toe`: when the event happened, in seconds since the epoch; `null` where it is not said. */
  readonly happenedAt: number | null
  /** `txn`: the cause that several events may share. */
  readonly transaction: string | null
  readonly subject: SubjectIdentifier
  /** Event type URI → what is said about the event. */
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What the tokens of one transmitter must be. */
export interface ExpectedSet {
  readonly issuer: string
  /** One of these must be in `aud`. */
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
}

/** Longer security event tokens are refused before any work is done on them, in characters. */
export const maxSetLength = 65_536
const maxIdLength = 512
const maxEvents = 10

/** An expected answer, so without a stack trace. */
export function setRefused (err: SetErrorCode, description: string): SetError {
  return withoutStackTrace(() => new SetError(err, description))
}

/** @throws SetError `invalid_request` for anything that is not a signed JWT in compact form */
export function parseSet (text: string): UnverifiedJwt {
  try {
    return parseJwt(text, maxSetLength)
  } catch (error) {
    throw setRefused('invalid_request', `the request has no signed JWT of at most ${maxSetLength} characters: ${(error as InvalidTokenError).detail!.received}`)
  }
}

/**
 * Checks what can be checked without a key, so that a token which would be refused anyway causes no look-up of keys. What
 * it returns is not yet believed.
 *
 * @param now seconds since the epoch
 * @throws SetError
 */
export function checkSet ({ header, claims }: Pick<UnverifiedJwt, 'header' | 'claims'>, expected: ExpectedSet, now: number): SecurityEventToken {
  checkHeader(header, expected)
  const { iss, aud, jti, iat, toe, txn, sub_id: subject, events } = claims
  if (iss !== expected.issuer) throw setRefused('invalid_issuer', `iss must be ${expected.issuer}, got ${describeValue(iss)}`)
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audience.some(one => expected.audiences.includes(one as string))) {
    throw setRefused('invalid_audience', `aud must name ${expected.audiences.join(' or ')}, got ${describeValue(aud)}`)
  }
  // SSF 1.0 sections 4.1.2 to 4.1.7: what makes a token of another kind of it.
  for (const name of ['sub', 'exp']) {
    if (name in claims) throw setRefused('invalid_request', `${name} must not be in a security event token`)
  }
  if (!isText(jti) || jti.length > maxIdLength) throw setRefused('invalid_request', `jti must be a string of at most ${maxIdLength} characters`)
  if (!isTime(iat)) throw setRefused('invalid_request', 'iat must be a number of seconds')
  if (iat > now + expected.clockToleranceSeconds) throw setRefused('invalid_request', `iat is in the future: ${iat}, and now is ${Math.floor(now)}`)
  if (toe !== undefined && !isTime(toe)) throw setRefused('invalid_request', 'toe must be a number of seconds')
  if (!isSubjectIdentifier(subject)) throw setRefused('invalid_request', 'sub_id must be an object with a format')
  return {
    id: jti,
    issuer: iss,
    issuedAt: iat,
    happenedAt: toe ?? null,
    transaction: isText(txn) ? txn : null,
    subject,
    events: checkEvents(events)
  }
}

/** SSF 1.0 section 4.1.1 and RFC 8725bis section 3.1. */
function checkHeader (header: UnverifiedJwt['header'], { algorithms }: ExpectedSet): void {
  const { typ, alg, kid } = header
  if (!hasType(header, 'secevent+jwt')) throw setRefused('invalid_request', `typ must be secevent+jwt, got ${describeValue(typ)}`)
  const critical = criticalParameterOf(header)
  if (critical !== undefined) throw setRefused('invalid_request', `${critical} is in the header, and no extension of JWS is supported`)
  if (!algorithms.includes(alg as string)) throw setRefused('invalid_key', `alg must be one of ${algorithms.join(', ')}, got ${describeValue(alg)}`)
  if (kid !== undefined && (!isText(kid) || kid.length > maxIdLength)) throw setRefused('invalid_key', `kid must be a string of at most ${maxIdLength} characters`)
}

/** SSF 1.0 section 4.2.1: one event, or several type URIs for the same event. */
function checkEvents (events: unknown): SecurityEventToken['events'] {
  if (!isObject(events)) throw setRefused('invalid_request', 'events must be an object')
  const entries = Object.entries(events)
  if (entries.length === 0 || entries.length > maxEvents) throw setRefused('invalid_request', `events must have 1 to ${maxEvents} members`)
  const unfit = entries.find(([, payload]) => !isObject(payload))
  if (unfit !== undefined) throw setRefused('invalid_request', `events[${describeValue(unfit[0])}] must be an object`)
  return events as SecurityEventToken['events']
}

/** Whether a value is a subject identifier of any format. */
export function isSubjectIdentifier (value: unknown): value is SubjectIdentifier {
  return isObject(value) && isText(value.format)
}

function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

export function isTime (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
