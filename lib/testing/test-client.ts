import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { checkOptions } from '../options/check-options.ts'
import { clock as clockSchema, closed, text } from '../options/common-schemas.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { TestAlgorithm } from './signing-key.ts'
import { createSigningKey } from './signing-key.ts'
import { algorithmSchema, membersSchema } from './test-issuer-options.ts'

/** The request that a proof is for. */
export interface ProofTarget {
  /** Default: `GET`. */
  method?: string
  /** The public URL, absolute: what the client would send the request to. */
  url: string
  /** The access token that goes with the proof. */
  token: string
  /** The nonce that the server provided. Default: none. */
  nonce?: string
  /** Further claims, in place of the right ones, to make a wrong proof; `undefined` leaves a claim out. */
  claims?: Readonly<Record<string, unknown>>
  /** Further header parameters, likewise. */
  header?: Readonly<Record<string, unknown>>
}

/** A client with a key of its own, for tests of sender-constrained tokens (RFC 9449). */
export interface TestClient {
  /** Binds a token to the key of this client: `issuer.token({ boundTo: client })`. */
  readonly thumbprint: string
  /** A new DPoP proof. */
  proof (target: ProofTarget): string
  /** The headers of a request: `{ authorization: 'DPoP …', dpop: '…' }`. */
  headers (target: ProofTarget): { authorization: string, dpop: string }
}

const clientSchema = Type.Object({ algorithm: Type.Optional(algorithmSchema), clock: Type.Optional(clockSchema) }, closed)
const targetSchema = Type.Object(optionGroup<ProofTarget>()({
  method: Type.Optional(text),
  url: text,
  token: text,
  nonce: Type.Optional(Type.String()),
  claims: Type.Optional(membersSchema),
  header: Type.Optional(membersSchema)
}), closed)

/**
 * Makes a client with a new key; see {@link TestClient}.
 *
 * @throws OptionError for an option that does not exist, likewise in each of its methods
 */
export function createTestClient (options: { algorithm?: TestAlgorithm, clock?: Clock } = {}): TestClient {
  const { algorithm = 'ES256', clock = systemClock } = checkOptions<typeof options>('options of createTestClient', clientSchema, options)
  const key = createSigningKey(algorithm, 'proof')
  const { kid: _kid, alg: _alg, use: _use, ...jwk } = key.publicJwk
  const proof = (target: ProofTarget): string => {
    const { method = 'GET', url, token, nonce, claims, header } = checkOptions<ProofTarget>('target of the proof', targetSchema, target)
    return key.sign(
      { typ: 'dpop+jwt', jwk, ...header },
      {
        jti: randomUUID(), htm: method, htu: url.replace(/[?#].*$/s, ''), iat: Math.floor(clock.now() / 1000),
        ath: createHash('sha256').update(token).digest('base64url'), nonce, ...claims
      }
    )
  }
  return {
    thumbprint: key.thumbprint,
    proof,
    headers: target => ({ authorization: `DPoP ${target.token}`, dpop: proof(target) })
  }
}
