import { promisify } from 'node:util'
import { describeValue } from '../errors/detail.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { criticalParameterOf, hasType } from './jwt.ts'

/** The statuses of many access tokens at one time (Token Status List section 4). */
export interface StatusList {
  /** The status of the token with this index; `null` when the list does not reach that far. */
  statusAt (index: number): number | null
  /** `iat`, in seconds since the epoch. */
  readonly issuedAt: number
  /** When the list must no longer be relied on, in seconds since the epoch; `Infinity` where it does not say. */
  readonly expiresAt: number
  /** How long the list may be used before it is fetched again, in seconds; `null` where it does not say. */
  readonly timeToLive: number | null
}

/** What a status list token must be (Token Status List section 5.1). */
export interface ExpectedStatusList {
  /** The URI that the access token names: it must be `sub` of the list. */
  readonly uri: string
  /** What `iss` must be where the list has one; `null` for anything. */
  readonly issuer: string | null
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  /** Longer lists are refused, in bytes after decompression. */
  readonly maxListBytes: number
}

/** A status list token that cannot be used. It says nothing about any access token. */
export class StatusListError extends Error {
  constructor (uri: string, message: string) {
    super(`${uri}: ${message}`)
    this.name = 'StatusListError'
  }
}

/**
 * Checks what can be checked of a status list token without a key.
 *
 * @param now seconds since the epoch
 * @throws StatusListError
 */
export function checkStatusList ({ header, claims }: Pick<UnverifiedJwt, 'header' | 'claims'>, expected: ExpectedStatusList, now: number): void {
  const { uri, issuer, algorithms, clockToleranceSeconds } = expected
  const fail = (message: string): never => { throw new StatusListError(uri, message) }
  const { typ, alg } = header
  if (!hasType(header, 'statuslist+jwt')) fail(`typ must be statuslist+jwt, got ${describeValue(typ)}`)
  if (!algorithms.includes(alg as string)) fail(`alg must be one of ${algorithms.join(', ')}, got ${describeValue(alg)}`)
  const critical = criticalParameterOf(header)
  if (critical !== undefined) fail(`${critical} is in the header, and no extension of JWS is supported`)
  const { sub, iss, iat, exp, nbf, ttl } = claims
  if (sub !== uri) fail(`sub must be the URI of the list, got ${describeValue(sub)}`)
  if (issuer !== null && iss !== undefined && iss !== issuer) fail(`iss must be ${issuer}, got ${describeValue(iss)}`)
  if (!isNumber(iat) || iat > now + clockToleranceSeconds) fail(`iat must be a number of seconds that is not in the future, got ${describeValue(iat)}`)
  if (nbf !== undefined && (!isNumber(nbf) || nbf > now + clockToleranceSeconds)) fail(`nbf must be a number of seconds that is not in the future, got ${describeValue(nbf)}`)
  // No tolerance: it must not be relied upon any longer.
  if (exp !== undefined && (!isNumber(exp) || exp <= now)) fail(`exp must be a number of seconds in the future, got ${describeValue(exp)}`)
  if (ttl !== undefined && (!isNumber(ttl) || ttl <= 0)) fail(`ttl must be a positive number of seconds, got ${describeValue(ttl)}`)
}

/**
 * Reads the list of a status list token whose signature was verified.
 *
 * @throws StatusListError for a list that cannot be read, or that is larger than is allowed
 */
export async function readStatusList (claims: UnverifiedJwt['claims'], { uri, maxListBytes }: Pick<ExpectedStatusList, 'uri' | 'maxListBytes'>): Promise<StatusList> {
  const { status_list: list, iat, exp, ttl } = claims
  const { bits, lst } = Object(list) as { bits?: unknown, lst?: unknown }
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) throw new StatusListError(uri, `bits must be 1, 2, 4 or 8, got ${describeValue(bits)}`)
  if (typeof lst !== 'string' || !/^[A-Za-z0-9_-]+$/.test(lst)) throw new StatusListError(uri, 'lst must be a string of base64url')
  let bytes: Buffer
  try {
    // Only who reads a list loads it.
    const { inflate } = await import('node:zlib')
    bytes = await promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate)(Buffer.from(lst, 'base64url'), { maxOutputLength: maxListBytes })
  } catch (error) {
    throw new StatusListError(uri, `lst could not be decompressed: ${(error as Error).message}`)
  }
  const perByte = 8 / bits
  return {
    issuedAt: iat as number,
    expiresAt: (exp as number | undefined) ?? Infinity,
    timeToLive: (ttl as number | undefined) ?? null,
    statusAt (index) {
      const byte = bytes[Math.floor(index / perByte)]
      if (byte === undefined) return null
      // Section 4.1: from the least significant bit on.
      return (byte >> (index % perByte) * bits) & (2 ** bits - 1)
    }
  }
}

function isNumber (value: unknown): value is number {
  return Number.isFinite(value)
}
