import { constants, createPrivateKey, createPublicKey, KeyObject, sign } from 'node:crypto'
import type { JsonWebKeyInput, webcrypto } from 'node:crypto'
import { publicMembersOf, thumbprintOf } from '../jwk-thumbprint.ts'

/** A private key that signs metadata. */
export interface MetadataKeyOptions {
  /** Of Node.js (`crypto.createPrivateKey`), of WebCrypto, or a private JWK. RSA of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519. */
  privateKey: KeyObject | webcrypto.CryptoKey | webcrypto.JsonWebKey
  /** `kid`. Default: the thumbprint of the public key (RFC 7638). */
  keyId?: string
}

/** A key that signs metadata; its private half stays in the function. */
export interface MetadataKey {
  readonly keyId: string
  readonly algorithm: string
  /** The public half, as a JWK Set has it, with `use`, `alg` and `kid` (RFC 9728 section 2). */
  readonly publicJwk: Readonly<Record<string, unknown>>
  /** A compact JWS of the claims (RFC 7515 section 7.1). */
  sign (claims: Readonly<Record<string, unknown>>): string
}

const byCurve: Readonly<Record<string, readonly [algorithm: string, digest: string]>> = {
  'P-256': ['ES256', 'sha256'], 'P-384': ['ES384', 'sha384'], 'P-521': ['ES512', 'sha512']
}

/** @throws TypeError for what is no key that can sign */
function createMetadataKey ({ privateKey, keyId }: MetadataKeyOptions): MetadataKey {
  const key = privateKeyOf(privateKey)
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as Readonly<Record<string, string>>
  const { kty, crv } = jwk
  const ec = kty === 'EC' ? byCurve[crv!] : undefined
  const [algorithm, digest] = kty === 'RSA' ? ['RS256', 'sha256'] : crv === 'Ed25519' ? ['EdDSA', null] : ec ?? []
  if (algorithm === undefined) throw new TypeError(`a key of kty ${String(kty)} and crv ${String(crv)} cannot sign metadata`)
  if (kty === 'RSA' && key.asymmetricKeyDetails!.modulusLength! < 2048) throw new TypeError('an RSA key must have 2048 bits or more')
  const kid = keyId ?? thumbprintOf(jwk)
  const header = encode({ alg: algorithm, kid, typ: 'JWT' })
  return {
    keyId: kid,
    algorithm,
    publicJwk: Object.freeze({ ...publicMembersOf(jwk), kid, alg: algorithm, use: 'sig' }),
    sign (claims) {
      const input = `${header}.${encode(claims)}`
      const signature = sign(digest ?? null, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...kty === 'RSA' && { padding: constants.RSA_PKCS1_PADDING } })
      return `${input}.${signature.toString('base64url')}`
    }
  }
}

function privateKeyOf (given: MetadataKeyOptions['privateKey']): KeyObject {
  const key = importKey(given)
  if (key?.type !== 'private') throw new TypeError('it is no private key')
  return key
}

/** `null` for what is no key. The error of the import may quote what was given. */
function importKey (given: MetadataKeyOptions['privateKey']): KeyObject | null {
  if (given instanceof KeyObject) return given
  try {
    return 'kty' in given ? createPrivateKey({ key: given, format: 'jwk' } as JsonWebKeyInput) : KeyObject.from(given as webcrypto.CryptoKey)
  } catch {
    return null
  }
}

/**
 * Reads a list of keys.
 *
 * @throws TypeError that says which one cannot be used
 */
export function readMetadataKeys (given: unknown): readonly MetadataKey[] {
  if (!Array.isArray(given) || given.length === 0) throw new TypeError('must be a non-empty list of { privateKey, keyId }')
  const keys = given.map((options: unknown, index) => {
    try {
      const { privateKey, keyId } = Object(options) as Partial<MetadataKeyOptions>
      if (keyId !== undefined && (typeof keyId !== 'string' || keyId === '')) throw new TypeError('keyId must be a non-empty string')
      return createMetadataKey({ privateKey: Object(privateKey) as KeyObject, ...keyId !== undefined && { keyId } })
    } catch (error) {
      throw new TypeError(`[${index}]: ${(error as Error).message}`)
    }
  })
  const repeated = keys.find(({ keyId }, index) => keys.findIndex(other => other.keyId === keyId) !== index)
  if (repeated !== undefined) throw new TypeError(`has two keys with the keyId ${JSON.stringify(repeated.keyId)}`)
  return keys
}

function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
