import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { createTestIssuer } from '../../lib/testing/test-issuer.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'

const resource = 'https://api.example.com'

/** As an authorization server for clients: the test issuer has no endpoints for them. */
function completed (issuer: ReturnType<typeof createTestIssuer>): OAuthResourceServerOptions {
  const fetch: typeof issuer.fetch = async (url, init) => {
    const response = await issuer.fetch(url, init)
    if (!url.includes('/.well-known/')) return response
    if (!response.ok) return response
    const metadata = await response.json() as object
    return Response.json({
      ...metadata, authorization_endpoint: `${issuer.issuer}/authorize`, token_endpoint: `${issuer.issuer}/token`, code_challenge_methods_supported: ['S256'], registration_endpoint: `${issuer.issuer}/register`
    })
  }
  return { ...issuer.options, fetch, scopes: { read: 'Read' }, metadata: { resource_name: 'API' } }
}

async function appWith (t: { teardown (close: () => unknown): unknown }, options: OAuthResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, options)
  return app
}

test('app.oauthDoctor() finds nothing wrong with a server of this package (F91)', async t => {
  const issuer = createTestIssuer({ resource })
  const app = await appWith(t, completed(issuer))
  app.get('/health', { config: { oauth: false } }, async () => 'ok')
  app.get('/items/:id', async () => 'one')
  app.post('/items', async () => 'made')
  app.get('/items', { config: { oauth: { scopes: ['read'] } } }, async () => [])
  const report = await app.oauthDoctor({ token: issuer.token({ scopes: ['read'] }) })
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails' || outcome === 'unknown'), [])
  t.equal(report.url, `${resource}/items`, 'the route without parameters, by GET')
  t.equal(report.resource, resource)
  t.match(report.registration, [{ issuer: issuer.issuer, dynamicRegistration: true }])
})

test('each resource has its own doctor, and the route can be named', async t => {
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  const children: FastifyInstance[] = []
  for (const name of ['a', 'b']) {
    await app.register(async child => {
      const issuer = createTestIssuer({ resource: `${resource}/${name}`, issuer: `https://${name}.test` })
      await child.register(oauthResourceServer, completed(issuer))
      child.post(`/${name}/mcp`, async () => 'a session')
      children.push(child)
    })
  }
  const [a, b] = children as [FastifyInstance, FastifyInstance]
  const [one, other] = await Promise.all([a.oauthDoctor(), b.oauthDoctor({ path: '/b/mcp', method: 'POST' })])
  t.same([one.resource, other.resource], [`${resource}/a`, `${resource}/b`])
  t.same([one, other].map(({ checks }) => checks.filter(({ outcome }) => outcome === 'fails').map(({ id }) => id)), [[], []])
  t.equal(one.checks.find(({ id }) => id === 'mcp-initialize')?.outcome, 'holds')
})

test('a resource of an encapsulated scope is checked while the server runs, as often as it is asked', async t => {
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  const children: FastifyInstance[] = []
  await app.register(async child => {
    await child.register(oauthResourceServer, completed(createTestIssuer({ resource })))
    child.get('/items', async () => [])
    children.push(child)
  })
  await app.ready()
  const child = children[0]!
  for (const report of [await child.oauthDoctor(), ...await Promise.all([child.oauthDoctor(), child.oauthDoctor()])]) t.equal(report.counts.fails, 0)
  t.equal((await app.inject('/items')).statusCode, 401, 'and the server goes on')
})

test('a server without a protected route has nothing to check, and a path begins with a slash', async t => {
  const app = await appWith(t, completed(createTestIssuer({ resource })))
  app.get('/items/:id', async () => 'one')
  await t.rejects(app.oauthDoctor(), { code: 'FST_OAUTH_OPTION_INVALID', message: /oauthDoctor\(\{ path/ })
  await t.rejects(app.oauthDoctor({ path: 'items/1' }), { message: /must begin with a slash/ })
  t.equal((await app.oauthDoctor({ path: '/items/1' })).counts.fails, 0)
})

test('documents of an issuer cannot lead into the network of the server, and one that is down is a failure', async t => {
  const issuer = createTestIssuer({ resource })
  const options = completed(issuer)
  const lead = await appWith(t, {
    ...options,
    fetch: async (url, init) => url.includes('/.well-known/') ? Response.json({ ...await (await options.fetch!(url, init)).json() as object, jwks_uri: 'https://169.254.169.254/keys' }) : await options.fetch!(url, init)
  })
  lead.get('/items', async () => [])
  const report = await lead.oauthDoctor()
  t.match(report.checks.find(({ id }) => id === 'issuer-keys'), { outcome: 'unknown', message: /169\.254/ })
  issuer.setOutage(true)
  const down = await lead.oauthDoctor({ timeoutMs: 500, totalTimeoutMs: 5000, origin: 'https://page.example', onProgress () {} })
  t.match(down.checks.find(({ id }) => id === 'issuer-metadata'), { outcome: 'fails', message: /^clients cannot get a token: / })
  t.equal(down.ok, false)
})

test('a redirect and a long document of an issuer are reported as what they are', async t => {
  for (const [answer, message] of [
    [() => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } }), /has none/],
    [() => new Response(null, { status: 302 }), /has none/],
    [() => new Response('x'.repeat(300_000)), /has none/]
  ] as const) {
    const app = await appWith(t, { ...completed(createTestIssuer({ resource })), fetch: async () => answer() })
    app.get('/items', async () => [])
    t.match((await app.oauthDoctor()).checks.find(({ id }) => id === 'issuer-metadata'), { outcome: 'fails', message })
  }
})

test('a document that another server publishes is requested from there', async t => {
  const issuer = createTestIssuer({ resource })
  const options = completed(issuer)
  const requested: string[] = []
  const app = await appWith(t, {
    ...options,
    metadataUrl: 'https://api.example.com/published',
    documentServedElsewhere: true,
    fetch: async (url, init) => { requested.push(url); return url.endsWith('/published') ? Response.json(app.oauthConfig.document.members) : await options.fetch!(url, init) }
  } as OAuthResourceServerOptions)
  app.get('/items', async () => [])
  await app.oauthDoctor()
  t.ok(requested.includes('https://api.example.com/published'))
})

test('the MCP plugin passes its checks', async t => {
  const mcpResource = `${resource}/mcp`
  const app = await appWith(t, completed(createTestIssuer({ resource: mcpResource })))
  await app.register(mcp, { tools: { whoami: [] } })
  app.route({ ...app.mcpRoute, method: ['GET', 'POST', 'DELETE'], url: '/mcp', handler: async () => ({}) })
  const report = await app.oauthDoctor()
  t.same(report.checks.filter(({ outcome, group }) => outcome === 'fails' || (group === 'MCP' && outcome !== 'holds')), [])
})
