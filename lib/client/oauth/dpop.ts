import { createHash, randomUUID } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { ProofOfPossession } from './proof.ts'

/** A key that tokens are bound to (RFC 9449). Tokens are of no use without it: keep it as long as them, and as secret. */
export interface ProofKey {
  readonly algorithm: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** A key as a store keeps it: a private JWK. */
export type StoredProofKey = JWK & { readonly alg: string }

const algorithms = ['ES256', 'EdDSA', 'ES384', 'ES512', 'PS256', 'RS256']

/**
 * Makes a key for proofs.
 *
 * @param supported the `dpop_signing_alg_values_supported` of whom the proofs are for
 * @returns `null` when none of them can be used here
 */
export async function createProofKey (supported: readonly string[] = ['ES256']): Promise<ProofKey | null> {
  const algorithm = algorithms.find(one => supported.includes(one))
  if (algorithm === undefined) return null
  return { algorithm, ...await generateKeyPair(algorithm, { extractable: true }) }
}

export async function exportProofKey ({ algorithm, privateKey }: ProofKey): Promise<StoredProofKey> {
  return { ...await exportJWK(privateKey), alg: algorithm }
}

/** @throws TypeError, JOSENotSupported when it is no private key */
export async function importProofKey (stored: StoredProofKey): Promise<ProofKey> {
  const { d: _secret, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicJwk } = stored
  return {
    algorithm: stored.alg,
    privateKey: await importJWK(stored, stored.alg) as CryptoKey,
    publicKey: await importJWK(publicJwk, stored.alg, { extractable: true }) as CryptoKey
  }
}

/** Proves the possession of one key to whoever asks, with a fresh proof for each request. */
export interface Prover extends ProofOfPossession {
  /** The RFC 7638 thumbprint of the key, for `dpop_jkt`. */
  readonly thumbprint: string
}

/**
 * Makes proofs by RFC 9449 section 4.2. Nonces are kept by origin (section 9), and those of token endpoints apart from
 * those of resources, which may share an origin.
 */
export async function createProver (key: ProofKey, clock: Clock = systemClock): Promise<Prover> {
  const jwk = await exportJWK(key.publicKey)
  const header = { alg: key.algorithm, typ: 'dpop+jwt', jwk }
  const nonces = new Map<string, string>()
  const withoutToken = new Set<string>()

  const targetOf = (url: string): { uri: string, realm: string } => {
    const { origin, pathname } = new URL(url)
    const uri = origin + pathname
    return { uri, realm: withoutToken.has(uri) ? `${origin} without a token` : origin }
  }

  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    async proofFor (method, url, accessToken) {
      if (accessToken === null) remember(withoutToken, targetOf(url).uri)
      const { uri, realm } = targetOf(url)
      const nonce = nonces.get(realm)
      return await new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: uri,
        ...accessToken !== null && { ath: createHash('sha256').update(accessToken).digest('base64url') },
        ...nonce !== undefined && { nonce }
      }).setProtectedHeader(header).setIssuedAt(Math.floor(clock.now() / 1000)).sign(key.privateKey)
    },
    sawNonce (url, nonce) {
      const { realm } = targetOf(url)
      nonces.delete(realm)
      nonces.set(realm, nonce)
      dropOldest(nonces)
    }
  }
}

/** A client talks to few; this is against those who would make it talk to many. */
const mostRemembered = 100

function remember (set: Set<string>, value: string): void {
  set.delete(value)
  set.add(value)
  dropOldest(set)
}

function dropOldest (collection: Map<string, unknown> | Set<string>): void {
  if (collection.size > mostRemembered) collection.delete(collection.keys().next().value!)
}
