import { describeValue } from '../errors/detail.ts'
import type { Jwk, VerificationKey } from './signature.ts'
import { asymmetricAlgorithms, importKey, suitsAlgorithm } from './signature.ts'
import { refused } from './jwt.ts'

/** The keys of one issuer at one time. */
export interface KeySet {
  /** How many of its keys can be used. */
  readonly size: number
  /** The `kid` of each of them. */
  readonly keyIds: readonly unknown[]
  /** The same for the log, made once: strangers cause as many entries as they like. */
  readonly describedKeyIds: string
  /** The keys that cannot be used, for the log. */
  readonly skipped: readonly SkippedKey[]
  /**
   * The keys that may have signed a token with this header: by `kid`, and by what `kty`, `crv`, `alg`, `use` and
   * `key_ops` say that they are for. Without a `kid`, or where several keys share it, all that fit (RFC 7515 section 4.1.4).
   *
   * @returns an empty list when there is no such key
   * @throws InvalidTokenError when more keys fit than are tried, or none that fits can be imported
   */
  candidates (header: Readonly<Record<string, unknown>>): readonly VerificationKey[]
}

/** A member of a JWK Set that cannot be used, and why. */
export interface SkippedKey {
  readonly keyId: string
  readonly reason: string
}

/** As many keys are tried for one token: each costs one check of a signature. */
const maxCandidates = 4
const minModulusBits = 2048

/**
 * Reads a JWK Set (RFC 7517 section 5). Keys that cannot be used are skipped and the others kept: symmetric and private
 * keys, as nobody should publish them, RSA keys that anyone could sign with, and everything that is not a key. A key that
 * is listed twice counts once. Keys are imported when they are first needed, once for each algorithm.
 *
 * @throws TypeError when the document is no JWK Set
 */
export function createKeySet (document: Readonly<Record<string, unknown>>): KeySet {
  if (!Array.isArray(document.keys)) throw new TypeError('not a JWK Set: it has no list of keys')
  const skipped: SkippedKey[] = []
  const keys = new Map<string, Jwk>()
  for (const key of document.keys as unknown[]) {
    const fault = keyFault(key)
    if (fault === null) keys.set(identityOf(key as Jwk), key as Jwk)
    else skipped.push({ keyId: describeValue((key as Jwk | null)?.kid), reason: fault })
  }
  /** Imported keys by `kid` and `alg` of tokens. These may be of any type in a token, which one text of both would hide. */
  const found = new Map<unknown, Map<unknown, readonly VerificationKey[]>>()

  const keyIds = [...keys.values()].map(({ kid }) => kid)

  return {
    size: keys.size,
    keyIds,
    describedKeyIds: describeValue(keyIds),
    skipped,
    candidates (header) {
      const { kid, alg } = header as { kid?: string, alg: string }
      const known = found.get(kid)?.get(alg)
      if (known !== undefined) return known
      const fitting = [...keys.values()].filter(key => isFor(key, alg, kid))
      if (fitting.length === 0) return []
      if (fitting.length > maxCandidates) {
        throw refused('key_ambiguous', {
          expected: 'a kid in the header of the token, or a set in which few keys fit',
          received: `kid ${describeValue(kid)}, and ${fitting.length} keys of the issuer that fit`
        })
      }
      const imported = importAll(fitting, alg)
      // What is not found is not kept, so that no made-up header leaves anything behind.
      found.set(kid, (found.get(kid) ?? new Map<unknown, readonly VerificationKey[]>()).set(alg, imported))
      return imported
    }
  }
}

function importAll (keys: readonly Jwk[], alg: string): readonly VerificationKey[] {
  let failure: unknown
  const imported = keys.flatMap(key => {
    try {
      return [importKey(key, alg)]
    } catch (error) {
      failure = error
      return []
    }
  })
  if (imported.length > 0) return imported
  throw refused('key_unusable', {
    expected: `a key for ${alg} that this Node.js can import`,
    received: `kid ${describeValue(keys[0]!.kid)}: ${(failure as Error).message}`
  })
}

function isFor ({ kid, alg, key_ops: operations, ...key }: Jwk, algorithm: string, keyId: string | undefined): boolean {
  if (keyId !== undefined && kid !== keyId) return false
  if (typeof alg === 'string' && alg !== algorithm) return false
  if (Array.isArray(operations) && !operations.includes('verify')) return false
  return suitsAlgorithm({ ...key, alg }, algorithm)
}

/** Two members that say the same of the same key are one key. */
function identityOf ({ kid, kty, alg, use, n, e, crv, x, y, pub, key_ops: operations }: Jwk): string {
  return JSON.stringify([kid, kty, alg, use, n, e, crv, x, y, pub, operations])
}

/** Why a JWK cannot verify signatures, in words for the log; `null` when it can. */
export function keyFault (key: unknown): string | null {
  if (typeof key !== 'object' || key === null) return 'it is not an object'
  const { kty, crv, use, d, k } = key as Jwk
  if (k !== undefined || kty === 'oct') return 'it is a shared secret'
  if (d !== undefined) return 'it is a private key'
  if (use !== undefined && use !== 'sig') return `its use is ${describeValue(use)}, and not "sig"`
  if (kty === 'RSA') return rsaFaultOf(key as Jwk)
  const isKnown = asymmetricAlgorithms.some(algorithm => suitsAlgorithm(key as Jwk, algorithm))
  return isKnown ? null : `no signature algorithm has keys of kty ${describeValue(kty)} and crv ${describeValue(crv)}`
}

/**
 * RFC 8725bis section 3.5: at least 2048 bits. RFC 8017 section 3.1: an odd exponent of at least 3; with 1, every message
 * is its own signature.
 */
function rsaFaultOf ({ n, e, x5c }: Jwk): string | null {
  if (n === undefined && x5c !== undefined) return 'it has a certificate (x5c) and no n and e'
  if (typeof n !== 'string' || typeof e !== 'string') return 'its n or e is not a string'
  const bits = integerFrom(n).toString(2).length
  if (bits < minModulusBits) return `its modulus has ${bits} bits, and ${minModulusBits} is the least`
  const exponent = integerFrom(e)
  return exponent >= 3n && exponent % 2n === 1n ? null : `its exponent is ${describeValue(String(exponent))}`
}

/** RFC 7518 section 2, Base64urlUInt. */
function integerFrom (base64url: string): bigint {
  return BigInt(`0x0${Buffer.from(base64url, 'base64url').toString('hex')}`)
}
