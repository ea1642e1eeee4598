import type { KeyObject } from 'node:crypto'
import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto'

/** A client that signs DPoP proofs, right or wrong as a test needs them. */
export interface ProofMaker {
  readonly publicJwk: Readonly<Record<string, unknown>>
  /** `cnf.jkt` of tokens that are bound to its key. */
  readonly thumbprint: string
  /** @param claims and header in place of the right ones; `undefined` leaves a member out */
  proof (claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** `ath` of a token. */
export const tokenHash = hash

/** RFC 7638, for the keys that these tests make. */
function thumbprintOf (jwk: Readonly<Record<string, unknown>>): string {
  const { kty, crv, x, y, e, n } = jwk
  return hash(JSON.stringify(kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }))
}

const keys: Readonly<Record<string, () => { publicKey: KeyObject, privateKey: KeyObject }>> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: () => generateKeyPairSync('ed25519')
}

export function createProofMaker (algorithm: 'ES256' | 'ES384' | 'RS256' | 'Ed25519' = 'ES256'): ProofMaker {
  const { publicKey, privateKey } = keys[algorithm]!()
  // A detour, as Node.js 20 can stop for ever when it exports a key as a JWK that it has generated.
  const publicJwk = createPublicKey({ key: publicKey.export({ type: 'spki', format: 'der' }), format: 'der', type: 'spki' })
    .export({ format: 'jwk' }) as Record<string, unknown>
  return {
    publicJwk,
    thumbprint: thumbprintOf(publicJwk),
    proof (claims, header = {}) {
      const input = `${encode({ typ: 'dpop+jwt', alg: algorithm, jwk: publicJwk, ...header })}.${encode({ jti: randomUUID(), ...claims })}`
      const digest = algorithm === 'Ed25519' ? null : `sha${algorithm.slice(2)}`
      const signature = sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${input}.${signature.toString('base64url')}`
    }
  }
}
