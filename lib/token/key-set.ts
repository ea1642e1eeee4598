import { createLocalJWKSet, errors } from 'jose'
import type { CryptoKey, JWK, JWSHeaderParameters } from 'jose'
import { refused } from './jwt.ts'

/** The keys of one issuer at one time. */
export interface KeySet {
  /** How many of its keys can be used. */
  readonly size: number
  /**
   * The key for a token's header: by `kid`, and by what `kty`, `alg`, `use` and `key_ops` say that it is for. Without a
   * `kid`, only when no other key would do as well (RFC 7515 section 4.1.4).
   *
   * @returns `null` when there is no such key
   * @throws InvalidTokenError when several keys would do, or the one that would is broken
   */
  select (header: Readonly<Record<string, unknown>>): Promise<CryptoKey | null>
}

/** RFC 8725bis section 3.5: 2048 bits, as bytes in base64url. */
const shortestModulus = 342

/**
 * Reads a JWK Set (RFC 7517 section 5). Keys that cannot be used are skipped and the others kept: symmetric and private
 * keys, as nobody should publish them, RSA keys that are too short, and everything that is not a key.
 *
 * @throws TypeError when the document is no JWK Set
 */
export function createKeySet (document: Readonly<Record<string, unknown>>): KeySet {
  if (!Array.isArray(document.keys)) throw new TypeError('not a JWK Set')
  const keys = document.keys.filter(isPublicKey)
  const find = createLocalJWKSet({ keys })
  return {
    size: keys.length,
    async select (header) {
      try {
        return await find(header as JWSHeaderParameters)
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey) return null
        throw refused(error instanceof errors.JWKSMultipleMatchingKeys ? 'key_ambiguous' : 'key_unusable')
      }
    }
  }
}

function isPublicKey (key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false
  const { kty, n, d, k } = key as Record<string, unknown>
  if (d !== undefined || k !== undefined || typeof kty !== 'string') return false
  return kty !== 'RSA' || (typeof n === 'string' && n.length >= shortestModulus)
}
