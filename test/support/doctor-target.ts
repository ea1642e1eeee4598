import type { JsonWebKey } from 'node:crypto'
import { createPublicKey, randomUUID, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSigningKey } from '../../lib/testing/signing-key.ts'

/** What a server of the tests answers. */
export interface TargetAnswer {
  status: number
  headers: Record<string, string | string[]>
  body: string
}

/** A request as a fault sees it. */
export interface TargetRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: string
  readonly headers: IncomingMessage['headers']
  /** The values of all `Authorization` fields. */
  readonly credentials: readonly string[]
  readonly body: string
  /** What the path leads to. */
  readonly part: 'api' | 'document' | 'well-known' | 'preflight' | 'issuer' | 'keys' | 'other'
}

/** Changes an answer of a server that has no fault. */
export type Fault = (answer: TargetAnswer, request: TargetRequest, target: DoctorTarget) => void

/** A protected MCP server and its authorization server, on one origin, written for the doctor and by nothing of the package. */
export interface DoctorTarget {
  readonly origin: string
  readonly resource: string
  readonly issuer: string
  /** A token of the issuer; for the resource, unless claims say something else. */
  token (claims?: Readonly<Record<string, unknown>>): string
  /** What is wrong with the server from now on. */
  fault: Fault | null
}

const documentPath = '/.well-known/oauth-protected-resource/mcp'
const key = createSigningKey('ES256', 'key-1')
const publicKey = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' })

export async function startDoctorTarget (t: { teardown (close: () => unknown): unknown }): Promise<DoctorTarget> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk as Buffer))
    request.once('end', () => {
      const seen = requestOf(request, Buffer.concat(chunks).toString())
      const answer = answerTo(seen, target)
      target.fault?.(answer, seen, target)
      response.writeHead(answer.status, answer.headers)
      response.end(seen.method === 'HEAD' ? '' : answer.body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const resource = `${origin}/mcp`
  const issuer = `${origin}/login`
  const target: DoctorTarget = {
    origin,
    resource,
    issuer,
    fault: null,
    token (claims = {}) {
      const now = Math.floor(Date.now() / 1000)
      return key.sign({ typ: 'at+jwt', kid: key.keyId }, {
        iss: issuer, sub: 'ann', client_id: 'client', aud: resource, iat: now, exp: now + 300, jti: randomUUID(), ...claims
      })
    }
  }
  return target
}

function requestOf (request: IncomingMessage, body: string): TargetRequest {
  const [path = '', query = ''] = request.url!.split('?')
  const method = request.method!
  const credentials = request.rawHeaders.filter((_, index) => index % 2 === 1 && request.rawHeaders[index - 1]!.toLowerCase() === 'authorization')
  const part = method === 'OPTIONS'
    ? 'preflight'
    : path === '/mcp'
      ? 'api'
      : path === documentPath
        ? 'document'
        : path.startsWith('/.well-known/oauth-protected-resource')
          ? 'well-known'
          : path === '/.well-known/oauth-authorization-server/login' ? 'issuer' : path === '/login/jwks' ? 'keys' : 'other'
  return { method, path, query, headers: request.headers, credentials, body, part }
}

function answerTo (request: TargetRequest, target: DoctorTarget): TargetAnswer {
  switch (request.part) {
    case 'preflight': return {
      status: 204, headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, content-type', 'access-control-allow-methods': 'GET, POST' }, body: ''
    }
    case 'api': return answerOfApi(request, target)
    case 'document': return json(documentOf(target))
    case 'issuer': return json(issuerMetadataOf(target))
    case 'keys': return json({ keys: [key.publicJwk] })
    case 'well-known': case 'other': return { status: 404, headers: { 'content-type': 'application/json' }, body: '{}' }
  }
}

export function json (value: unknown): TargetAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=60', 'access-control-allow-origin': '*' },
    body: JSON.stringify(value)
  }
}

export function documentOf ({ resource, issuer }: DoctorTarget): Record<string, unknown> {
  return {
    resource, authorization_servers: [issuer], scopes_supported: ['read'], bearer_methods_supported: ['header'], resource_name: 'Target',
    dpop_signing_alg_values_supported: ['ES256', 'EdDSA']
  }
}

export function issuerMetadataOf ({ issuer, resource }: DoctorTarget): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    registration_endpoint: `${issuer}/register`,
    code_challenge_methods_supported: ['S256'],
    protected_resources: [resource]
  }
}

/** The challenges of a refusal. */
export function challenges (target: DoctorTarget, parameters = ''): string[] {
  const pointer = `resource_metadata="${target.origin}${documentPath}"`
  return [`Bearer ${pointer}, scope="read"${parameters}`, `DPoP ${pointer}, algs="ES256 EdDSA"`]
}

export function refusal (target: DoctorTarget, parameters = '', status = 401): TargetAnswer {
  return {
    status,
    headers: {
      'content-type': 'application/json', 'cache-control': 'no-store', 'www-authenticate': challenges(target, parameters),
      'access-control-allow-origin': '*', 'access-control-expose-headers': 'WWW-Authenticate'
    },
    body: '{"error":"refused"}'
  }
}

const invalidToken = ', error="invalid_token"'

function answerOfApi ({ credentials }: TargetRequest, target: DoctorTarget): TargetAnswer {
  if (credentials.length > 1) return refusal(target, ', error="invalid_request"', 400)
  const [value = ''] = credentials
  if (!/^bearer\b/i.test(value)) return refusal(target)
  const token = /^bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(value)?.[1]
  if (token === undefined) return refusal(target, ', error="invalid_request"', 400)
  return isGood(token, target) ? json({ jsonrpc: '2.0', id: 1, result: {} }) : refusal(target, invalidToken)
}

export function claimsOf (token: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** The signature of ECDSA is different each time, so it is verified. */
function isGood (token: string, target: DoctorTarget): boolean {
  return isSigned(token) && claimsOf(token).aud === target.resource
}

export function isSigned (token: string): boolean {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return verify('sha256', Buffer.from(`${header}.${payload}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
}
