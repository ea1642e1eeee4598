import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'
import type { ProofReason } from '../errors/reasons.ts'
import { InvalidProofError, NonceRequiredError, withoutStackTrace } from '../errors/errors.ts'
import type { ReplayStore } from '../stores/replay/replay-store.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import { isSignedBy } from '../token/signature.ts'
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
}

/** A request whose access token is bound to a key. */
export interface ProvenRequest {
  /** The values of the `DPoP` fields of the request, one for each field line. */
  readonly proofs: readonly string[]
  readonly method: string
  /** The URI that the client asked for, by the configuration and never by `Host`; its query does not matter. */
  readonly targetUri: string
  /** The access token, as it was presented. */
  readonly token: string
  /** `cnf.jkt` of the access token. */
  readonly keyThumbprint: string
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
const compactJws = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

/** How many keys of clients are kept imported: importing one costs as much as a verification. */
const keptKeys = 10_000

export function createProofCheck (settings: DpopProofSettings, clock: Clock): CheckProof {
  const { algorithms, nonces, replays } = settings
  /** By the header of the proof, which is the same text in each proof of a client. Only headers of valid proofs are kept. */
  const keys = new LRUCache<string, ProofKey>({ max: keptKeys })

  return ({ proofs, method, targetUri, token, keyThumbprint }) => {
    const [proof] = proofs
    if (proofs.length > 1) throw invalid('proof_repeated', { expected: 'one DPoP header', received: String(proofs.length) })
    if (proof === undefined) throw invalid('proof_missing', { expected: 'a DPoP header beside `Authorization: DPoP …`' })
    const [, header, payload, signature] = (proof.length > maxProofLength ? null : compactJws.exec(proof)) ?? []
    if (header === undefined) throw invalid('proof_malformed', { expected: 'one signed JWT in compact form', received: `${proof.length} characters` })
    const known = keys.get(header)
    const key = known ?? readHeader(header, algorithms)
    const claims = parsePart(payload!)
    if (!isSignedBy(key.algorithm, key.key, Buffer.from(`${header}.${payload!}`, 'latin1'), decode(signature!))) throw invalid('proof_signature_invalid')
    checkTarget(claims, method, targetUri)
    checkNonce(claims, nonces)
    checkAge(claims, settings, clock.now())
    const { ath, jti } = claims
    if (ath !== sha256(token)) throw invalid('proof_of_another_token', { expected: 'ath is the hash of this access token', received: describeValue(ath) })
    if (key.thumbprint !== keyThumbprint) throw invalid('proof_key_foreign', { expected: `a key with the thumbprint ${keyThumbprint} (cnf.jkt)`, received: key.thumbprint })
    if (typeof jti !== 'string' || jti === '' || jti.length > maxIdLength) throw invalid('proof_malformed', { expected: `jti of 1 to ${maxIdLength} characters`, received: describeValue(jti) })
    if (known === undefined) keys.set(header, key)
    if (replays === null) return
    const seen = replays.seen(sha256(`${keyThumbprint} ${targetUri} ${jti}`), (claims.iat as number) * 1000 + settings.maxAgeMs)
    return typeof seen === 'boolean' ? checkReplay(seen) : seen.then(checkReplay)
  }
}

function readHeader (part: string, algorithms: readonly string[]): ProofKey {
  const header = parsePart(part)
  const { typ, alg, jwk } = header
  if (typeof typ !== 'string' || typ.toLowerCase().replace(/^application\//, '') !== 'dpop+jwt') throw invalid('proof_malformed', { expected: 'typ is dpop+jwt', received: describeValue(typ) })
  if (typeof alg !== 'string' || !algorithms.includes(alg)) throw invalid('proof_algorithm_refused', { expected: `alg is one of ${algorithms.join(', ')}`, received: describeValue(alg) })
  if ('crit' in header || 'b64' in header) throw invalid('proof_malformed', { expected: 'no critical header' })
  const key = importProofKey(jwk, alg)
  if (typeof key === 'string') throw invalid('proof_key_refused', { received: key })
  return key
}

function checkTarget ({ htm, htu }: Claims, method: string, targetUri: string): void {
  if (htm !== method) throw invalid('proof_of_another_request', { expected: `htm is ${method}`, received: describeValue(htm) })
  if (typeof htu !== 'string' || (htu !== targetUri && normalizeTargetUri(htu) !== normalizeTargetUri(targetUri))) {
    throw invalid('proof_of_another_request', {
      expected: `htu is ${targetUri}`, received: describeValue(htu),
      fix: 'clients must use the public URL of this server, which follows from `resource`'
    })
  }
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

function checkReplay (seen: boolean): void {
  if (seen) throw invalid('proof_replayed', { expected: 'a proof of its own for each request' })
}

type Claims = Readonly<Record<string, unknown>>

function parsePart (part: string): Claims {
  try {
    return parseStrictObject(decode(part))
  } catch {
    // The cause would quote the proof.
    throw invalid('proof_malformed', { expected: 'JSON objects in base64url' })
  }
}

/** One spelling for one proof: bits that decode to nothing are not allowed (RFC 4648 section 3.5). */
function decode (part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw invalid('proof_malformed', { expected: 'canonical base64url' })
  return bytes
}

function sha256 (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function invalid (reason: ProofReason, detail: RefusalDetail | null = null): InvalidProofError {
  return withoutStackTrace(() => new InvalidProofError(reason, detail))
}
