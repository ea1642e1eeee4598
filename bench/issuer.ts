import { generateKeyPairSync, sign } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'

export type Algorithm = 'RS256' | 'ES256'

export const issuer = 'http://localhost:4000'
export const resource = 'http://localhost:3000'

/** Keys of one run, and tokens as an authorization server by RFC 9068 makes them. */
export interface BenchIssuer {
  readonly jwks: { keys: JsonWebKey[] }
  publicKey (alg: Algorithm): KeyObject
  /** Tokens of which no two are the same. */
  tokens (alg: Algorithm, count: number): string[]
}

export function createBenchIssuer (): BenchIssuer {
  const keys = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' })
  }
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  let serial = 0

  const token = (alg: Algorithm): string => {
    const head = encode({ alg, typ: 'at+jwt', kid: alg })
    const body = encode({
      iss: issuer, aud: resource, sub: `user-${serial % 100}`, client_id: 'bench', scope: 'projects:read projects:write',
      iat: now, exp: now + 3600, jti: `token-${serial++}`
    })
    const key = { key: keys[alg].privateKey, dsaEncoding: 'ieee-p1363' as const }
    return `${head}.${body}.${sign('sha256', Buffer.from(`${head}.${body}`), key).toString('base64url')}`
  }
  return {
    jwks: {
      keys: (['RS256', 'ES256'] as const).map(alg => ({ ...keys[alg].publicKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }))
    },
    publicKey: alg => keys[alg].publicKey,
    tokens: (alg, count) => Array.from({ length: count }, () => token(alg))
  }
}
