import type { JsonWebKey, KeyObject } from 'node:crypto'
import { createHash, createPublicKey } from 'node:crypto'

/** A public key that a proof brings with it. It is believed only once its thumbprint is that of the access token. */
export interface ProofKey {
  readonly algorithm: string
  readonly key: KeyObject
  /** The SHA-256 thumbprint of RFC 7638, as `cnf.jkt` has it. */
  readonly thumbprint: string
}

/** What of a JWK would make it more than a public key (RFC 7517 section 9.3, RFC 7518 section 6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** The key of each algorithm: its type, and its curve where there is one. */
const keysOfAlgorithms: Readonly<Record<string, readonly [kty: string, crv: string | null]>> = {
  ES256: ['EC', 'P-256'],
  ES384: ['EC', 'P-384'],
  ES512: ['EC', 'P-521'],
  EdDSA: ['OKP', 'Ed25519'],
  Ed25519: ['OKP', 'Ed25519'],
  RS256: ['RSA', null],
  RS384: ['RSA', null],
  RS512: ['RSA', null],
  PS256: ['RSA', null],
  PS384: ['RSA', null],
  PS512: ['RSA', null]
}

/** Every algorithm that a proof can be signed with here: asymmetric ones alone (RFC 9449 section 11.6). */
export const proofAlgorithms: readonly string[] = Object.freeze(Object.keys(keysOfAlgorithms))

const shortestModulusBits = 2048
const longestModulusBits = 8192

/**
 * Imports the `jwk` of a proof's header for the algorithm that the header names.
 *
 * @returns what is wrong with the key, in words for the log, when it cannot be used
 */
export function importProofKey (jwk: unknown, algorithm: string): ProofKey | string {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return 'jwk is missing'
  const members = jwk as Record<string, unknown>
  if (secretMembers.some(member => member in members)) return 'jwk has private members'
  const [kty, crv] = keysOfAlgorithms[algorithm]!
  if (members.kty !== kty || (crv !== null && members.crv !== crv)) return `jwk is not a key for ${algorithm}`
  if (members.alg !== undefined && members.alg !== algorithm) return `jwk is not a key for ${algorithm}`
  let key: KeyObject
  try {
    key = createPublicKey({ key: members as JsonWebKey, format: 'jwk' })
  } catch {
    return 'jwk is not a valid key'
  }
  if (kty === 'RSA') {
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
    if (modulusLength < shortestModulusBits || modulusLength > longestModulusBits) return `jwk has ${modulusLength} bits`
    // RFC 8017 section 3.1.
    if (publicExponent < 3n || publicExponent % 2n === 0n) return 'jwk has an exponent that RSA does not allow'
  }
  return { algorithm, key, thumbprint: thumbprintOf(key) }
}

/** RFC 7638 section 3: the required members alone, in the order of their names. Exported anew, so in one spelling. */
function thumbprintOf (key: KeyObject): string {
  const { kty, crv, x, y, e, n } = key.export({ format: 'jwk' })
  const required = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}
