import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

export const resource = 'http://localhost:3000'

const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

export const publicKeys = { RS256: pairs.RS256.publicKey, ES256: pairs.ES256.publicKey }

export const jwks = {
  keys: Object.keys(pairs).map(alg => ({ ...pairs[alg].publicKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }))
}

const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')

export function signJwt (header, claims, privateKey) {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

let serial = 0

/** Access tokens by RFC 9068, of which no two are the same. */
export function createTokens (issuer, alg, count, more = {}) {
  const now = Math.floor(Date.now() / 1000)
  return Array.from({ length: count }, () => signJwt({ alg, typ: 'at+jwt', kid: alg }, {
    iss: issuer,
    aud: resource,
    sub: `user-${serial % 100}`,
    client_id: 'bench',
    scope: 'projects:read projects:write',
    iat: now,
    exp: now + 3600,
    jti: `token-${serial++}`,
    ...more
  }, pairs[alg].privateKey))
}

/** The same token with a signature of the right length that is wrong. */
export function forge (token) {
  const end = token.lastIndexOf('.') + 1
  const signature = Buffer.from(token.slice(end), 'base64url')
  // Not the first byte: an RSA signature above the modulus is refused before any work is done.
  for (let i = 1; i < signature.length; i++) signature[i] ^= 0x55
  return token.slice(0, end) + signature.toString('base64url')
}

/** The key of a client that sends DPoP proofs (RFC 9449). */
export function createProofKey () {
  // As a JWK at once: Node.js 20 can stop for ever when it exports a key that it has generated.
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { format: 'jwk' } })
  const { crv, kty, x, y } = publicKey
  return {
    thumbprint: createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url'),
    jwk: { kty, crv, x, y },
    prove: ({ method, uri, token }) => signJwt({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, {
      jti: randomUUID(), htm: method, htu: uri, iat: Math.floor(Date.now() / 1000), ath: createHash('sha256').update(token).digest('base64url')
    }, privateKey)
  }
}

/** Serves the keys, where peers look for them. */
export async function serveKeys () {
  const body = JSON.stringify(jwks)
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    issuer: `http://127.0.0.1:${server.address().port}`,
    close () {
      server.close()
      server.closeAllConnections()
    }
  }
}
