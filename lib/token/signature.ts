import { constants, createPublicKey, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject, VerifyKeyObjectInput } from 'node:crypto'

/** A public key as a JWK Set has it (RFC 7517 section 4). */
export type Jwk = Readonly<Record<string, unknown>>

/** A key that is bound to one algorithm: it verifies signatures of that algorithm and of no other. */
export interface VerificationKey {
  readonly algorithm: string
  /**
   * Whether a signature (RFC 7515 section 5.2) is of this key. The answer is a promise where the work is done in the
   * thread pool: for algorithms that take long, and when several signatures are waiting.
   */
  verify (signingInput: string, signature: Uint8Array): boolean | Promise<boolean>
}

/** One signature algorithm: the keys it takes, and how `crypto.verify` has to be called for it. */
interface Algorithm {
  readonly keyType: 'RSA' | 'EC' | 'OKP' | 'AKP'
  readonly curve?: string
  /** `null` where the algorithm hashes by itself. */
  readonly digest: string | null
  readonly options: Omit<VerifyKeyObjectInput, 'key'>
  /** The only length that a signature can have, in bytes; for RSA it is that of the modulus. */
  readonly signatureLength?: number
  /** What one check costs, in checks of RS256 with 2048 bits. */
  readonly cost: number
}

const pkcs1 = (bits: number): Algorithm =>
  ({ keyType: 'RSA', digest: `sha${bits}`, options: { padding: constants.RSA_PKCS1_PADDING }, cost: 1 })
// RFC 7518 section 3.5: the salt is as long as the digest.
const pss = (bits: number): Algorithm =>
  ({ keyType: 'RSA', digest: `sha${bits}`, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 }, cost: 1 })
// RFC 7518 section 3.4: R and S one after the other, and not in DER.
const ecdsa = (bits: number, curve: string, signatureLength: number, cost: number): Algorithm =>
  ({ keyType: 'EC', curve, digest: `sha${bits}`, options: { dsaEncoding: 'ieee-p1363' }, signatureLength, cost })
const eddsa: Algorithm = { keyType: 'OKP', curve: 'Ed25519', digest: null, options: {}, signatureLength: 64, cost: 5 }
const mlDsa = (signatureLength: number): Algorithm => ({ keyType: 'AKP', digest: null, options: {}, signatureLength, cost: 5 })

/** RFC 7518 section 3.1, RFC 8037, RFC 9864 and RFC 9964. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['RS256', pkcs1(256)], ['RS384', pkcs1(384)], ['RS512', pkcs1(512)],
  ['PS256', pss(256)], ['PS384', pss(384)], ['PS512', pss(512)],
  ['ES256', ecdsa(256, 'P-256', 64, 3)], ['ES384', ecdsa(384, 'P-384', 96, 29)], ['ES512', ecdsa(512, 'P-521', 132, 29)],
  ['EdDSA', eddsa], ['Ed25519', eddsa],
  ['ML-DSA-44', mlDsa(2420)], ['ML-DSA-65', mlDsa(3309)], ['ML-DSA-87', mlDsa(4627)]
])

/** Every signature algorithm that needs no shared secret. Those of ML-DSA need Node.js 24.6 or later. */
export const asymmetricAlgorithms: readonly string[] = [...algorithms.keys()]

/** Whether a key is of the type, and on the curve, that an algorithm takes. */
export function suitsAlgorithm (jwk: Jwk, name: string): boolean {
  const algorithm = algorithms.get(name)
  if (algorithm === undefined || jwk.kty !== algorithm.keyType) return false
  // RFC 9964 section 3: `alg` says which ML-DSA key it is.
  if (algorithm.keyType === 'AKP' && jwk.alg !== name) return false
  return algorithm.curve === undefined || jwk.crv === algorithm.curve
}

/**
 * Imports a key for the one algorithm that it will be used with.
 *
 * @throws Error when the key is broken, or of a kind that this Node.js does not know
 */
export function importKey (jwk: Jwk, name: string): VerificationKey {
  const { digest, options, signatureLength, cost } = algorithms.get(name)!
  // `crypto.verify` reads the options of a key as of an object around it. Such an object Node.js 24 tries as two kinds of keys
  // first, and the exceptions in between take as long as half a check.
  const key = Object.assign(createPublicKey({ key: publicPart(jwk), format: 'jwk' }), options)
  if (signatureLength !== undefined) return createVerificationKey(name, key, digest, signatureLength, cost)
  const { modulusLength } = key.asymmetricKeyDetails as { modulusLength: number }
  // The work grows with the square of the length.
  return createVerificationKey(name, key, digest, Math.ceil(modulusLength / 8), cost * (modulusLength / 2048) ** 2)
}

function createVerificationKey (
  algorithm: string, key: KeyObject, digest: string | null, signatureLength: number, cost: number
): VerificationKey {
  return {
    algorithm,
    verify (signingInput, signature) {
      // Checked here and not left to the library, so that no other encoding of a signature is ever tried.
      if (signature.length !== signatureLength) return false
      const data = Buffer.from(signingInput, 'latin1')
      if (mayBlock(cost)) return verify(digest, data, key, signature)
      return new Promise(resolve => {
        // A check that cannot be completed is not passed.
        verify(digest, data, key, signature, (error, isGood) => resolve(error === null && isGood))
      })
    }
  }
}

/** Only what is public, and only what the import reads. */
function publicPart ({ kty, n, e, crv, x, y, alg, pub }: Jwk): JsonWebKey {
  return (kty === 'RSA' ? { kty, n, e } : kty === 'AKP' ? { kty, alg, pub } : { kty, crv, x, y }) as JsonWebKey
}

/**
 * How much may be verified in one turn of the event loop before the thread pool takes over, in checks of RS256: about a
 * millisecond. One signature is cheapest at once, and the pool takes twice the time of the processor for it; hundreds at once
 * would keep every other request of the process waiting.
 */
const budgetPerTurn = 32
/** A single check above this cost goes to the thread pool, whatever else there is to do. */
const maxBlockingCost = 4
let spentInTurn = 0

function mayBlock (cost: number): boolean {
  if (cost > maxBlockingCost || spentInTurn >= budgetPerTurn) return false
  if (spentInTurn === 0) setImmediate(() => { spentInTurn = 0 })
  spentInTurn += cost
  return true
}
