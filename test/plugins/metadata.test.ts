import { test } from 'tap'
import { challenge, config, metadata } from '../../plugins/index.ts'
import { createHintServer, createServer, plainOptions, registerHint, wellKnown } from '../support/hint.ts'

const resource = 'https://api.example.com/mcp'
const documentUrl = `${wellKnown}/mcp`

test('GET: the document, for everybody, to be kept for a while (S1, S4, S5)', async t => {
  const app = await createHintServer(t, { resource, metadataMaxAgeSeconds: 60 })
  const response = await app.inject(documentUrl)
  t.equal(response.statusCode, 200)
  t.match(response.headers, {
    'content-type': /^application\/json/, 'cache-control': 'public, max-age=60', etag: /^"[^"]+"$/, 'access-control-allow-origin': '*'
  })
  t.equal(response.headers['set-cookie'], undefined)
  t.equal(response.headers['www-authenticate'], undefined)
  t.strictSame(response.json(), {
    resource, authorization_servers: ['https://login.example.com'], bearer_methods_supported: ['header'], resource_name: 'Projects'
  })
})

test('HEAD: the same headers and no body', async t => {
  for (const exposeHeadRoutes of [true, false]) {
    const app = await createHintServer(t, { resource }, { exposeHeadRoutes })
    const { headers: { date: _1, ...get } } = await app.inject(documentUrl)
    const { headers: { date: _2, ...head }, body, statusCode } = await app.inject({ method: 'HEAD', url: documentUrl })
    t.equal(statusCode, 200)
    t.equal(body, '')
    t.strictSame(head, get)
  }
})

test('whatever headers a hook of the host sets for its own answers (S5)', async t => {
  const app = createServer(t)
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'access-control-allow-origin': 'https://app.example.com', 'access-control-allow-credentials': 'true' })
  })
  await registerHint(app, { resource })
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST'] as const) {
    const { headers } = await app.inject({ method, url: documentUrl })
    t.equal(headers['access-control-allow-origin'], '*', method)
    t.equal(headers['access-control-allow-credentials'], undefined, method)
  }
})

test('If-None-Match: 304 without a body, when it is the one', async t => {
  const app = await createHintServer(t, { resource })
  const etag = String((await app.inject(documentUrl)).headers.etag)
  for (const [value, status] of [
    [etag, 304], [`W/${etag}`, 304], ['*', 304], [' * ', 304], [`"other", ${etag}`, 304], ['"other"', 200], ['', 200], [etag.slice(1), 200]
  ] as const) {
    const response = await app.inject({ url: documentUrl, headers: { 'if-none-match': value } })
    t.equal(response.statusCode, status, value)
    t.equal(response.body === '', status === 304)
    t.equal(response.headers.etag, etag)
    t.equal(response.headers['cache-control'], 'public, max-age=3600')
    t.equal(response.headers['access-control-allow-origin'], '*')
  }
})

test('OPTIONS: a preflight of any origin is answered', async t => {
  const app = await createHintServer(t, { resource })
  for (const url of [documentUrl, wellKnown, `${wellKnown}/nope`]) {
    const { statusCode, headers, body } = await app.inject({
      method: 'OPTIONS', url, headers: { origin: 'https://x', 'access-control-request-method': 'GET', 'access-control-request-headers': 'mcp-protocol-version' }
    })
    t.equal(statusCode, 204)
    t.equal(body, '')
    t.match(headers, {
      'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD, OPTIONS', 'access-control-allow-headers': '*, Authorization',
      'access-control-max-age': '86400', allow: 'GET, HEAD, OPTIONS'
    })
    t.equal(headers['www-authenticate'], undefined)
  }
})

test('any other method: 405 with what is allowed, whatever its body', async t => {
  const app = await createHintServer(t, { resource })
  const others = app.supportedMethods.filter(method => !['GET', 'HEAD', 'OPTIONS'].includes(method))
  t.ok(others.includes('POST') && others.includes('DELETE'))
  for (const method of others as ReadonlyArray<'POST'>) {
    for (const url of [documentUrl, wellKnown]) {
      const response = await app.inject({ method, url, payload: '{"broken', headers: { 'content-type': 'application/x-strange' } })
      t.equal(response.statusCode, 405, method)
      t.equal(response.headers.allow, 'GET, HEAD, OPTIONS')
      t.equal(response.headers['access-control-allow-origin'], '*')
      t.match(response.json(), { statusCode: 405, error: 'Method Not Allowed', message: /GET/ })
    }
  }
})

test('404 in JSON for what is no resource of this server', async t => {
  const app = await createHintServer(t, { resource })
  for (const suffix of ['/nope', '/mcp/', '/mcp/x', '/MCP', '/mcp?x', '/%6Dcp', '/', '//mcp', '?x', '/..', '/http://h/mcp']) {
    const response = await app.inject({ url: wellKnown + suffix })
    t.equal(response.statusCode, 404, suffix)
    t.match(response.headers['content-type'], /^application\/json/)
    t.equal(response.json<{ resource?: string }>().resource, undefined)
  }
  const response = await app.inject(`${wellKnown}/nope`)
  t.match(response.headers, { 'cache-control': 'no-store', 'access-control-allow-origin': '*' })
})

test('a loose router of the host does not loosen what is served', async t => {
  const app = await createHintServer(t, { resource }, {
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: false }
  })
  t.equal((await app.inject(documentUrl)).statusCode, 200)
  for (const url of [`${documentUrl}/`, documentUrl.toUpperCase(), `/${documentUrl}`]) t.equal((await app.inject(url)).statusCode, 404, url)
})

test('at the root answers the only resource, or the one that says so (F3)', async t => {
  for (const [resources, answers] of [
    [[{ resource }], resource],
    [[{ resource, rootAlias: false }], null],
    [[{ resource }, { resource: 'https://api.example.com/b' }], null],
    [[{ resource, rootAlias: true }, { resource: 'https://api.example.com/b' }], resource]
  ] as const) {
    const app = createServer(t)
    for (const options of resources) await app.register(async child => { await registerHint(child, options) })
    const response = await app.inject(wellKnown)
    t.equal(response.statusCode, answers === null ? 404 : 200)
    t.equal(response.json<{ resource?: string }>().resource ?? null, answers)
  }
})

test('two resources of one host at one place stop the boot', async t => {
  for (const [first, second, message] of [
    [{ resource: 'https://a' }, { resource: 'https://a/' }, `the metadata of https://a/ and of https://a would both be at ${wellKnown}`],
    [{ resource }, { resource, scopes: { a: 'A' } }, `two scopes of this server belong to ${resource} and describe it differently at ${documentUrl}`],
    [{ resource, rootAlias: true }, { resource: new URL(resource).origin }, `${new URL(resource).origin} and ${resource} cannot both be at ${wellKnown}: set rootAlias for one of them`]
  ] as const) {
    const app = createServer(t)
    await app.register(async child => { await registerHint(child, first) })
    await t.rejects(async () => await app.register(async child => { await registerHint(child, second) }), { name: 'OptionError', message })
  }
})

test('two scopes of one resource share its document', async t => {
  const app = createServer(t)
  for (const realm of ['a', 'b']) await app.register(async child => { await registerHint(child, { resource, realm }) })
  for (const url of [documentUrl, wellKnown]) t.equal((await app.inject(url)).statusCode, 200)
})

test('a fault that is no conflict is passed on', async t => {
  const app = createServer(t)
  await app.register(config, plainOptions)
  app.oauthDocuments.add = () => { throw new RangeError('broken') }
  await t.rejects(async () => await app.register(metadata), { name: 'RangeError', message: 'broken' })
})

test('the routes ask for nothing, and are not among the operations of the host', async t => {
  const app = createServer(t)
  const seen: Array<[unknown, unknown]> = []
  app.addHook('onRoute', route => { seen.push([route.schema, route.config]) })
  await registerHint(app)
  t.equal(seen.length, 8, 'GET, HEAD, OPTIONS and the others, at two places')
  for (const [schema, routeConfig] of seen) {
    t.match(schema, { hide: true })
    t.match(routeConfig, { oauth: false, cors: false, rateLimit: false })
  }
})

test('it needs the configuration', async t => {
  for (const plugin of [metadata, challenge]) {
    const app = createServer(t)
    await t.rejects(async () => await app.register(plugin), { code: 'FST_ERR_PLUGIN_DEPENDENCY_NOT_REGISTERED' })
  }
})

test('one path on two public hosts: each has its own document and challenge [B9]', async t => {
  const app = createServer(t)
  for (const host of ['a.example', 'b.example']) {
    await app.register(async child => {
      await registerHint(child, { resource: `https://${host}/mcp` })
      child.get('/mcp', { constraints: { host } }, async (_request, reply) => reply.code(401).send())
    })
  }
  for (const host of ['a.example', 'b.example']) {
    const { headers } = await app.inject({ url: '/mcp', headers: { host } })
    t.equal(headers['www-authenticate'], `Bearer resource_metadata="https://${host}${wellKnown}/mcp"`)
    t.equal((await app.inject({ url: `${wellKnown}/mcp`, headers: { host } })).json().resource, `https://${host}/mcp`)
  }
  t.equal((await app.inject({ url: `${wellKnown}/mcp`, headers: { host: 'c.example' } })).statusCode, 404)
})

test('below the prefix of a gateway: challenges name metadataUrl, and its path is served, too [B9]', async t => {
  const metadataUrl = `https://gw.example/team:1${wellKnown}`
  const app = await createHintServer(t, { resource: 'https://gw.example/team:1/mcp', metadataUrl })
  app.get('/x', async (_request, reply) => reply.code(401).send())
  t.equal((await app.inject('/x')).headers['www-authenticate'], `Bearer resource_metadata="${metadataUrl}"`)
  for (const url of [`/team:1${wellKnown}`, wellKnown, `${wellKnown}/team:1/mcp`]) {
    t.equal((await app.inject(url)).json().resource, 'https://gw.example/team:1/mcp', url)
  }
})
