import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { exportJWK, generateKeyPair } from 'jose'
import type { Client, Context } from 'oidc-provider'
import Provider from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import { bearer, createApp, resource } from '../support/app.ts'
import type { TestClock } from '../support/clock.ts'
import { createTestClock } from '../support/clock.ts'
import { accepted, answerOf, insufficientScope, invalidToken, unavailable } from '../support/server.ts'

type Teardown = Parameters<typeof createApp>[0]

/** An authorization server on loopback, that can be taken away and brought back. */
interface RunningIssuer {
  readonly issuer: string
  /** What it was asked for since the last look, in order. */
  readonly requests: string[]
  obtain (parameters?: Record<string, string>): Promise<string>
  revoke (token: string): Promise<void>
  stop (): Promise<void>
  start (): Promise<void>
}

const clientSecret = randomBytes(32).toString('base64url')
const scope = 'projects:read projects:write'

async function startIssuer (t: Teardown, accessTokenFormat: 'jwt' | 'opaque', alg: 'ES256' | 'RS256'): Promise<RunningIssuer> {
  const requests: string[] = []
  let handle: ((...call: Parameters<ReturnType<Provider['callback']>>) => unknown) | null = null
  let server: Server
  const start = async (port: number): Promise<void> => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '')
      handle?.(request, response)
    })
    await once(server.listen(port, 'localhost'), 'listening')
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    await once(server.close(), 'close')
  }
  await start(0)
  t.teardown(stop)
  const { port } = server!.address() as AddressInfo
  const issuer = `http://localhost:${port}`

  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const authentication = { token_endpoint_auth_method: 'client_secret_basic', client_secret: clientSecret } as const
  const provider = new Provider(issuer, {
    adapter: createMemoryAdapter(),
    cookies: { keys: [clientSecret] },
    jwks: { keys: [{ ...await exportJWK(privateKey), alg, use: 'sig', kid: `${alg}-1` }] },
    enabledJWA: { idTokenSigningAlgValues: [alg], userinfoSigningAlgValues: [alg], authorizationSigningAlgValues: [alg] },
    clientDefaults: { id_token_signed_response_alg: alg, response_types: [], redirect_uris: [] },
    scopes: scope.split(' '),
    clients: [
      { client_id: 'client-1', grant_types: ['client_credentials'], ...authentication },
      { client_id: 'resource-server', grant_types: [], ...authentication }
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx: Context, client: Client) => client.clientId === 'resource-server' },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async (_ctx, identifier) => ({
          scope, audience: identifier, accessTokenFormat, accessTokenTTL: 600, jwt: { sign: { alg } }
        })
      }
    }
  })
  handle = provider.callback()

  const post = async (path: string, parameters: Record<string, string>): Promise<Response> => await fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`client-1:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams(parameters)
  })
  return {
    issuer,
    requests,
    async obtain (parameters = {}) {
      const response = await post('/token', { grant_type: 'client_credentials', resource, scope: 'projects:read', ...parameters })
      const { access_token: token } = await response.json() as { access_token: string }
      requests.length = 0
      return token
    },
    async revoke (token) {
      const { status } = await post('/token/revocation', { token })
      if (status !== 200) throw new Error(`not revoked: ${status}`)
      requests.length = 0
    },
    stop,
    start: () => start(port)
  }
}

interface Setup {
  readonly app: FastifyInstance
  readonly clock: TestClock
  get (token: string, url?: string): Promise<LightMyRequestResponse>
}

async function setup (t: Teardown, authorizationServers: OAuthResourceServerOptions['authorizationServers']): Promise<Setup> {
  // The issuers live by the time of the day; the server is moved on from there.
  const clock = createTestClock(Math.floor(Date.now() / 1000))
  const app = await createApp(t, { resource, authorizationServers, clock })
  app.get('/', async request => request.accessToken)
  app.get('/write', { config: { oauth: { scopes: ['projects:write'] } } }, async () => 'written')
  return { app, clock, get: (token, url = '/') => app.inject({ url, headers: bearer(token) }) }
}

const introspection = {
  clientId: 'resource-server', authentication: { method: 'client_secret_basic', clientSecret }
} as const

test('JWTs of one issuer and opaque tokens of another, on the same routes', async t => {
  const [jwt, opaque] = await Promise.all([startIssuer(t, 'jwt', 'ES256'), startIssuer(t, 'opaque', 'RS256')])
  const { app, clock, get } = await setup(t, [
    { issuer: jwt.issuer, algorithms: ['ES256'] },
    { issuer: opaque.issuer, introspection }
  ])
  const document = (await app.inject('/.well-known/oauth-protected-resource')).json() as { authorization_servers: string[] }
  t.strictSame(document.authorization_servers, [jwt.issuer, opaque.issuer])

  const [jwtToken, opaqueToken] = [await jwt.obtain(), await opaque.obtain()]
  t.match(jwtToken, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  t.match(opaqueToken, /^[\w-]{43}$/)

  await t.test('both are accepted, by the same rules', async t => {
    for (const [issuer, token] of [[jwt, jwtToken], [opaque, opaqueToken]] as const) {
      const response = await get(token)
      t.match(response.json(), {
        issuer: issuer.issuer, subject: 'client-1', clientId: 'client-1', principalType: 'client', audience: [resource], scopes: ['projects:read']
      })
      t.strictSame(answerOf(await get(token, '/write')), insufficientScope)
      t.strictSame(answerOf(await get(await issuer.obtain({ scope }), '/write')), accepted)
      t.strictSame(answerOf(await get(await issuer.obtain({ resource: 'https://other.example' }))), invalidToken, 'for another resource')
    }
  })

  await t.test('each at its own issuer alone', async t => {
    const [fromJwt, fromOpaque] = [await jwt.obtain(), await opaque.obtain()]
    await get(fromJwt)
    t.strictSame([jwt.requests, opaque.requests], [[], []], 'the keys were known')
    await get(fromOpaque)
    await get(fromOpaque)
    t.strictSame([jwt.requests, opaque.requests], [[], ['/token/introspection']])
    t.strictSame(answerOf(await get('nobodys-token')), invalidToken)
    t.strictSame(answerOf(await get(`${jwtToken}x`)), invalidToken)
    t.equal(opaque.requests.length, 2)
  })

  await t.test('one that is revoked is refused after the cache window', async t => {
    const token = await opaque.obtain()
    t.strictSame(answerOf(await get(token)), accepted)
    await opaque.revoke(token)
    clock.advance(9)
    t.strictSame(answerOf(await get(token)), accepted)
    clock.advance(1)
    t.strictSame(answerOf(await get(token)), invalidToken)
  })

  await t.test('one issuer goes down: 503 for its tokens, until it is back', async t => {
    const token = await opaque.obtain()
    await opaque.stop()
    for (let i = 0; i < 3; i++) {
      const response = await get(token)
      t.strictSame(answerOf(response), unavailable)
      t.equal(response.headers['retry-after'], '5')
    }
    t.strictSame(answerOf(await get(await jwt.obtain())), accepted, 'the other is not concerned')
    await opaque.start()
    clock.advance(5)
    t.strictSame(answerOf(await get(token)), accepted, 'without a restart')
  })
})

test('an issuer that signs its tokens and does not introspect them says so, and is not down', async t => {
  const jwt = await startIssuer(t, 'jwt', 'ES256')
  const { get } = await setup(t, [{ issuer: jwt.issuer, introspection }])
  const token = await jwt.obtain()
  for (let i = 0; i < 2; i++) t.strictSame(answerOf(await get(token)), invalidToken)
  t.equal(jwt.requests.filter(path => path === '/token/introspection').length, 2)
})

test('a secret that is wrong is an outage, not a verdict about tokens', async t => {
  const opaque = await startIssuer(t, 'opaque', 'RS256')
  const { get } = await setup(t, [{
    issuer: opaque.issuer, introspection: { ...introspection, authentication: { ...introspection.authentication, clientSecret: 'wrong' } }
  }])
  t.strictSame(answerOf(await get(await opaque.obtain())), unavailable)
})
