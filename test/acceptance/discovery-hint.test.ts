import { tracingChannel } from 'node:diagnostics_channel'
import { test } from 'tap'
import { InsufficientScopeError, OAuthResourceError, UnavailableError } from '../../plugins/index.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { bearerOf, challengesOf, createHintServer, createServer, pointer, registerHint, stockChallenge } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { addRefusals } from '../support/refusals.ts'

const json = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } as const

test('no credentials: 401, one Bearer challenge, the pointer and no error (H1, H24)', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  app.get('/', async () => 1)
  const response = await app.inject('/')
  t.equal(response.statusCode, 401)
  t.equal(response.headers['www-authenticate'], stockChallenge)
})

test('refused credentials: 401 invalid_token with the same pointer (H2, H25)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async () => 1)
  const past = Math.floor(Date.now() / 1000) - 3600
  for (const token of ['abc', 'a.b.c', await issuer.token({ exp: past, iat: past - 60 }), await issuer.token({ aud: 'https://other' })]) {
    const response = await app.inject({ url: '/', headers: bearer(token) })
    t.equal(response.statusCode, 401)
    t.match(bearerOf(response), { resource_metadata: pointer, error: 'invalid_token' })
  }
})

test('other refusals have no challenge (H3, H4, H28)', async t => {
  const app = await createHintServer(t)
  app.get('/forbidden', (_request, reply) => reply.code(403).send({ error: 'not yours' }))
  app.get('/denied', async () => { throw new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'organization_foreign' }) })
  app.get('/thrown', async () => { throw Object.assign(new Error('x'), { statusCode: 403 }) })
  app.post('/', { schema: { body: json } }, async () => 1)
  app.get('/broken', async () => { throw new Error('x') })
  for (const [request, status] of [
    ['/forbidden', 403], ['/denied', 403], ['/thrown', 403], ['/broken', 500], ['/nowhere', 404],
    [{ method: 'POST', url: '/', payload: {}, headers: bearer('abc') }, 400]
  ] as const) {
    const response = await app.inject(request)
    t.equal(response.statusCode, status)
    t.equal(response.headers['www-authenticate'], undefined)
    t.equal(response.headers['cache-control'], undefined)
  }
})

const spoofed = {
  host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', 'x-forwarded-port': '81',
  forwarded: 'host=evil.example;proto=http', 'x-forwarded-prefix': '/evil', 'x-original-url': '/evil'
}
for (const trustProxy of [false, true]) {
  test(`nothing that a client sends changes the URL, trustProxy ${trustProxy} (H5, H6, H7)`, async t => {
    const app = await createHintServer(t, {}, { trustProxy })
    addRefusals(app)
    const response = await app.inject({ url: '/thrown', headers: spoofed })
    t.equal(response.headers['www-authenticate'], stockChallenge)
    const document = await app.inject({ url: '/.well-known/oauth-protected-resource', headers: spoofed })
    t.equal(document.json<{ resource: string }>().resource, 'https://api.example.com')
    t.notMatch(document.body, 'evil')
  })
}

test('the URL is that of the configured resource (H8, H9, H10)', async t => {
  const wellKnown = '/.well-known/oauth-protected-resource'
  for (const [resource, url] of [
    ['http://localhost:3000', `http://localhost:3000${wellKnown}`],
    ['https://h', `https://h${wellKnown}`],
    ['https://h/', `https://h${wellKnown}`],
    ['https://h/mcp', `https://h${wellKnown}/mcp`],
    ['https://h/mcp/', `https://h${wellKnown}/mcp/`],
    ['https://h/a?t=1', `https://h${wellKnown}/a?t=1`]
  ] as const) {
    const app = await createHintServer(t, { resource })
    app.get('/', (_request, reply) => reply.code(401).send())
    t.equal(bearerOf(await app.inject('/')).resource_metadata, url)
  }
})

test('every 401 gets the hint, and status and body stay what they were (H11, H16, H17, H18, H19, H20, H21)', async t => {
  const without = createServer(t)
  addRefusals(without)
  const before = await createHintServer(t)
  const routes = addRefusals(before)
  const after = createServer(t)
  addRefusals(after)
  await after.after()
  await registerHint(after)

  for (const url of routes) {
    for (const method of ['GET', 'HEAD'] as const) {
      const plain = await without.inject({ method, url })
      t.equal(plain.headers['www-authenticate'], undefined)
      for (const app of [before, after]) {
        const response = await app.inject({ method, url })
        t.equal(response.statusCode, 401, `${method} ${url}`)
        t.equal(response.statusCode, plain.statusCode)
        t.strictSame(response.rawPayload, plain.rawPayload, `${method} ${url}`)
        t.equal(response.headers['content-type'], plain.headers['content-type'])
        t.equal(response.headers['content-length'], plain.headers['content-length'])
        t.equal(response.headers['www-authenticate'], stockChallenge, `${method} ${url}`)
      }
    }
  }
})

test('a pinned challenge takes the place of the hint, on its route only (H12)', async t => {
  const app = await createHintServer(t)
  const pinnedChallenge = 'Basic realm="vault", Bearer realm="vault"'
  app.get('/pinned', { config: { oauth: { pinnedChallenge } } }, (_request, reply) => reply.code(401).header('www-authenticate', 'X').send())
  app.get('/other', (_request, reply) => reply.code(401).send())
  t.equal((await app.inject('/pinned')).headers['www-authenticate'], pinnedChallenge)
  t.equal((await app.inject('/other')).headers['www-authenticate'], stockChallenge)
})

test('a lack of scope is told on a pinned route too, as no fixed text could say it (H12)', async t => {
  const app = await createHintServer(t)
  app.get('/', { config: { oauth: { pinnedChallenge: 'Basic realm="vault"' } } }, async () => { throw new InsufficientScopeError(['a']) })
  t.match(bearerOf(await app.inject('/')), { error: 'insufficient_scope', scope: 'a' })
})

test('CR and LF in a pinned challenge stop the boot (H13)', async t => {
  const app = await createHintServer(t)
  t.throws(() => {
    app.get('/', { config: { oauth: { pinnedChallenge: 'Basic realm="x"\r\nSet-Cookie: a=b' } } }, async () => 1)
  }, { name: 'OptionError', message: /^config\.oauth of GET \/: pinnedChallenge "Basic realm/ })
})

test('on a route that is older than the plugin it stops the boot, so that it is never sent (H13)', async t => {
  const app = createServer(t)
  app.get('/', { config: { oauth: { pinnedChallenge: 'Basic realm="x"\r\nSet-Cookie: a=b' } } }, (_request, reply) => reply.code(401).send())
  await registerHint(app)
  await t.rejects(async () => { await app.ready() }, { name: 'OptionError', message: /^config\.oauth of GET \/: pinnedChallenge .* is not a list of challenges/ })
})

test('challenges of the route survive: another scheme beside ours, a Bearer within ours (H14, H15)', async t => {
  const app = await createHintServer(t)
  const cases = [
    ['/basic', 'Basic realm="x"', [stockChallenge, 'Basic realm="x"']],
    ['/several', ['Basic realm="x"', 'Digest nonce="1"'], [stockChallenge, 'Basic realm="x"', 'Digest nonce="1"']],
    ['/bearer', 'Bearer realm="mine", error="invalid_token"', `${stockChallenge}, realm="mine", error="invalid_token"`],
    ['/bare', 'Bearer', stockChallenge],
    ['/same', stockChallenge, stockChallenge],
    ['/broken', 'Bearer realm="x', stockChallenge]
  ] as const
  for (const [url, existing] of cases) {
    app.get(url, (_request, reply) => reply.code(401).header('www-authenticate', existing).send())
  }
  for (const [url, , expected] of cases) {
    t.strictSame((await app.inject(url)).headers['www-authenticate'], expected, url)
  }
})

test('the helper says the same for replies that Fastify does not send (H22)', async t => {
  const app = await createHintServer(t, { realm: 'r' })
  const oauth = { scopes: ['a'] }
  app.get('/sent', { config: { oauth } }, (_request, reply) => reply.code(401).send())
  app.get('/hijacked', { config: { oauth } }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(401, reply.oauthChallengeHeaders()).end()
  })
  for (const headers of [{}, bearer('abc'), { origin: 'https://app.example.com' }]) {
    const sent = await app.inject({ url: '/sent', headers })
    const hijacked = await app.inject({ url: '/hijacked', headers })
    for (const name of ['www-authenticate', 'cache-control', 'access-control-expose-headers']) {
      t.equal(hijacked.headers[name], sent.headers[name], name)
    }
    t.match(bearerOf(hijacked), { resource_metadata: pointer, realm: 'r', scope: 'a' })
  }
})

test('the helper and the errors of the package (H22)', async t => {
  const app = await createHintServer(t)
  const errors = {
    scope: new InsufficientScopeError(['a', 'b']),
    unavailable: new UnavailableError('keys_unavailable', 7),
    denied: new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' })
  }
  for (const [name, error] of Object.entries(errors)) {
    app.get(`/${name}`, async () => { throw error })
    app.get(`/${name}/hijacked`, (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(error.statusCode, reply.oauthChallengeHeaders(error)).end()
    })
  }
  for (const name of Object.keys(errors)) {
    const thrown = await app.inject(`/${name}`)
    const hijacked = await app.inject(`/${name}/hijacked`)
    t.equal(hijacked.statusCode, thrown.statusCode)
    for (const header of ['www-authenticate', 'cache-control', 'retry-after']) t.equal(hijacked.headers[header], thrown.headers[header], header)
  }
  t.equal((await app.inject('/unavailable')).headers['retry-after'], '7')
  t.equal((await app.inject('/unavailable')).headers['www-authenticate'], undefined)
  t.equal((await app.inject('/denied/hijacked')).headers['www-authenticate'], undefined)
})

test('a challenge that is passed on from an upstream stays where the route says so, else ours replaces it (H23)', async t => {
  const app = await createHintServer(t)
  const upstream = 'Bearer resource_metadata="https://up.example/.well-known/oauth-protected-resource", error="invalid_token"'
  const cases = [
    ['keep', upstream, upstream],
    ['keep', [upstream, 'Basic realm="x"'], [upstream, 'Basic realm="x"']],
    ['keep', undefined, stockChallenge],
    ['merge', upstream, stockChallenge],
    ['replace', 'Bearer realm="up", error="invalid_token"', stockChallenge],
    ['replace', ['Basic realm="x"', upstream], stockChallenge]
  ] as const
  for (const [index, [challenge, existing]] of cases.entries()) {
    app.get(`/${index}`, { config: { oauth: { challenge } } }, (_request, reply) => {
      if (existing !== undefined) reply.header('www-authenticate', existing)
      return reply.code(401).send()
    })
  }
  for (const [index, [, , expected]] of cases.entries()) {
    t.strictSame((await app.inject(`/${index}`)).headers['www-authenticate'], expected)
  }
})

test('a lack of scope: 403 insufficient_scope, all that is needed, the pointer, wrapped or not (H26, H27)', async t => {
  const app = await createHintServer(t)
  const missing = new InsufficientScopeError(['a', 'b'])
  const wrap = (error: Error, extra = {}): Error => Object.assign(new Error('could not list', { cause: error }), extra)
  app.get('/plain', async () => { throw missing })
  app.get('/wrapped', async () => { throw wrap(missing) })
  app.get('/twice', async () => { throw wrap(wrap(missing)) })
  app.get('/with-status', async () => { throw wrap(missing, { statusCode: 403 }) })
  await app.register(async child => {
    child.setErrorHandler((error: Error, _request, reply) => reply.send({ mine: error.message }))
    child.get('/handled', async () => { throw wrap(missing) })
  })
  await app.register(async child => {
    child.setErrorHandler((error: Error) => { throw wrap(error, { statusCode: 403 }) })
    child.get('/wrapped-by-handler', async () => { throw missing })
  })
  for (const url of ['/plain', '/wrapped', '/twice', '/with-status', '/handled', '/wrapped-by-handler']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 403, url)
    t.match(bearerOf(response), { error: 'insufficient_scope', scope: 'a b', resource_metadata: pointer }, url)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

test('an application that gives an error of ours another status means it (H26)', async t => {
  const app = await createHintServer(t)
  const missing = new InsufficientScopeError(['a'])
  app.get('/hidden', async () => { throw Object.assign(new Error('x', { cause: missing }), { statusCode: 404 }) })
  app.get('/by-status', async () => { throw Object.assign(new Error('x', { cause: missing }), { status: 500 }) })
  app.get('/by-reply', async (_request, reply) => { reply.code(502); throw new Error('x', { cause: missing }) })
  await app.register(async child => {
    child.setErrorHandler((_error, _request, reply) => reply.code(404).send('none'))
    child.get('/by-handler', async () => { throw missing })
  })
  for (const [url, status] of [['/hidden', 404], ['/by-status', 500], ['/by-reply', 502], ['/by-handler', 404]] as const) {
    const response = await app.inject(url)
    t.equal(response.statusCode, status, url)
    t.equal(response.headers['www-authenticate'], undefined, url)
  }
})

test('the status of an error counts with an error handler that says nothing about it (H26)', async t => {
  const without = createServer(t)
  const app = await createHintServer(t)
  for (const server of [without, app]) {
    server.setErrorHandler((_error, _request, reply) => reply.send('failed'))
    server.get('/', async () => { throw Object.assign(new Error('x', { cause: new InsufficientScopeError(['a']) }), { statusCode: 404 }) })
  }
  t.equal((await app.inject('/')).statusCode, (await without.inject('/')).statusCode)
})

test('a wrapped error keeps its status when somebody traces the requests (H26)', async t => {
  const { asyncEnd } = tracingChannel('fastify.request.handler')
  const listen = (): void => {}
  asyncEnd.subscribe(listen)
  t.teardown(() => asyncEnd.unsubscribe(listen))
  const app = await createHintServer(t)
  app.get('/', async () => { throw new Error('x', { cause: new InsufficientScopeError(['a']) }) })
  const response = await app.inject('/')
  t.equal(response.statusCode, 403)
  t.match(bearerOf(response), { error: 'insufficient_scope', scope: 'a' })
})

test('an error handler that makes a 401 of another refusal gets the challenge of a 401 (H26)', async t => {
  const app = await createHintServer(t)
  app.setErrorHandler((_error, _request, reply) => reply.code(401).send('log in again'))
  app.get('/', async () => { throw new InsufficientScopeError(['a']) })
  t.equal((await app.inject('/')).headers['www-authenticate'], stockChallenge)
  t.strictSame(bearerOf(await app.inject({ url: '/', headers: bearer('abc') })), {
    resource_metadata: pointer, error: 'invalid_token', error_description: 'The access token is invalid'
  })
})

test('an expired token with too few scopes: 401 and not 403 (H29)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', { config: { oauth: { scopes: ['a'] } } }, async () => 1)
  const past = Math.floor(Date.now() / 1000) - 3600
  const response = await app.inject({ url: '/', headers: bearer(await issuer.token({ exp: past, iat: past - 60 })) })
  t.equal(response.statusCode, 401)
  t.equal(bearerOf(response).error, 'invalid_token')
})

test('no description breaks the header (H30)', async t => {
  const app = await createHintServer(t)
  const message = 'say "hi" \\ \r\nSet-Cookie: a=b\0 ü scope="admin"'
  app.get('/ours', async () => { throw new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'organization_foreign', message }) })
  app.get('/theirs', async () => { throw Object.assign(new Error(message), { statusCode: 401 }) })
  app.get('/scopes', async () => { throw new InsufficientScopeError(['a"\r\nSet-Cookie: a=b', 'c']) })
  for (const url of ['/ours', '/theirs', '/scopes']) {
    const response = await app.inject({ url, headers: bearer('abc') })
    const header = String(response.headers['www-authenticate'])
    t.match(header, /^[\x20-\x7e]+$/, url)
    t.equal(response.headers['set-cookie'], undefined)
    t.notMatch(header, 'admin')
    t.equal(challengesOf(response).length, 1)
  }
  t.equal(bearerOf(await app.inject('/scopes')).scope, 'c')
})

test('the advertised URL answers, with the very resource (H31)', async t => {
  for (const resource of ['https://h', 'https://h/', 'https://H:8443/Mcp', 'https://h/mcp/', 'https://h/a?t=1', 'https://h/%7Ea/(b)']) {
    const app = await createHintServer(t, { resource })
    app.get('/', (_request, reply) => reply.code(401).send())
    const { pathname, search } = new URL(bearerOf(await app.inject('/')).resource_metadata!)
    const document = await app.inject(pathname + search)
    t.equal(document.statusCode, 200)
    t.equal(document.json<{ resource: string }>().resource, resource)
  }
})

test('browsers can read the challenge, and nobody keeps the answer (H33, H34)', async t => {
  const app = await createHintServer(t)
  const cases: ReadonlyArray<readonly [string, Record<string, string | string[]>, string]> = [
    ['/none', {}, 'WWW-Authenticate'],
    ['/more', { 'access-control-expose-headers': 'X-A,  X-B' }, 'X-A, X-B, WWW-Authenticate'],
    ['/already', { 'access-control-expose-headers': 'www-authenticate, X-A' }, 'www-authenticate, X-A'],
    ['/list', { 'access-control-expose-headers': ['X-A', 'X-B,'] }, 'X-A, X-B, WWW-Authenticate'],
    ['/star', { 'access-control-expose-headers': '*' }, '*, WWW-Authenticate']
  ]
  for (const [url, existing] of cases) {
    app.get(url, (_request, reply) => reply.code(401).headers({ vary: 'Accept', 'cache-control': 'public', ...existing }).send())
  }
  app.get('/open', (_request, reply) => reply.code(401).header('access-control-allow-origin', '*').send())
  for (const [url, , exposed] of cases) {
    const response = await app.inject({ url, headers: { origin: 'https://app.example.com' } })
    t.equal(response.headers['access-control-expose-headers'], exposed)
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers.vary, 'Accept')
  }
  t.equal((await app.inject('/open')).headers['access-control-expose-headers'], 'WWW-Authenticate')
  t.equal((await app.inject('/none')).headers['access-control-expose-headers'], undefined, 'not a cross-origin request')
})

test('a 401 of whatever guard of the host has the hint (H35)', async t => {
  const app = await createHintServer(t)
  app.addHook('preHandler', async (_request, reply) => await reply.code(401).send({ code: 'impersonation_expired' }))
  app.get('/', async () => 1)
  const response = await app.inject({ url: '/', headers: { cookie: 'session=x' } })
  t.equal(response.headers['www-authenticate'], stockChallenge)
  t.equal(response.body, '{"code":"impersonation_expired"}')
})

test('a route that opts out gets nothing from us (H36)', async t => {
  const app = await createHintServer(t)
  const oauth = { challenge: 'none' } as const
  app.get('/bare', { config: { oauth } }, (_request, reply) => reply.code(401).send())
  app.get('/own', { config: { oauth } }, (_request, reply) => reply.code(401).header('www-authenticate', 'Basic realm="x"').send())
  app.get('/scope', { config: { oauth } }, async () => { throw new InsufficientScopeError(['a']) })
  for (const [url, value] of [['/bare', undefined], ['/own', 'Basic realm="x"'], ['/scope', undefined]] as const) {
    const response = await app.inject({ url, headers: { origin: 'https://app.example.com' } })
    t.equal(response.headers['www-authenticate'], value)
    t.equal(response.headers['cache-control'], undefined)
    t.equal(response.headers['access-control-expose-headers'], undefined)
  }
})

test('registered twice, or around each other: one challenge (H37)', async t => {
  const app = await createHintServer(t)
  await registerHint(app)
  app.get('/', (_request, reply) => reply.code(401).header('www-authenticate', 'Basic realm="x"').send())
  await app.register(async child => {
    await registerHint(child)
    child.get('/child', (_request, reply) => reply.code(401).send())
  })
  t.strictSame((await app.inject('/')).headers['www-authenticate'], [stockChallenge, 'Basic realm="x"'])
  t.equal((await app.inject('/child')).headers['www-authenticate'], stockChallenge)
})

test('answers that refuse nothing are not touched (H41)', async t => {
  const without = createServer(t)
  const app = await createHintServer(t)
  for (const server of [without, app]) {
    server.get('/', async () => ({ ok: true }))
    server.get('/own', async (_request, reply) => await reply.headers({ 'www-authenticate': 'Basic realm="x"', 'cache-control': 'public' }).send('x'))
    server.get('/moved', async (_request, reply) => await reply.redirect('/'))
  }
  for (const url of ['/', '/own', '/moved']) {
    const [{ headers: { date: _1, ...plain }, body }, { headers: { date: _2, ...ours }, body: same }] =
      [await without.inject(url), await app.inject({ url, headers: bearer('abc') })]
    t.strictSame(ours, plain)
    t.equal(same, body)
  }
})
