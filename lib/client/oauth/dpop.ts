import { createHash, randomUUID } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'

/** Proves the possession of the key that tokens are bound to (RFC 9449), for a request to a resource or a token endpoint. */
export interface ProofOfPossession {
  /**
   * A new proof for one request. A proof is never sent twice, even when the request is repeated.
   *
   * @param url the URL of the request; query and fragment are left out of the proof
   * @param accessToken the access token in the request; `null` where there is none, as at a token endpoint
   */
  proofFor (method: string, url: string, accessToken: string | null): Promise<string>
  /** Records the `DPoP-Nonce` of a response: later proofs for the same server have it (RFC 9449 sections 8 and 9). */
  sawNonce (url: string, nonce: string): void
}

/** A key that tokens are bound to. Tokens are useless without it: it must be kept as long, and as secret, as they are. */
export interface ProofKey {
  /** The JWS algorithm. */
  readonly algorithm: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** A private key as a store keeps it: a JWK with `alg`. */
export type StoredProofKey = JWK & { readonly alg: string }

/** In the order of preference. */
const algorithms = ['ES256', 'EdDSA', 'ES384', 'ES512', 'PS256', 'RS256']

/**
 * Creates a key for proofs.
 *
 * @param supported the `dpop_signing_alg_values_supported` of the server. Default: `['ES256']`
 * @returns `null` when this package supports none of the algorithms
 */
export async function createProofKey (supported: readonly string[] = ['ES256']): Promise<ProofKey | null> {
  const algorithm = algorithms.find(one => supported.includes(one))
  if (algorithm === undefined) return null
  return { algorithm, ...await generateKeyPair(algorithm, { extractable: true }) }
}

/** Exports a key for a store. The result is a private JWK. */
export async function exportProofKey ({ algorithm, privateKey }: ProofKey): Promise<StoredProofKey> {
  return { ...await exportJWK(privateKey), alg: algorithm }
}

/**
 * Imports a key from a store.
 *
 * @throws TypeError, or an error of jose, for anything else than a private JWK
 */
export async function importProofKey (stored: StoredProofKey): Promise<ProofKey> {
  const { d: _secret, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicJwk } = stored
  return {
    algorithm: stored.alg,
    privateKey: await importJWK(stored, stored.alg) as CryptoKey,
    publicKey: await importJWK(publicJwk, stored.alg, { extractable: true }) as CryptoKey
  }
}

/** Makes proofs with one key. */
export interface Prover extends ProofOfPossession {
  /** The RFC 7638 thumbprint of the key, for the parameter `dpop_jkt` (RFC 9449 section 10). */
  readonly thumbprint: string
}

/**
 * Creates a prover, whose proofs follow RFC 9449 section 4.2. Nonces are kept for each origin (section 9), for at most 100
 * of them. Those of token endpoints are kept apart from those of resources, as both may have the same origin.
 *
 * @param clock the time of the proofs. Default: the system's
 */
export async function createProver (key: ProofKey, clock: Clock = systemClock): Promise<Prover> {
  const jwk = await exportJWK(key.publicKey)
  const header = { alg: key.algorithm, typ: 'dpop+jwt', jwk }
  const nonces = new Map<string, string>()
  const tokenEndpoints = new Set<string>()

  const targetOf = (url: string): { uri: string, nonceScope: string } => {
    const { origin, pathname } = new URL(url)
    const uri = origin + pathname
    return { uri, nonceScope: tokenEndpoints.has(uri) ? `${origin} token endpoint` : origin }
  }

  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    async proofFor (method, url, accessToken) {
      if (accessToken === null) remember(tokenEndpoints, targetOf(url).uri)
      const { uri, nonceScope } = targetOf(url)
      return await new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: uri,
        ...accessToken !== null && { ath: createHash('sha256').update(accessToken).digest('base64url') },
        // JSON leaves it out where there is none.
        nonce: nonces.get(nonceScope)
      }).setProtectedHeader(header).setIssuedAt(Math.floor(clock.now() / 1000)).sign(key.privateKey)
    },
    sawNonce (url, nonce) {
      const { nonceScope } = targetOf(url)
      nonces.delete(nonceScope)
      nonces.set(nonceScope, nonce)
      dropOldest(nonces)
    }
  }
}

/** A client talks to few servers. The limit protects against redirects and metadata that name ever more. */
const mostRemembered = 100

function remember (set: Set<string>, value: string): void {
  set.delete(value)
  set.add(value)
  dropOldest(set)
}

function dropOldest (collection: Map<string, unknown> | Set<string>): void {
  if (collection.size > mostRemembered) collection.delete(collection.keys().next().value!)
}
