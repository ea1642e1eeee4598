import type { KeyObject } from 'node:crypto'
import { constants, createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'

/** The algorithms that test issuers and test clients sign with. */
export type TestAlgorithm = 'ES256' | 'RS256' | 'PS256' | 'Ed25519'

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
  const privateKey = generatePrivateKey(algorithm)
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' }) as Record<string, unknown>
  const { kty, crv, x, y, e, n } = jwk
  const signText = (input: string): string => {
    const digest = algorithm === 'Ed25519' ? null : 'sha256'
    const padding = algorithm === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}
    return `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`
  }
  const required = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return {
    keyId,
    algorithm,
    publicJwk: Object.freeze({ ...jwk, kid: keyId, alg: algorithm, use: 'sig' }),
    thumbprint: createHash('sha256').update(JSON.stringify(required)).digest('base64url'),
    sign: (header, payload) => signText(`${encode({ alg: algorithm, ...header })}.${encode(payload)}`),
    signText
  }
}

/** base64url of the JSON of a value, as the parts of a JWT have it. */
export function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function generatePrivateKey (algorithm: TestAlgorithm): KeyObject {
  switch (algorithm) {
    case 'ES256': return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'Ed25519': return generateKeyPairSync('ed25519').privateKey
    case 'RS256': case 'PS256': return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  }
}
