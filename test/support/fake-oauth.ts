import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import type { JWK } from 'jose'
import type { Fetch } from '../../lib/http/limited-fetch.ts'

/** One request that an authorization server or a resource got. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** The body as text, empty for none. */
  readonly body: string
  /** The body as a form. */
  readonly form: URLSearchParams
}

export type FakeAnswer = (request: Received) => Response | Promise<Response>

/** What the fake authorization server grants, and how it lies. */
export interface FakeOAuthOptions {
  issuer?: string
  resource?: string
  /** Members of the metadata of the authorization server; `undefined` takes one away. */
  server?: Record<string, unknown>
  /** Members of the metadata document of the resource. */
  document?: Record<string, unknown>
  /** The nonce that the token endpoint asks for in a proof. */
  serverNonce?: string
  /** The nonce that the resource asks for in a proof. */
  resourceNonce?: string
  /** What the resource needs on a path, for a 403. */
  scopesOf?: (path: string) => readonly string[]
  /** The scopes that the authorization server grants of those it is asked for. */
  grants?: (asked: readonly string[]) => readonly string[]
  /** The parameters of the challenge of a 401 without a token. */
  challenge?: string
}

interface Grant {
  scopes: readonly string[]
  resource: string | null
  thumbprint: string | null
}

/**
 * An authorization server and a resource in this process, reached by one `fetch`, that tests tell to lie. What is sent is
 * checked as a strict server does; every request is kept.
 */
export interface FakeOAuth {
  readonly issuer: string
  readonly resource: string
  readonly fetch: Fetch
  readonly received: Received[]
  /** Members of the metadata of the authorization server. */
  readonly server: Record<string, unknown>
  /** Members of the metadata document of the resource. */
  readonly document: Record<string, unknown>
  /** URLs that were asked for, as `METHOD url`. */
  log (): string[]
  /** Answers a URL in its own way, until it is told otherwise. */
  answer (url: string, answer: FakeAnswer | null): void
  /** The user says yes: answers the URL that the browser comes back to. */
  consent (url: URL, changes?: Record<string, string | undefined>): Promise<URL>
  /** The authorization requests that were made, pushed ones included. */
  readonly authorizations: URLSearchParams[]
  /** The bodies of the token requests. */
  readonly tokenRequests: URLSearchParams[]
  /** Takes all access tokens back. */
  killTokens (): void
}

export function createFakeOAuth (options: FakeOAuthOptions = {}): FakeOAuth {
  const issuer = options.issuer ?? 'https://login.example.com'
  const resource = options.resource ?? 'https://mcp.example.com/mcp'
  const { origin, pathname } = new URL(resource)
  const metadataOfResource = `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}`
  const url = new URL(issuer)
  const base = issuer.replace(/\/$/, '')
  const metadataOfServer = `${url.origin}/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`
  const server: Record<string, unknown> = {
    issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    registration_endpoint: `${base}/register`,
    revocation_endpoint: `${base}/revoke`,
    pushed_authorization_request_endpoint: `${base}/par`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    authorization_response_iss_parameter_supported: true,
    ...options.server
  }
  const document: Record<string, unknown> = { resource, authorization_servers: [issuer], ...options.document }
  const received: Received[] = []
  const authorizations: URLSearchParams[] = []
  const tokenRequests: URLSearchParams[] = []
  const codes = new Map<string, Grant & { challenge: string, redirectUri: string, clientId: string }>()
  const refreshTokens = new Map<string, Grant>()
  const accessTokens = new Map<string, Grant>()
  const pushed = new Map<string, URLSearchParams>()
  const overrides = new Map<string, FakeAnswer>()
  let serial = 0

  const refuse = (error: string, status = 400, headers: Record<string, string> = {}): Response =>
    Response.json({ error, error_description: `no: ${error}` }, { status, headers })

  const issue = (grant: Grant, withRefreshToken: boolean): Response => {
    const accessToken = `at-${++serial}`
    accessTokens.set(accessToken, grant)
    const refreshToken = `rt-${serial}`
    if (withRefreshToken) refreshTokens.set(refreshToken, grant)
    return Response.json({
      access_token: accessToken,
      token_type: grant.thumbprint === null ? 'Bearer' : 'DPoP',
      expires_in: 300,
      ...grant.scopes.length > 0 && { scope: grant.scopes.join(' ') },
      ...withRefreshToken && { refresh_token: refreshToken }
    })
  }

  const token: FakeAnswer = async request => {
    const { form } = request
    tokenRequests.push(form)
    const proof = await checkProof(request, null, options.serverNonce)
    if (proof instanceof Response) return proof
    const asked = form.get('scope')?.split(' ') ?? []
    const scopes = options.grants?.(asked) ?? asked
    switch (form.get('grant_type') ?? '') {
      case 'authorization_code': {
        const code = codes.get(form.get('code') ?? '')
        codes.delete(form.get('code') ?? '')
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url')
        if (code === undefined || code.challenge !== challenge || code.redirectUri !== form.get('redirect_uri')) return refuse('invalid_grant')
        if (code.resource !== form.get('resource')) return refuse('invalid_target')
        return issue({ ...code, thumbprint: proof }, true)
      }
      case 'refresh_token': {
        const grant = refreshTokens.get(form.get('refresh_token') ?? '')
        if (grant === undefined || grant.thumbprint !== proof) return refuse('invalid_grant')
        refreshTokens.delete(form.get('refresh_token')!)
        return issue(grant, true)
      }
      case 'client_credentials':
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return issue({ scopes, resource: form.get('resource'), thumbprint: proof }, false)
      case 'urn:ietf:params:oauth:grant-type:token-exchange':
        if (form.get('requested_token_type') === 'urn:ietf:params:oauth:token-type:id-jag') {
          return Response.json({ access_token: 'id-jag-1', token_type: 'N_A', issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag' })
        }
        return issue({ scopes, resource: form.get('resource'), thumbprint: proof }, false)
      default: return refuse('unsupported_grant_type')
    }
  }

  const protectedRoute: FakeAnswer = async request => {
    const path = new URL(request.url).pathname
    const [scheme = '', value = ''] = request.headers.get('authorization')?.split(' ') ?? []
    const pointer = `resource_metadata="${metadataOfResource}"`
    const challenged = (status: number, more: string, headers: Record<string, string> = {}): Response =>
      new Response('', { status, headers: { 'www-authenticate': `${document.dpop_bound_access_tokens_required === true ? 'DPoP' : 'Bearer'} ${pointer}${more}`, ...headers } })
    if (value === '') return challenged(401, options.challenge === undefined ? '' : `, ${options.challenge}`)
    const grant = accessTokens.get(value)
    const isUnbound = document.dpop_bound_access_tokens_required === true && grant?.thumbprint === null
    if (grant === undefined || isUnbound || (grant.thumbprint === null) !== (scheme === 'Bearer')) return challenged(401, ', error="invalid_token"')
    if (grant.thumbprint !== null) {
      const proof = await checkProof(request, value, options.resourceNonce)
      if (proof instanceof Response) return challenged(401, ', error="use_dpop_nonce"', Object.fromEntries(proof.headers))
      if (proof !== grant.thumbprint) return challenged(401, ', error="invalid_token"')
    }
    const needed = options.scopesOf?.(path) ?? []
    if (!needed.every(scope => grant.scopes.includes(scope))) {
      return challenged(403, `, error="insufficient_scope", scope="${needed.join(' ')}"`)
    }
    return Response.json({ path, scopes: grant.scopes, token: value, body: request.body })
  }

  const answers = new Map<string, FakeAnswer>([
    [metadataOfResource, () => Response.json(document)],
    [metadataOfServer, () => Response.json(server)],
    [`${base}/token`, token],
    // What was registered comes back (RFC 7591 section 3.2.1).
    [`${base}/register`, ({ body }) => Response.json({ client_id: `client-${++serial}`, scope: (JSON.parse(body) as { scope?: string }).scope }, { status: 201 })],
    [`${base}/revoke`, ({ form }) => {
      accessTokens.delete(form.get('token') ?? '')
      refreshTokens.delete(form.get('token') ?? '')
      return new Response('')
    }],
    [`${base}/par`, ({ form }) => {
      const uri = `urn:ietf:params:oauth:request_uri:${++serial}`
      pushed.set(uri, form)
      return Response.json({ request_uri: uri, expires_in: 60 }, { status: 201 })
    }]
  ])

  const isOfResource = (asked: string): boolean => asked === resource || asked.startsWith(`${resource.replace(/\/$/, '')}/`)

  return {
    issuer,
    resource,
    received,
    server,
    document,
    authorizations,
    tokenRequests,
    log: () => received.map(({ method, url: asked }) => `${method} ${asked}`),
    answer (asked, answer) {
      if (answer === null) overrides.delete(asked)
      else overrides.set(asked, answer)
    },
    killTokens () { accessTokens.clear() },
    async fetch (given, init = {}) {
      const asked = String(given)
      const body = init.body === undefined || init.body === null ? '' : await new Response(init.body).text()
      const request: Received = { method: init.method ?? 'GET', url: asked, headers: new Headers(init.headers), body, form: new URLSearchParams(body) }
      received.push(request)
      const answer = overrides.get(asked) ?? answers.get(asked) ?? (isOfResource(asked) ? protectedRoute : undefined)
      return answer === undefined ? new Response('not here', { status: 404 }) : await answer(request)
    },
    async consent (authorizationUrl, changes = {}) {
      const parameters = pushed.get(authorizationUrl.searchParams.get('request_uri') ?? '') ?? authorizationUrl.searchParams
      authorizations.push(parameters)
      const code = `code-${++serial}`
      const asked = parameters.get('scope')?.split(' ') ?? []
      codes.set(code, {
        challenge: parameters.get('code_challenge')!,
        redirectUri: parameters.get('redirect_uri')!,
        clientId: parameters.get('client_id')!,
        resource: parameters.get('resource'),
        scopes: options.grants?.(asked) ?? asked,
        thumbprint: null
      })
      const back = new URL(parameters.get('redirect_uri')!)
      const answer = { code, state: parameters.get('state')!, iss: issuer, ...changes }
      for (const [name, value] of Object.entries(answer)) if (value !== undefined) back.searchParams.set(name, value)
      return back
    }
  }
}

/** The thumbprint of the key that is proven, `null` when nothing is, or the refusal of a proof. */
async function checkProof ({ headers, method, url }: Received, accessToken: string | null, nonce: string | undefined): Promise<string | null | Response> {
  const proof = headers.get('dpop')
  if (proof === null) return null
  const { jwk, typ, alg } = decodeProtectedHeader(proof) as { jwk: JWK, typ: string, alg: string }
  const { payload } = await jwtVerify(proof, await importJWK(jwk, alg))
  const ath = accessToken === null ? undefined : createHash('sha256').update(accessToken).digest('base64url')
  const { origin, pathname } = new URL(url)
  if (typ !== 'dpop+jwt' || jwk.d !== undefined || payload.htm !== method || payload.htu !== origin + pathname || payload.ath !== ath) {
    return Response.json({ error: 'invalid_dpop_proof' }, { status: 400 })
  }
  if (nonce !== undefined && decodeJwt(proof).nonce !== nonce) {
    return Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: { 'dpop-nonce': nonce } })
  }
  return await calculateJwkThumbprint(jwk)
}
