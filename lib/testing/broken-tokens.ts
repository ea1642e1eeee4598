import { createHmac, randomBytes } from 'node:crypto'
import type { SigningKey, TestAlgorithm } from './signing-key.ts'
import { createSigningKey, encode } from './signing-key.ts'

type Members = Readonly<Record<string, unknown>>

/** A right access token, before it is signed. */
export interface TokenParts {
  readonly header: Members
  readonly claims: Members
  readonly key: SigningKey
  /** The claims of an ID token of the product; `null` for an issuer by RFC 9068. */
  readonly idToken: Members | null
  /** Seconds since the epoch. */
  readonly now: number
}

/** What can be wrong with a token; a resource server must refuse each of them with 401. */
export type BrokenToken =
  | 'expired' | 'not_yet_valid' | 'issued_in_the_future' | 'wrong_issuer' | 'wrong_audience' | 'no_audience' | 'no_subject' | 'no_expiry'
  | 'unknown_key' | 'foreign_key' | 'bad_signature' | 'no_signature' | 'alg_none' | 'symmetric' | 'critical_header'
  | 'id_token' | 'other_type' | 'bound_to_a_key' | 'bound_to_a_certificate' | 'encrypted' | 'truncated' | 'not_a_jwt' | 'repeated_claim'

type Break = (parts: TokenParts) => string

const withClaims = (change: (parts: TokenParts) => Members): Break =>
  parts => parts.key.sign(parts.header, { ...parts.claims, ...change(parts) })
const withHeader = (change: Members): Break => ({ header, claims, key }) => key.sign({ ...header, ...change }, claims)
const signedBy = (keyId: (key: SigningKey) => string): Break => ({ header, claims, key }) =>
  createSigningKey(key.algorithm as TestAlgorithm, 'foreign').sign({ ...header, kid: keyId(key) }, claims)
const right: Break = ({ header, claims, key }) => key.sign(header, claims)
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'

/** How each of them is made. */
export const brokenTokens: Readonly<Record<BrokenToken, Break>> = {
  expired: withClaims(({ now }) => ({ iat: now - 7200, exp: now - 3600 })),
  not_yet_valid: withClaims(({ now }) => ({ nbf: now + 3600 })),
  issued_in_the_future: withClaims(({ now }) => ({ iat: now + 3600, exp: now + 7200 })),
  wrong_issuer: withClaims(() => ({ iss: 'https://another-issuer.example' })),
  wrong_audience: withClaims(() => ({ aud: 'https://another-api.example' })),
  no_audience: withClaims(() => ({ aud: undefined })),
  no_subject: withClaims(() => ({ sub: undefined })),
  no_expiry: withClaims(() => ({ exp: undefined })),
  unknown_key: signedBy(() => 'a-key-that-nobody-publishes'),
  foreign_key: signedBy(key => key.keyId),
  bad_signature: parts => {
    const [header, payload, signature] = right(parts).split('.') as [string, string, string]
    const bytes = Buffer.from(signature, 'base64url')
    bytes[0]! ^= 1
    return `${header}.${payload}.${bytes.toString('base64url')}`
  },
  no_signature: parts => right(parts).replace(/[^.]*$/, ''),
  alg_none: ({ header, claims }) => `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
  symmetric: ({ header, claims, key }) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    return `${input}.${createHmac('sha256', JSON.stringify(key.publicJwk)).update(input).digest('base64url')}`
  },
  critical_header: withHeader({ crit: ['https://example.com/extension'], 'https://example.com/extension': true }),
  id_token: ({ header, claims, key, idToken }) => {
    const { scope: _scope, client_id: clientId, ...others } = claims
    if (idToken !== null) return key.sign(header, idToken)
    return key.sign({ ...header, typ: 'JWT' }, { ...others, aud: clientId, nonce: 'n-0S6_WzA2Mj', at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' })
  },
  other_type: withHeader({ typ: 'logout+jwt' }),
  bound_to_a_key: withClaims(() => ({ cnf: { jkt: thumbprint } })),
  bound_to_a_certificate: withClaims(() => ({ cnf: { 'x5t#S256': thumbprint } })),
  encrypted: ({ header }) => [encode({ ...header, alg: 'RSA-OAEP-256', enc: 'A256GCM' }), ...[256, 12, 64, 16].map(size => randomBytes(size).toString('base64url'))].join('.'),
  truncated: parts => right(parts).slice(0, -10),
  not_a_jwt: () => 'not-a-jwt',
  repeated_claim: ({ header, claims, key }) => {
    // The claims are text here: an object cannot have a name twice.
    const payload = JSON.stringify(claims).replace('{', `{"sub":${JSON.stringify('somebody-else')},`)
    const [protectedHeader] = key.sign(header, claims).split('.') as [string]
    return key.signText(`${protectedHeader}.${Buffer.from(payload).toString('base64url')}`)
  }
}
