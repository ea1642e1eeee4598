import { test } from 'tap'
import type { FastifyRequest } from 'fastify'
import { resolveConfig } from '../../lib/config/resolve.ts'
import oauthResourceServer, { authenticate, authorize, challenge, config, metadata } from '../../plugins/index.ts'
import type { ScopeImplies } from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { bearerOf, createServer } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, insufficientScope, noCredentials, unavailable } from '../support/server.ts'

const forbiddenAnswer = { status: 403, error: undefined, pointer: false }

test('a route that asks for scopes refuses a token without any; one that asks for none takes any valid token (S9)', async t => {
  const { get, issuer, handled } = await createTestServer(t)
  const token = await issuer.token({ scope: undefined })
  t.strictSame(answerOf(await get(token)), accepted)
  t.strictSame(answerOf(await get(token, { url: '/write' })), insufficientScope)
  t.strictSame(answerOf(await get(await issuer.token({ scope: 'read write' }), { url: '/write' })), accepted)
  t.strictSame(handled, ['user-1', 'user-1'])
})

test('request.requireScopes, for what only a handler can know', async t => {
  const { app, get, issuer } = await createTestServer(t)
  const handler = async (request: FastifyRequest): Promise<string> => {
    request.requireScopes('a', 'b')
    return 'done'
  }
  app.get('/by-hand', handler)
  app.get('/by-hand/open', { config: { oauth: false } }, handler)
  const refused = await get(await issuer.token({ scope: 'a' }), { url: '/by-hand' })
  t.strictSame(answerOf(refused), insufficientScope)
  t.equal(bearerOf(refused).scope, 'a b')
  t.equal((await get(await issuer.token({ scope: 'b a' }), { url: '/by-hand' })).body, 'done')
  t.strictSame(answerOf(await app.inject('/by-hand/open')), noCredentials)
})

const scopes = { read: 'Read', 'users:impersonate': { description: 'For staff', advertised: false } }
/** `*` covers what everybody may ask for, and nothing that is internal. */
const wildcard: ScopeImplies = (granted, required) =>
  granted === '*' && typeof (scopes as Record<string, unknown>)[required] === 'string'

test('the star passes public checks and fails internal ones (S8)', async t => {
  const { app, get, issuer } = await createTestServer(t, { options: { scopes, scopeImplies: wildcard } })
  app.get('/public', { config: { oauth: { scopes: ['read'] } } }, async () => 'public')
  app.get('/internal', { config: { oauth: { scopes: ['users:impersonate'] } } }, async () => 'internal')
  app.get('/unknown', { config: { oauth: { scopes: ['not:listed'] } } }, async () => 'unknown')
  const star = await issuer.token({ scope: '*' })
  t.strictSame(answerOf(await get(star, { url: '/public' })), accepted)
  t.strictSame(answerOf(await get(star, { url: '/internal' })), insufficientScope)
  t.strictSame(answerOf(await get(star, { url: '/unknown' })), insufficientScope)
  t.strictSame(answerOf(await get(await issuer.token({ scope: 'users:impersonate' }), { url: '/internal' })), accepted)
  const document = await app.inject('/.well-known/oauth-protected-resource')
  t.strictSame(document.json<{ scopes_supported: string[] }>().scopes_supported, ['read'])
})

test('a policy of the options is asked on every route that asks for a token, and of no other request (F61)', async t => {
  const asked: string[] = []
  const { app, get, issuer } = await createTestServer(t, {
    options: {
      policy: (accessToken, request) => {
        asked.push(`${accessToken.subject} ${request.method} ${request.url}`)
        return accessToken.subject !== 'blocked'
      }
    }
  })
  app.route({ method: ['GET', 'OPTIONS'], url: '/both', handler: async () => 'both' })
  const token = await issuer.token()
  for (const url of ['/', '/optional']) t.strictSame(answerOf(await get(token, { url })), accepted, url)
  t.strictSame(asked, ['user-1 GET /', 'user-1 GET /optional'])
  asked.length = 0
  t.strictSame(answerOf(await get(token, { url: '/open' })), accepted)
  t.equal((await get(token, { url: '/nowhere' })).statusCode, 404)
  t.strictSame(answerOf(await app.inject('/')), noCredentials)
  t.strictSame(answerOf(await app.inject('/optional')), accepted)
  t.strictSame(answerOf(await get(token, { url: '/write' })), insufficientScope)
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'GET' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/both', headers: preflight })).statusCode, 204)
  t.strictSame(asked, [])

  const refused = await get(await issuer.token({ sub: 'blocked' }))
  t.strictSame(answerOf(refused), forbiddenAnswer)
  t.strictSame(refused.json(), {
    statusCode: 403, code: 'FST_OAUTH_POLICY_REFUSED', error: 'Forbidden', message: 'A policy does not allow this request'
  })
})

test('a policy of a route comes on top, and knows parameters and query (F61)', async t => {
  const { app, get, issuer } = await createTestServer(t, { options: { policy: async accessToken => accessToken.subject !== 'blocked' } })
  app.get('/projects/:id', {
    config: {
      oauth: {
        policy: async (accessToken, request) => (request.params as { id: string }).id === `of-${accessToken.subject}`
      }
    }
  }, async () => 'project')
  const token = await issuer.token({ sub: 'ann' })
  t.strictSame(answerOf(await get(token, { url: '/projects/of-ann' })), accepted)
  t.strictSame(answerOf(await get(token, { url: '/projects/of-bob' })), forbiddenAnswer)
  t.strictSame(answerOf(await get(await issuer.token({ sub: 'blocked' }), { url: '/projects/of-blocked' })), forbiddenAnswer)
})

test('a policy that fails is no yes: 503 with Retry-After, and what went wrong is for the log (F61)', async t => {
  const { app, get, issuer } = await createTestServer(t)
  const causes: unknown[] = []
  app.addHook('onError', async (_request, _reply, error) => { causes.push(error.cause) })
  const cause = new Error('pdp.internal:8181 is gone')
  app.get('/throws', { config: { oauth: { policy: () => { throw cause } } } }, async () => 'secret')
  app.get('/rejects', { config: { oauth: { policy: async () => { throw cause } } } }, async () => 'secret')
  for (const url of ['/throws', '/rejects']) {
    const response = await get(await issuer.token(), { url })
    t.strictSame(answerOf(response), unavailable, url)
    t.equal(response.headers['retry-after'], '5')
    t.notMatch(response.body, /secret|pdp/)
  }
  t.strictSame(causes, [cause, cause])
})

test('in a scope within a scope the nearest configuration counts, and is asked once', async t => {
  const asked: string[] = []
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  const policyOf = (name: string) => async () => asked.push(name) > 0
  await app.register(oauthResourceServer, optionsFor(issuer, { policy: policyOf('outer') }))
  app.get('/', async () => 'outer')
  await app.register(async child => {
    const resource = 'https://api.example.com/inner'
    await child.register(oauthResourceServer, optionsFor(issuer, { resource, policy: policyOf('inner') }))
    child.get('/', { config: { oauth: { policy: policyOf('route') } } }, async () => 'inner')
  }, { prefix: '/inner' })
  t.equal((await app.inject({ url: '/inner', headers: bearer(await issuer.token({ aud: 'https://api.example.com/inner' })) })).body, 'inner')
  t.strictSame(asked, ['inner', 'route'])
  asked.length = 0
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).body, 'outer')
  t.strictSame(asked, ['outer'])
})

test('routes that are older than the plugin are judged, too', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  await app.register(async child => {
    child.get('/', { config: { oauth: { actors: 'required' } } }, async () => 'secret')
  })
  await app.register(oauthResourceServer, optionsFor(issuer))
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).statusCode, 403)
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token({ act: { sub: 'gateway' } })) })).body, 'secret')
})

test('a token that somebody took away again is missing', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  await app.register(config, optionsFor(issuer))
  await app.register(metadata)
  await app.register(challenge)
  await app.register(authenticate)
  app.addHook('onRequest', async request => { request.accessToken = null })
  await app.register(authorize)
  app.get('/', async () => 'secret')
  t.strictSame(answerOf(await app.inject({ url: '/', headers: bearer(await issuer.token()) })), noCredentials)
})

test('the error handler of the host decides about the body of a refusal, and gets no challenge with it (H28)', async t => {
  const { app, get, issuer } = await createTestServer(t)
  app.setErrorHandler((error: { code: string, statusCode: number, reason: string }, _request, reply) =>
    reply.code(error.statusCode).send(`${error.code} ${error.reason}`))
  app.get('/direct', { config: { oauth: { actors: 'none' } } }, async () => 'direct')
  const response = await get(await issuer.token({ act: { sub: 'gateway' } }), { url: '/direct' })
  t.strictSame(answerOf(response), forbiddenAnswer)
  t.equal(response.body, 'FST_OAUTH_ACTOR_REFUSED actor_refused')
})

test('a rule that makes no sense stops the boot and names route, option and value', async t => {
  const { app } = await createTestServer(t)
  // @ts-expect-error: the compiler refuses it, too
  t.throws(() => app.get('/x', { config: { oauth: { token: 'optional', maxAgeSeconds: 300 } } }, async () => 'x'), {
    code: 'FST_OAUTH_OPTION_INVALID',
    message: "config.oauth of GET /x: maxAgeSeconds cannot be combined with token: 'optional'"
  })
})

test('an option of the plugin that is no function is refused', async t => {
  const options = optionsFor(await createFakeIssuer())
  for (const option of ['policy', 'organizationOf', 'teamOf']) {
    t.throws(() => resolveConfig({ ...options, [option]: 'acme' }), { message: `${option} must be a function, got "acme"` })
  }
})
