import { thumbprintOf } from '../jwk-thumbprint.ts'
import { keyFault } from '../token/key-set.ts'
import type { Jwk, VerificationKey } from '../token/signature.ts'
import { importKey, suitsAlgorithm } from '../token/signature.ts'

/** A public key that a proof brings with it. It counts only when its thumbprint is the one in the access token. */
export interface ProofKey extends VerificationKey {
  /** The SHA-256 thumbprint of RFC 7638, as `cnf.jkt` has it. */
  readonly thumbprint: string
}

/** Members that hold a secret (RFC 7518 section 6, RFC 9964 section 3). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/**
 * Imports the `jwk` of a proof's header for the algorithm that the header names.
 *
 * @returns what is wrong with the key, in words for the log, when it cannot be used
 */
export function importProofKey (jwk: unknown, algorithm: string): ProofKey | string {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return 'no jwk'
  const members = jwk as Jwk
  if (secretMembers.some(member => member in members)) return 'a jwk with private members'
  const fault = keyFault(members)
  if (fault !== null) return `a jwk that cannot be used: ${fault}`
  if (!suitsAlgorithm(members, algorithm) || (members.alg !== undefined && members.alg !== algorithm)) return `a jwk that is no key for ${algorithm}`
  try {
    return { ...importKey(members, algorithm), thumbprint: thumbprintOf(members) }
  } catch {
    return 'a jwk that is not a valid key'
  }
}
