import { test } from 'tap'
import { InsufficientScopeError, OAuthResourceError } from '../../plugins/index.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { bearerOf, challengesOf, createHintServer, pointer, stockChallenge } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

// Section 3 and 3.1 over the whole plugin: what a request brings, and what is answered.
test('the matrix (R6750-12, R6750-16, R6750-17, R6750-18, R6750-22, R6750-23, R6750-24, R6750-25, R9110-01, R9110-02)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', { config: { oauth: { scopes: ['read', 'list'] } } }, async () => 'in')
  const past = Math.floor(Date.now() / 1000) - 3600
  const token = async (claims: Record<string, unknown>): Promise<string> => `Bearer ${await issuer.token({ scope: 'read list', ...claims })}`
  for (const [title, authorization, status, error, scope] of [
    ['none', undefined, 401, undefined, 'read list'],
    ['another scheme', 'Basic eDp5', 401, undefined, 'read list'],
    ['not of the grammar', 'Bearer a b', 400, 'invalid_request', 'read list'],
    ['no token', 'Bearer', 400, 'invalid_request', 'read list'],
    ['nonsense', 'Bearer abc', 401, 'invalid_token', 'read list'],
    ['expired', await token({ exp: past, iat: past - 60 }), 401, 'invalid_token', 'read list'],
    ['expired and weak', await token({ exp: past, iat: past - 60, scope: '' }), 401, 'invalid_token', 'read list'],
    ['for another resource', await token({ aud: 'https://other' }), 401, 'invalid_token', 'read list'],
    ['weak', await token({ scope: 'read' }), 403, 'insufficient_scope', 'read list'],
    ['good', await token({}), 200, undefined, undefined]
  ] as const) {
    const response = await app.inject({ url: '/', headers: authorization === undefined ? {} : { authorization } })
    t.equal(response.statusCode, status, title)
    if (status === 200) {
      t.equal(response.headers['www-authenticate'], undefined, title)
      t.equal(response.headers['cache-control'], undefined, 'R6750-31 nothing is made cacheable')
      continue
    }
    const parameters = bearerOf(response)
    t.match(parameters, { resource_metadata: pointer, scope }, title)
    t.equal(parameters.error, error, title)
    t.equal('error_description' in parameters, error !== undefined, title)
    t.equal(response.headers['cache-control'], 'no-store', 'R6750-30')
    if (authorization !== undefined) t.notMatch(JSON.stringify([response.headers, response.body]), authorization.slice(7) || '\0', 'R6750-26')
  }
})

test('Bearer never stands alone (R6750-13)', async t => {
  const app = await createHintServer(t)
  app.get('/bare', (_request, reply) => reply.code(401).header('www-authenticate', 'Bearer').send())
  app.get('/none', (_request, reply) => reply.code(401).send())
  for (const url of ['/bare', '/none']) t.equal((await app.inject(url)).headers['www-authenticate'], stockChallenge)
  t.throws(() => app.oauthResource.policies.policyOf({ oauth: { pinnedChallenge: 'Bearer' } }), { name: 'OptionError' })
})

test('no parameter twice, whoever else adds one (R6750-14, R6750-19, R9110-03)', async t => {
  const app = await createHintServer(t, { realm: 'ours' })
  const existing = [`Bearer realm="theirs", error="invalid_token", error_description="x", error_uri="https://h/e", resource_metadata="${pointer}"`, 'Bearer realm="more"']
  app.get('/', (_request, reply) => reply.code(401).header('www-authenticate', existing).send())
  const response = await app.inject({ url: '/', headers: bearer('abc') })
  t.equal(challengesOf(response).length, 1)
  for (const name of ['realm', 'error', 'error_description', 'error_uri', 'resource_metadata', 'scope']) {
    const times = String(response.headers['www-authenticate']).split(`${name}=`).length - 1
    t.equal(times, name === 'scope' ? 0 : 1, name)
  }
})

test('the characters of scopes (R6750-15)', async t => {
  const app = await createHintServer(t)
  for (const scope of ['a"b', 'a\\b', 'a b', 'ä']) {
    t.throws(() => app.get('/', { config: { oauth: { scopes: [scope] } } }, async () => 1), { name: 'OptionError', message: /is not a scope/ })
  }
  app.get('/good', { config: { oauth: { scopes: ['!#[]~', 'Case'] } } }, (_request, reply) => reply.code(401).send())
  app.get('/late', async () => { throw new InsufficientScopeError(['a"b', 'c']) })
  t.equal(bearerOf(await app.inject('/good')).scope, '!#[]~ Case')
  t.equal(bearerOf(await app.inject('/late')).scope, 'c')
})

test('the characters of error and error_description (R6750-20)', async t => {
  const app = await createHintServer(t)
  for (const [index, message] of ['a "quoted" \\ word', 'two\r\nlines', 'Umläute…', 'nul\0'].entries()) {
    app.get(`/${index}`, async () => { throw new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'token_malformed', message }) })
  }
  for (const index of [0, 1, 2, 3]) {
    const { error, error_description: description = '' } = bearerOf(await app.inject(`/${index}`))
    t.equal(error, 'invalid_token')
    t.match(description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  }
})

test('a cookie is no credentials (R6750-27)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async () => 'in')
  const response = await app.inject({ url: '/', cookies: { access_token: await issuer.token() } })
  t.equal(response.statusCode, 401)
  t.equal(bearerOf(response).error, undefined)
})

test('a preflight is not challenged, and script can read the challenge (R6750-28, R6750-29)', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  app.get('/', async () => 'in')
  const origin = 'https://app.example.com'
  const preflight = await app.inject({ method: 'OPTIONS', url: '/', headers: { origin, 'access-control-request-method': 'GET' } })
  t.not(preflight.statusCode, 401)
  t.equal(preflight.headers['www-authenticate'], undefined)
  t.match((await app.inject({ url: '/', headers: { origin } })).headers['access-control-expose-headers'], /WWW-Authenticate/)
})

test('what cannot be found out is 503, not invalid_token (R6750-32)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async () => 'in')
  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  const response = await app.inject({ url: '/', headers: bearer(await issuer.token()) })
  t.equal(response.statusCode, 503)
  t.match(response.headers['retry-after'], /^\d+$/)
  t.equal(response.headers['www-authenticate'], undefined)
})
