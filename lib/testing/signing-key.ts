import type { KeyObject } from 'node:crypto'
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { thumbprintOf } from '../jwk-thumbprint.ts'

/** The algorithms that test issuers and test clients sign with. `Ed25519` and `EdDSA` are two names of one (RFC 9864). */
export type TestAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'Ed25519' | 'EdDSA'

/** @internal */
export const testAlgorithms: readonly TestAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA']

type Members = Readonly<Record<string, unknown>>

/** A key pair that signs JWTs at once, without a promise. */
export interface SigningKey {
  readonly keyId: string
  readonly algorithm: TestAlgorithm
  /** The public half, as a JWK Set has it. */
  readonly publicJwk: Members
  /** The SHA-256 thumbprint of RFC 7638. */
  readonly thumbprint: string
  /** A compact JWS; members of header and payload that are `undefined` are left out. */
  sign (header: Members, payload: Members): string
  /** Adds the signature to header and payload that are encoded already. */
  signText (input: string): string
}

export function createSigningKey (algorithm: TestAlgorithm, keyId: string): SigningKey {
  const privateKey = imported(generatePrivateKey(algorithm))
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' }) as Record<string, unknown>
  const digest = isEdwards(algorithm) ? null : `sha${algorithm.slice(2)}`
  const padding = algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}
  const signText = (input: string): string =>
    `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`
  return {
    keyId,
    algorithm,
    publicJwk: Object.freeze({ ...jwk, kid: keyId, alg: algorithm, use: 'sig' }),
    thumbprint: thumbprintOf(jwk),
    sign: (header, payload) => signText(`${encode({ alg: algorithm, ...header })}.${encode(payload)}`),
    signText
  }
}

/** base64url of the JSON of a value, as the parts of a JWT have it. */
export function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function generatePrivateKey (algorithm: TestAlgorithm): KeyObject {
  if (isEdwards(algorithm)) return generateKeyPairSync('ed25519').privateKey
  if (!algorithm.startsWith('ES')) return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384' }[algorithm as string] ?? 'P-521' }).privateKey
}

/**
 * Node.js 20 can stop for ever when it exports a key as a JWK that it has generated: the garbage collector, if it comes just then,
 * waits for a lock that the export has. A key that was imported has no such lock.
 */
function imported (key: KeyObject): KeyObject {
  return createPrivateKey({ key: key.export({ type: 'pkcs8', format: 'der' }), format: 'der', type: 'pkcs8' })
}

function isEdwards (algorithm: TestAlgorithm): boolean {
  return algorithm === 'Ed25519' || algorithm === 'EdDSA'
}
