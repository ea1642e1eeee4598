import { generateKeyPairSync, randomBytes, createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWK } from 'jose'
import Provider from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import type { Test } from 'tap'
import { test } from 'tap'
import type { Connection } from '../../plugins/entry-points/client.ts'
import { connect, createLoopbackRedirect } from '../../plugins/entry-points/client.ts'
import { startExample } from '../support/example-server.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** A desktop: a browser that comes back to the port that is listened on. */
async function connectFromDesktop (t: Test, url: string): Promise<{ connection: Connection, visited: URL[] }> {
  const visited: URL[] = []
  const browser = createLoopbackRedirect({
    async open (page) {
      visited.push(page)
      const back = await createUserAgent().authorize(page)
      await (await fetch(back)).text()
    }
  })
  const connection = await connect({ url, browser, clientMetadata: { client_name: 'Desk' } })
  t.teardown(() => connection.close())
  return { connection, visited }
}

test('the official MCP client steps up at a real server, and goes on with a refreshed token (F67, MCPC-13)', async t => {
  const { mcpUrl } = await startExample(t)
  const { connection, visited } = await connectFromDesktop(t, mcpUrl)
  const client = new Client({ name: 'desk', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(mcpUrl), { fetch: connection.fetch }))
  t.teardown(() => client.close())
  t.match(JSON.stringify(await client.callTool({ name: 'list_projects', arguments: {} })), /Analytical Engine/)
  t.equal(visited.length, 1)
  t.match(JSON.stringify(await client.callTool({ name: 'create_project', arguments: { name: 'Notes' } })), /Notes/)
  t.equal(visited.length, 2, 'asked once more, for what was missing')
  t.same(visited[1]!.searchParams.get('scope')!.split(' ').filter(scope => scope.startsWith('projects:')), ['projects:read', 'projects:write'])
  t.equal(visited[1]!.searchParams.get('client_id'), visited[0]!.searchParams.get('client_id'), 'as the client that is registered')

  const before = await connection.session.token()
  const after = await connection.session.refresh(before.accessToken)
  t.not(after.accessToken, before.accessToken)
  t.match(JSON.stringify(await client.callTool({ name: 'list_projects', arguments: {} })), /Notes/)
  t.equal(visited.length, 2)
})

/** oidc-provider with DPoP and nonces for every token request, whose only user says yes to everything. */
async function startBindingServers (t: Test): Promise<{ url: string, proofs: string[], nonces: string[] }> {
  const listen = async (handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
    const server = createServer(handler)
    await once(server.listen(0, 'localhost'), 'listening')
    t.teardown(() => { server.closeAllConnections(); server.close() })
    return `http://localhost:${(server.address() as AddressInfo).port}`
  }
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {}
  const issuer = await listen((request, response) => answer(request, response))
  const proofs: string[] = []
  const nonces: string[] = []
  const nonce = randomBytes(8).toString('base64url')
  let check: (authorization: string, proof: string, method: string) => Promise<boolean> = async () => false
  const origin = await listen((request, response) => {
    const pointer = `resource_metadata="${origin}/.well-known/oauth-protected-resource/api"`
    if (request.url === '/.well-known/oauth-protected-resource/api') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ resource: url, authorization_servers: [issuer], dpop_bound_access_tokens_required: true, scopes_supported: ['read'] }))
      return
    }
    const { authorization = '', dpop = '' } = request.headers as Record<string, string>
    check(authorization, dpop, request.method!).then(good => {
      const given = dpop === '' ? null : JSON.parse(Buffer.from(dpop.split('.')[1]!, 'base64url').toString()) as { nonce?: string }
      if (dpop !== '') proofs.push(dpop)
      if (given?.nonce !== undefined) nonces.push(given.nonce)
      const headers = { 'www-authenticate': `DPoP ${good ? 'error="use_dpop_nonce", ' : ''}algs="ES256", ${pointer}`, 'dpop-nonce': nonce }
      if (good && given?.nonce === nonce) response.writeHead(200).end('fine')
      else response.writeHead(401, good ? headers : { 'www-authenticate': headers['www-authenticate'] }).end()
    }, () => response.writeHead(500).end())
  })
  const url = `${origin}/api`

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const provider = new Provider(issuer, {
    adapter: createMemoryAdapter(),
    cookies: { keys: ['k'] },
    ttl: { AccessToken: 60, AuthorizationCode: 60, RefreshToken: 600, Grant: 600, Interaction: 600, Session: 600 },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'k1' }] },
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'ES256', token_endpoint_auth_method: 'none' },
    pkce: { required: () => true },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', 'read'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'], dPoPSigningAlgValues: ['ES256'] },
    issueRefreshToken: async () => true,
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true, allowedPolicy: async () => true },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: async () => true,
        async getResourceServerInfo () {
          return { scope: 'read', audience: url, accessTokenTTL: 60, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }
        }
      }
    },
    async findAccount (_ctx: unknown, id: string) { return { accountId: id, claims: async () => ({ sub: id }) } },
    interactions: { url: (_ctx: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` }
  } as unknown as ConstructorParameters<typeof Provider>[1])

  const consent = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { prompt: { name, details }, session, params } = await provider.interactionDetails(request, response)
    const decide = async (): Promise<{ login: { accountId: string } } | { consent: { grantId: string } }> => {
      if (name === 'login') return { login: { accountId: 'ada' } }
      const grant = new provider.Grant({ accountId: session!.accountId, clientId: String(params.client_id) })
      grant.addOIDCScope([...details.missingOIDCScope ?? []].join(' '))
      for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '))
      return { consent: { grantId: await grant.save() } }
    }
    const goOn = await provider.interactionResult(request, response, await decide())
    response.writeHead(303, { location: goOn }).end()
  }
  const callback = provider.callback()
  answer = (request, response) => {
    if (request.url!.startsWith('/interaction/')) consent(request, response).catch(() => response.writeHead(500).end())
    else callback(request, response).catch(() => response.destroy())
  }
  const keys = createLocalJWKSet(await (await fetch(`${issuer}/jwks`)).json() as JSONWebKeySet)
  check = async (authorization, proof, method) => {
    if (!authorization.startsWith('DPoP ') || proof === '') return false
    const token = authorization.slice(5)
    const { payload } = await jwtVerify(token, keys, { issuer, audience: url })
    const { jwk, alg } = decodeProtectedHeader(proof) as { jwk: JWK, alg: string }
    const { payload: claims } = await jwtVerify(proof, await importJWK(jwk, alg), { typ: 'dpop+jwt' })
    return (payload.cnf as { jkt: string }).jkt === await calculateJwkThumbprint(jwk) && claims.htm === method && claims.htu === url &&
      claims.ath === createHash('sha256').update(token).digest('base64url')
  }
  return { url, proofs, nonces }
}

test('bound tokens of a real authorization server, with nonces on both sides, through a refresh (F68, RFSH-13, MCPD-01)', async t => {
  const { url, proofs, nonces } = await startBindingServers(t)
  const { connection, visited } = await connectFromDesktop(t, url)
  t.equal(await (await connection.fetch(url)).text(), 'fine')
  t.equal((await connection.session.token()).tokenType, 'DPoP')
  const { accessToken, refreshToken } = await connection.session.token()
  t.type(refreshToken, 'string')
  const renewed = await connection.session.refresh(accessToken)
  t.not(renewed.accessToken, accessToken)
  t.equal(await (await connection.fetch(url)).text(), 'fine', 'the refreshed token is bound to the same key')
  t.equal(new Set(proofs).size, proofs.length, 'R9449-36')
  t.equal(new Set(nonces).size, 1, 'R9449-32 the nonce of the resource is not that of the authorization server')
  t.equal(visited.length, 1)
  await connection.signOut()
  t.equal(connection.session.state, 'signed_out')
})
