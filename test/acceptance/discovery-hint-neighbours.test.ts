import fastifyAuth from '@fastify/auth'
import bearerAuth from '@fastify/bearer-auth'
import cors from '@fastify/cors'
import sensible from '@fastify/sensible'
import { test } from 'tap'
import oauthResourceServer from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { bearerOf, createHintServer, createServer, plainOptions, refuseEverybody, registerHint, stockChallenge } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const wellKnown = '/.well-known/oauth-protected-resource'
const origin = 'https://app.example.com'
const preflight = { origin, 'access-control-request-method': 'GET' }

for (const order of ['before', 'after'] as const) {
  test(`a hook of another plugin that is registered ${order} ours refuses with the hint (H18)`, async t => {
    const app = createServer(t)
    if (order === 'before') await app.register(refuseEverybody)
    await registerHint(app)
    if (order === 'after') await app.register(refuseEverybody)
    app.get('/', async () => 1)
    const response = await app.inject('/')
    t.equal(response.statusCode, 401)
    t.equal(response.body, '{"error":"go away"}')
    t.equal(response.headers['www-authenticate'], stockChallenge)
  })

  test(`@fastify/bearer-auth registered ${order} ours: its 401 gets the hint, its body stays`, async t => {
    const options = { keys: new Set(['right']), verifyErrorLogLevel: false } as never
    const app = createServer(t)
    await app.register(async child => {
      if (order === 'before') await child.register(bearerAuth, options)
      await registerHint(child)
      if (order === 'after') await child.register(bearerAuth, options)
      child.get('/', async () => 'in')
    })
    const alone = createServer(t)
    await alone.register(bearerAuth, options)
    alone.get('/', async () => 'in')
    for (const [headers, error] of [[{}, undefined], [bearer('wrong'), 'invalid_token']] as const) {
      const response = await app.inject({ url: '/', headers })
      const plain = await alone.inject({ url: '/', headers })
      t.equal(response.statusCode, 401)
      t.equal(response.body, plain.body)
      t.equal(bearerOf(response).error, error)
      t.equal(bearerOf(response).resource_metadata, `https://api.example.com${wellKnown}`)
    }
    t.equal((await app.inject({ url: '/', headers: bearer('right') })).body, 'in')
  })

  test(`@fastify/cors registered ${order} ours keeps its answers, and the challenge is exposed (H33)`, async t => {
    const app = createServer(t)
    const register = async (): Promise<void> => { await app.register(cors, { origin, exposedHeaders: ['X-Page'], credentials: true }) }
    if (order === 'before') await register()
    await registerHint(app)
    if (order === 'after') await register()
    app.get('/', (_request, reply) => reply.code(401).send())
    app.get('/ok', async () => 1)

    const { headers } = await app.inject({ url: '/', headers: { origin } })
    t.equal(headers['access-control-expose-headers'], 'X-Page, WWW-Authenticate')
    t.equal(headers['access-control-allow-origin'], origin)
    t.equal(headers['access-control-allow-credentials'], 'true')
    t.equal((await app.inject({ url: '/ok', headers: { origin } })).headers['access-control-expose-headers'], 'X-Page')

    const asked = await app.inject({ method: 'OPTIONS', url: '/', headers: preflight })
    t.equal(asked.statusCode, 204)
    t.equal(asked.headers['access-control-allow-origin'], origin)
    t.equal(asked.headers['www-authenticate'], undefined)

    for (const request of [{ method: 'GET' }, { method: 'OPTIONS' }, { method: 'POST' }] as const) {
      const document = await app.inject({ ...request, url: wellKnown, headers: { ...preflight, origin: 'https://other.example.com' } })
      t.equal(document.headers['access-control-allow-origin'], '*', `the document is for everybody: ${request.method}`)
      t.equal(document.headers['access-control-allow-credentials'], undefined)
    }
  })

  test(`@fastify/cors registered ${order} the whole plugin: a preflight is not asked for a token`, async t => {
    const issuer = await createFakeIssuer()
    const app = createServer(t)
    if (order === 'before') await app.register(cors, { origin })
    await app.register(oauthResourceServer, optionsFor(issuer))
    if (order === 'after') await app.register(cors, { origin })
    app.get('/', async () => 1)
    const asked = await app.inject({ method: 'OPTIONS', url: '/', headers: preflight })
    t.equal(asked.statusCode, 204)
    t.equal(asked.headers['access-control-allow-origin'], origin)
    const refused = await app.inject({ url: '/', headers: { origin } })
    t.equal(refused.statusCode, 401)
    t.equal(refused.headers['access-control-expose-headers'], 'WWW-Authenticate')
    if (order === 'before') t.equal(refused.headers['access-control-allow-origin'], origin)
  })

  test(`@fastify/sensible registered ${order} config, challenge and metadata: its errors get the hint`, async t => {
    const app = createServer(t)
    if (order === 'before') await app.register(sensible)
    await registerHint(app)
    if (order === 'after') await app.register(sensible)
    app.get('/reply', (_request, reply) => reply.unauthorized('no entry'))
    app.get('/thrown', async () => { throw app.httpErrors.unauthorized('no entry') })
    app.get('/forbidden', async () => { throw app.httpErrors.forbidden() })
    for (const url of ['/reply', '/thrown']) {
      const response = await app.inject(url)
      t.equal(response.headers['www-authenticate'], stockChallenge)
      t.equal(response.json<{ message: string }>().message, 'no entry')
    }
    t.equal((await app.inject('/forbidden')).headers['www-authenticate'], undefined)
  })
}

test('errors of @fastify/sensible get the challenge, whether the host registers it before or after the plugin [E4]', async t => {
  const options = optionsFor(await createFakeIssuer())
  for (const plugins of [[sensible, oauthResourceServer], [oauthResourceServer, sensible]]) {
    const app = createServer(t)
    for (const plugin of plugins) await app.register(plugin as typeof oauthResourceServer, options)
    app.get('/', { config: { oauth: false } }, (_request, reply) => reply.unauthorized())
    t.equal((await app.inject('/')).headers['www-authenticate'], stockChallenge)
  }
})

test('@fastify/auth: whatever the order of the authenticators, a failure leaves as 401 with the hint (H29)', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  await app.register(fastifyAuth)
  await app.register(oauthResourceServer, optionsFor(issuer))
  const apiKey = (request: { headers: Record<string, unknown> }, reply: { code (status: number): unknown }, done: (error?: Error) => void): void => {
    if (request.headers['x-api-key'] === 'right') return done()
    reply.code(401)
    done(new Error('no key'))
  }
  const oauth = false
  app.get('/key-first', { config: { oauth }, preHandler: app.auth([apiKey, app.verifyAccessToken]) }, async () => 'in')
  app.get('/key-last', { config: { oauth }, preHandler: app.auth([app.verifyAccessToken, apiKey]) }, async () => 'in')
  for (const url of ['/key-first', '/key-last']) {
    const none = await app.inject(url)
    t.equal(none.statusCode, 401, url)
    t.equal(none.headers['www-authenticate'], stockChallenge)
    const bad = await app.inject({ url, headers: bearer('abc') })
    t.equal(bad.statusCode, 401, url)
    t.equal(bearerOf(bad).error, 'invalid_token')
    t.equal((await app.inject({ url, headers: { 'x-api-key': 'right' } })).body, 'in')
    t.equal((await app.inject({ url, headers: bearer(await issuer.token()) })).body, 'in')
  }
})

test('the host\'s own authentication lets the document pass by the rule of its route (R9728-11)', async t => {
  for (const order of ['before', 'after'] as const) {
    const app = createServer(t)
    if (order === 'before') await app.register(refuseEverybody)
    await registerHint(app)
    if (order === 'after') await app.register(refuseEverybody)
    for (const method of ['GET', 'HEAD'] as const) t.equal((await app.inject({ method, url: wellKnown })).statusCode, 200)
    t.equal((await app.inject({ method: 'OPTIONS', url: wellKnown })).statusCode, 204)
    t.equal((await app.inject({ method: 'POST', url: wellKnown })).statusCode, 405)
  }
})

test('error and not-found handlers of the host render everything', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/html').send('<h1>404</h1>'))
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).type('text/html').send(`<h1>${error.statusCode}</h1>`))
  await app.register(oauthResourceServer, optionsFor(issuer))
  app.get('/', { config: { oauth: { scopes: ['a'] } } }, async () => 1)
  t.match(await app.inject('/'), { statusCode: 401, body: '<h1>401</h1>', headers: { 'www-authenticate': `${stockChallenge}, scope="a"` } })
  const lacking = await app.inject({ url: '/', headers: bearer(await issuer.token()) })
  t.equal(lacking.body, '<h1>403</h1>')
  t.match(bearerOf(lacking), { error: 'insufficient_scope', scope: 'a' })
  t.match(await app.inject('/nowhere'), { statusCode: 404, body: '<h1>404</h1>' })
  t.match((await app.inject(`${wellKnown}/nowhere`)).json(), { statusCode: 404, error: 'Not Found' })
})

test('a 401 of the host\'s not-found handler has the hint too', async t => {
  const app = await createHintServer(t)
  app.setNotFoundHandler((_request, reply) => reply.code(401).send())
  t.equal((await app.inject('/nowhere')).headers['www-authenticate'], stockChallenge)
})

test('the boot stops when the hint points at a document that nobody serves (H32)', async t => {
  const { config, challenge, metadata } = await import('../../plugins/index.ts')
  const without = createServer(t)
  await without.register(config, plainOptions)
  await without.register(challenge)
  await t.rejects(async () => await without.ready(), {
    name: 'OptionError',
    message: `resource "https://api.example.com": challenges point at https://api.example.com${wellKnown}, which this server does not serve; ` +
      'register the metadata plugin too, or set documentServedElsewhere'
  })

  const elsewhere = createServer(t)
  await elsewhere.register(config, { ...plainOptions, documentServedElsewhere: true })
  await elsewhere.register(challenge)
  await elsewhere.register(metadata)
  elsewhere.get('/', (_request, reply) => reply.code(401).send())
  t.equal((await elsewhere.inject('/')).headers['www-authenticate'], stockChallenge)
  t.equal((await elsewhere.inject(wellKnown)).statusCode, 404, 'the gateway serves it')

  for (const [pointer, stops] of [
    [`https://api.example.com${wellKnown}/nope`, true], [`https://api.example.com${wellKnown}`, false], ['https://other.example.com/x', false]
  ] as const) {
    const app = await createHintServer(t)
    app.get('/x', { config: { oauth: { pinnedChallenge: `Bearer resource_metadata="${pointer}"` } } }, async () => 1)
    if (stops) {
      await t.rejects(async () => await app.ready(), {
        message: `config.oauth of GET /x: pinnedChallenge points at ${pointer}, which this server does not serve`
      })
    } else {
      await t.resolves(async () => await app.ready())
    }
  }
})
