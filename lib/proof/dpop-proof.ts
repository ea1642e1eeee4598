import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'
import type { ProofReason } from '../errors/reasons.ts'
import { InvalidProofError, NonceRequiredError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { ReplayStore } from '../stores/replay/replay-store.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { CompactParts } from '../token/jwt.ts'
import { copyOf, criticalParameterOf, decodePart, hasType, splitCompact } from '../token/jwt.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { DpopNonces } from './dpop-nonces.ts'
import type { ProofKey } from './proof-key.ts'
import { importProofKey } from './proof-key.ts'
import { normalizeTargetUri } from './target-uri.ts'

export interface DpopProofSettings {
  /** JWS algorithms of proofs. */
  readonly algorithms: readonly string[]
  /** How old a proof may be, by its `iat`, in milliseconds. */
  readonly maxAgeMs: number
  /** How far in the future its `iat` may be, in milliseconds. */
  readonly futureToleranceMs: number
  /** `null`: proofs need no nonce of this server. */
  readonly nonces: DpopNonces | null
  /** `null`: a proof is good for as long as it is young enough. */
  readonly replays: ReplayStore | null
  /** How long the replay store may take to answer. */
  readonly replayTimeoutMs: number
}

/** A request whose access token is bound to a key. */
export interface ProvenRequest {
  /** The values of the `DPoP` fields of the request, one for each field line. */
  readonly proofs: readonly string[]
  readonly method: string
  /** The URIs that the request has, one for each public base of the configuration, never by `Host`; their query does not matter. */
  readonly targetUris: readonly string[]
  /** The SHA-256 digest of the access token, in base64url: what `ath` has to be. */
  readonly tokenHash: string
  /** `cnf.jkt` of the access token. */
  readonly keyThumbprint: string
  /** Is told of the current nonce, when the proof has the one before it. */
  readonly provideNonce: (nonce: string) => void
}

/**
 * Checks the DPoP proof of a request by RFC 9449 section 4.3, in the order of that section, the use of a `jti` last: a proof
 * that fails another check is not used up.
 *
 * It throws {@link InvalidProofError}, {@link NonceRequiredError}, and what the replay store throws. Without a replay store
 * that has to be waited for, it returns nothing at once.
 */
export type CheckProof = (request: ProvenRequest) => void | Promise<void>

/** A proof has a header, a few claims and a signature: longer ones are not looked at. */
const maxProofLength = 8192
/** RFC 9449 section 11.1: what is remembered is a digest, whose length does not grow with this. */
const maxIdLength = 512

/** How many keys of clients are kept imported: importing one costs as much as a verification. */
const keptKeys = 10_000

export function createProofCheck (settings: DpopProofSettings, clock: Clock): CheckProof {
  const { algorithms, maxAgeMs, nonces, replays, replayTimeoutMs } = settings
  /** By the header of the proof, which is the same text in each proof of a client. Only headers of valid proofs are kept. */
  const keys = new LRUCache<string, ProofKey>({ max: keptKeys })

  return request => {
    const { header, payload, signature, signingInput } = takeApart(request.proofs)
    const known = keys.get(header)
    const key = known ?? readHeader(header, algorithms)
    const claims = parsePart(payload)
    const finish = (isSigned: boolean): void | Promise<void> => {
      if (!isSigned) throw invalid('proof_signature_invalid')
      checkClaims(claims, key, request, settings, clock.now())
      if (known === undefined) keys.set(copyOf(header), key)
      if (nonces !== null && claims.nonce !== nonces.current()) request.provideNonce(nonces.current())
      if (replays === null) return
      // By `htu` as it was signed: the request may spell its path differently each time.
      const use = `${request.keyThumbprint} ${claims.htu as string} ${claims.jti as string}`
      return recordUse(replays, use, (claims.iat as number) * 1000 + maxAgeMs, replayTimeoutMs)
    }
    const isSigned = key.verify(signingInput, decoded(signature))
    return typeof isSigned === 'boolean' ? finish(isSigned) : isSigned.then(finish)
  }
}

/** RFC 9449 section 4.3, 1 and 2. */
function takeApart (proofs: readonly string[]): CompactParts {
  const [proof] = proofs
  if (proof === undefined) throw invalid('proof_header_missing', { expected: 'a DPoP header beside `Authorization: DPoP …`' })
  if (proofs.length > 1) throw invalid('proof_repeated', { expected: 'one DPoP header', received: String(proofs.length) })
  const parts = proof.length > maxProofLength ? null : splitCompact(proof)
  if (parts === null) throw invalid('proof_malformed', { expected: 'one signed JWT in compact form', received: `${proof.length} characters` })
  return parts
}

/** RFC 9449 section 4.3, 4 to 7, but for the signature. */
function readHeader (part: string, algorithms: readonly string[]): ProofKey {
  const header = parsePart(part)
  const { typ, alg, jwk } = header
  if (!hasType(header, 'dpop+jwt')) throw invalid('proof_malformed', { expected: 'typ is dpop+jwt', received: describeValue(typ) })
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    throw invalid('proof_algorithm_refused', { expected: `alg is one of ${algorithms.join(', ')}`, received: describeValue(alg) })
  }
  if (criticalParameterOf(header) !== undefined) throw invalid('proof_malformed', { expected: 'no critical header' })
  const key = importProofKey(jwk, alg)
  if (typeof key === 'string') throw invalid('proof_key_refused', { expected: `a public key for ${alg}`, received: key })
  return key
}

/** RFC 9449 section 4.3, 8 to 12. */
function checkClaims (claims: Claims, key: ProofKey, { method, targetUris, tokenHash, keyThumbprint }: ProvenRequest, settings: DpopProofSettings, now: number): void {
  const { ath, jti } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength) {
    throw invalid('proof_malformed', { expected: `jti of 1 to ${maxIdLength} characters`, received: describeValue(jti) })
  }
  checkTarget(claims, method, targetUris)
  checkNonce(claims, settings.nonces)
  checkAge(claims, settings, now)
  if (ath !== tokenHash) throw invalid('proof_of_another_token', { expected: 'ath is the hash of this access token', received: describeValue(ath) })
  if (key.thumbprint !== keyThumbprint) {
    throw invalid('proof_key_foreign', { expected: `a key with the thumbprint ${keyThumbprint} (cnf.jkt)`, received: key.thumbprint })
  }
}

function checkTarget ({ htm, htu }: Claims, method: string, targetUris: readonly string[]): void {
  if (htm !== method) throw invalid('proof_of_another_request', { expected: `htm is ${method}`, received: describeValue(htm) })
  if (typeof htu !== 'string' || !isOneOf(htu, targetUris)) {
    throw invalid('proof_of_another_request', {
      expected: `htu is ${targetUris.join(' or ')}`, received: describeValue(htu),
      fix: 'clients must use a public URL of this server, which follows from `resource`, or from `dpop.publicBaseUrl`'
    })
  }
}

function isOneOf (htu: string, targetUris: readonly string[]): boolean {
  if (targetUris.includes(htu)) return true
  const normalized = normalizeTargetUri(htu)
  return normalized !== null && targetUris.some(targetUri => normalizeTargetUri(targetUri) === normalized)
}

function checkNonce ({ nonce }: Claims, nonces: DpopNonces | null): void {
  if (nonces === null || nonces.isGood(nonce)) return
  throw withoutStackTrace(() => new NonceRequiredError(nonces.current(), { expected: 'a nonce that this server provided', received: describeValue(nonce) }))
}

function checkAge ({ iat }: Claims, { maxAgeMs, futureToleranceMs }: DpopProofSettings, now: number): void {
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw invalid('proof_malformed', { expected: 'iat is a number', received: describeValue(iat) })
  const ageMs = now - iat * 1000
  if (ageMs <= maxAgeMs && ageMs >= -futureToleranceMs) return
  throw invalid('proof_outside_window', {
    expected: `iat at most ${maxAgeMs / 1000} s old and ${futureToleranceMs / 1000} s ahead`, received: `${Math.round(ageMs / 1000)} s old`,
    fix: 'compare the clocks of client and server'
  })
}

function recordUse (replays: ReplayStore, use: string, untilMs: number, timeoutMs: number): void | Promise<void> {
  const unavailable = (cause: unknown): UnavailableError => withoutStackTrace(() => new UnavailableError('replay_store_unavailable', 5, cause))
  const check = (seen: unknown): void => {
    if (seen === false) return
    throw seen === true ? invalid('proof_replayed', { expected: 'a new proof for each request' }) : unavailable(new TypeError('seen() returned no boolean'))
  }
  let seen: boolean | Promise<boolean>
  try {
    seen = replays.seen(use, untilMs)
  } catch (error) {
    throw unavailable(error)
  }
  return isPromise(seen) ? withinTime(seen, timeoutMs).then(check, (error: unknown) => { throw unavailable(error) }) : check(seen)
}

type Claims = Readonly<Record<string, unknown>>

function parsePart (part: string): Claims {
  try {
    return parseStrictObject(decodePart(part))
  } catch {
    // The cause would quote the proof.
    throw invalid('proof_malformed', { expected: 'JSON objects in base64url' })
  }
}

function decoded (part: string): Buffer {
  try {
    return decodePart(part)
  } catch {
    throw invalid('proof_malformed', { expected: 'canonical base64url' })
  }
}

function invalid (reason: ProofReason, detail: RefusalDetail | null = null): InvalidProofError {
  return withoutStackTrace(() => new InvalidProofError(reason, detail))
}
