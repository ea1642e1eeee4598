import { test } from 'tap'
import { parseChallenges } from '../../plugins/entry-points/client.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { bearerOf, createHintServer, createServer, plainOptions, registerHint, wellKnown } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

type Options = Partial<OAuthResourceServerOptions>
const documentOf = (options: Options = {}): Readonly<Record<string, unknown>> => resolveConfig({ ...plainOptions, ...options }).config.document.members
const warningsOf = (options: Options): readonly string[] => resolveConfig({ ...plainOptions, ...options }).warnings
const refused = (options: Options): string => {
  try {
    resolveConfig({ ...plainOptions, ...options })
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

// Section 1.2
const identifiers: ReadonlyArray<readonly [string, string, RegExp]> = [
  ['R9728-01 https passes', 'https://h/a', /^accepted$/],
  ['R9728-01 http passes on loopback', 'http://localhost:3000/mcp', /^accepted$/],
  ['R9728-01 R9728-13 http is refused', 'http://h', /^resource must be https/],
  ['R9728-01 a fragment is refused', 'https://h/a#f', /^resource must not have a fragment/],
  ['R9728-01 another scheme is refused', 'ftp://h', /^resource must be an absolute https URL/],
  ['R9728-02 a query passes', 'https://h/a?x=1', /^accepted$/]
]
for (const [title, resource, outcome] of identifiers) {
  test(title, t => {
    t.match(refused({ resource }), outcome)
    t.end()
  })
}
test('a query is warned about (R9728-02)', t => {
  t.match(warningsOf({ resource: 'https://h/a?x=1' }), [/should not have a query/])
  t.strictSame(warningsOf({ resource: 'https://h/a' }), [])
  t.end()
})

// Sections 3 and 3.1
const places: ReadonlyArray<readonly [string, string, string, number]> = [
  ['R9728-03 inserted between host and path', 'https://h/mcp', `${wellKnown}/mcp`, 200],
  ['R9728-03 not appended', 'https://h/mcp', `/mcp${wellKnown}`, 404],
  ['R9728-04 no suffix for a host', 'https://h', wellKnown, 200],
  ['R9728-04 no slash for a host', 'https://h', `${wellKnown}/`, 404],
  ['R9728-05 the slash after the host is dropped', 'https://h/?t=1', `${wellKnown}?t=1`, 200],
  ['R9728-05 and is not there', 'https://h/?t=1', `${wellKnown}/?t=1`, 404],
  ['R9728-06 a slash at the end of a path stays', 'https://h/a/', `${wellKnown}/a/`, 200],
  ['R9728-06 and is not optional', 'https://h/a/', `${wellKnown}/a`, 404],
  ['R9728-06 nor is one added', 'https://h/a', `${wellKnown}/a/`, 404],
  ['R9728-07 the query stays', 'https://h/r?x=1', `${wellKnown}/r?x=1`, 200],
  ['R9728-07 another query is another resource', 'https://h/r?x=1', `${wellKnown}/r?x=2`, 404],
  ['R9728-07 no query is another resource', 'https://h/r?x=1', `${wellKnown}/r`, 404],
  ['R9728-09 an unknown suffix', 'https://h/mcp', `${wellKnown}/nope`, 404]
]
for (const [title, resource, url, status] of places) {
  test(title, async t => {
    const app = await createHintServer(t, { resource })
    const response = await app.inject(url)
    t.equal(response.statusCode, status)
    t.equal(response.json<{ resource?: string }>().resource, status === 200 ? resource : undefined)
  })
}

test('each resource has its document, and none has another\'s (R9728-08, R9728-09)', async t => {
  const app = createServer(t)
  for (const path of ['/a', '/b']) {
    await app.register(async child => { await registerHint(child, { resource: `https://h${path}`, scopes: { [`read:${path}`]: '' } }) })
  }
  for (const path of ['/a', '/b']) {
    t.match((await app.inject(wellKnown + path)).json(), { resource: `https://h${path}`, scopes_supported: [`read:${path}`] })
  }
  t.equal((await app.inject(`${wellKnown}/c`)).statusCode, 404)
})

test('read with GET, one JSON object; HEAD without the body; nothing else (R9728-10, R9728-14)', async t => {
  const app = await createHintServer(t)
  const get = await app.inject(wellKnown)
  t.match(get.headers['content-type'], /^application\/json(?:;|$)/)
  t.equal(Array.isArray(get.json()), false)
  t.equal(typeof get.json(), 'object')
  const head = await app.inject({ method: 'HEAD', url: wellKnown })
  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  t.equal(head.headers['content-length'], get.headers['content-length'])
  const post = await app.inject({ method: 'POST', url: wellKnown })
  t.equal(post.statusCode, 405)
  t.equal(post.headers.allow, 'GET, HEAD, OPTIONS')
})

test('no token is needed, and a bad one does not matter (R9728-11)', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  app.get('/', async () => 1)
  t.equal((await app.inject('/')).statusCode, 401)
  for (const headers of [{}, bearer('bad'), { authorization: 'Bearer' }, { authorization: 'Basic x' }]) {
    for (const method of ['GET', 'HEAD'] as const) t.equal((await app.inject({ method, url: wellKnown, headers })).statusCode, 200)
  }
})

// Section 2
test('resource is the configured string (R9728-15, R9728-16)', t => {
  for (const resource of ['https://h', 'https://h/', 'https://H.Example/Path', 'https://h:443', 'https://h/%7Ea', 'https://h/a?x=Y']) {
    t.equal(documentOf({ resource }).resource, resource)
  }
  t.end()
})

test('nothing without a value, and lists are lists (R9728-17, R9728-18, R9728-25)', t => {
  const authorizationServers = [{ issuer: 'https://as', advertised: false }]
  const none = documentOf({ authorizationServers, scopes: {}, metadata: { resource_name: '', x: [], y: {}, z: null } })
  t.strictSame(Object.keys(none), ['resource', 'bearer_methods_supported'])
  t.match(documentOf({ scopes: { a: 'A' } }), {
    scopes_supported: ['a'], authorization_servers: ['https://login.example.com'], bearer_methods_supported: ['header']
  })
  t.end()
})

test('issuers to the letter; one that is not advertised is trusted all the same (R9728-19, R9728-20)', async t => {
  const issuer = await createFakeIssuer()
  const quiet = await createFakeIssuer({ issuer: 'https://quiet.example.com/' })
  const app = await createApp(t, {
    ...optionsFor(issuer),
    authorizationServers: [issuer.issuer, { issuer: quiet.issuer, advertised: false, jwks: { keys: quiet.keys.map(key => key.publicJwk) } }]
  })
  app.get('/', async () => 'in')
  t.strictSame((await app.inject(wellKnown)).json<{ authorization_servers: string[] }>().authorization_servers, [issuer.issuer])
  t.equal((await app.inject({ url: '/', headers: bearer(await quiet.token()) })).body, 'in')
  t.strictSame(documentOf({ authorizationServers: ['https://as/', 'https://AS.example/T'] }).authorization_servers, ['https://as/', 'https://AS.example/T'])
})

const memberCases: ReadonlyArray<readonly [string, Record<string, unknown>, RegExp]> = [
  ['R9728-21 jwks_uri is https', { jwks_uri: 'https://h/jwks' }, /^accepted$/],
  ['R9728-21 jwks_uri with http is refused', { jwks_uri: 'http://h/jwks' }, /^metadata\.jwks_uri must be https/],
  ['R9728-24 the methods follow from what is done', { bearer_methods_supported: ['query'] }, /^metadata\.bearer_methods_supported/],
  ['R9728-26 signing algorithms', { resource_signing_alg_values_supported: ['ES256'] }, /^accepted$/],
  ['R9728-26 none is refused', { resource_signing_alg_values_supported: ['none'] }, /must not hold none/],
  ['R9728-28 URLs', { resource_documentation: 'https://h/d', resource_policy_uri: 'https://h/p', resource_tos_uri: 'https://h/t' }, /^accepted$/],
  ['R9728-28 what is no URL is refused', { resource_documentation: 'docs' }, /^metadata\.resource_documentation must be a URL/],
  ['R9728-29 language tags', { 'resource_name#it': 'Progetti' }, /^accepted$/],
  ['R9728-29 not on resource', { 'resource#it': 'https://h' }, /^metadata\.resource#it/],
  ['R9728-31 tags compare without case', { 'resource_name#pt-BR': 'a', 'resource_name#pt-br': 'b' }, /stands twice/],
  ['R9728-32 no certificate binding is promised', { tls_client_certificate_bound_access_tokens: true }, /follows from (?:dpop|clientCertificates)/],
  ['R9728-34 no DPoP is promised', { dpop_signing_alg_values_supported: ['ES256'] }, /follows from (?:dpop|clientCertificates)/],
  ['R9728-35 no DPoP is promised', { dpop_bound_access_tokens_required: true }, /follows from (?:dpop|clientCertificates)/],
  ['R9728-33 types of authorization details', { authorization_details_types_supported: ['payment'] }, /^accepted$/],
  ['R9728-36 further members', { x_custom: { any: 'thing' } }, /^accepted$/]
]
for (const [title, members, outcome] of memberCases) {
  test(title, t => {
    const metadata = { resource_name: 'Projects', ...members }
    t.match(refused({ metadata }), outcome)
    if (outcome.test('accepted')) t.match(documentOf({ metadata }), members)
    t.end()
  })
}

test('a token that does not come in the header does not count (R9728-24)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async () => 'in')
  const token = await issuer.token()
  t.equal((await app.inject({ url: `/?access_token=${token}` })).statusCode, 401)
  t.equal((await app.inject({ url: '/', headers: bearer(token) })).statusCode, 200)
})

test('scopes, without those that are hidden (R9728-23)', t => {
  t.strictSame(documentOf({ scopes: { a: 'A', hidden: { advertised: false } } }).scopes_supported, ['a'])
  t.end()
})

test('a name, and one without a tag (R9728-27, R9728-30)', t => {
  t.strictSame(warningsOf({ metadata: { resource_name: 'N' } }), [])
  t.match(warningsOf({ metadata: {} }), [/resource_name/])
  t.match(warningsOf({ metadata: { resource_name: 'N', 'resource_tos_uri#it': 'https://h' } }), [/resource_tos_uri should also stand without/])
  t.end()
})

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const signed = (claims: Record<string, unknown>): string => `${part({ alg: 'ES256' })}.${part({ iss: 'https://as', resource: 'https://api.example.com', ...claims })}.c2ln`
for (const [title, jws, outcome] of [
  ['R9728-38 a compact JWS with an issuer', signed({ resource_name: 'Projects' }), /^accepted$/],
  ['R9728-38 what is none is refused', 'x', /must be a compact JWS/],
  ['R9728-38 without issuer it is refused', signed({ iss: undefined }), /must have an iss claim/],
  ['R9728-39 not within itself', signed({ signed_metadata: 'x' }), /must not be nested in itself/],
  ['R9728-42 it says what the document says', signed({ resource_name: 'Other' }), /says something else than the document about resource_name/]
] as const) {
  test(title, t => {
    const metadata = { resource_name: 'Projects', signed_metadata: jws }
    t.match(refused({ metadata }), outcome)
    if (outcome.test('accepted')) t.equal(documentOf({ metadata }).signed_metadata, jws)
    t.end()
  })
}

test('caches and browsers (R9728-43, R9728-44)', async t => {
  const app = await createHintServer(t, { metadataMaxAgeSeconds: 60 })
  const { headers } = await app.inject({ url: wellKnown, headers: { origin: 'https://x' } })
  t.match(headers, { 'cache-control': 'public, max-age=60', 'access-control-allow-origin': '*' })
  t.equal(headers['access-control-allow-credentials'], undefined)
  t.equal((await app.inject({ url: wellKnown, headers: { 'if-none-match': String(headers.etag) } })).statusCode, 304)
  t.equal((await app.inject({ url: wellKnown, headers: { 'if-none-match': '"x"' } })).statusCode, 200)
  const preflight = await app.inject({ method: 'OPTIONS', url: wellKnown, headers: { origin: 'https://x', 'access-control-request-method': 'GET' } })
  t.equal(preflight.statusCode, 204)
  t.equal(preflight.headers['www-authenticate'], undefined)
})

// Sections 3.3 and 5
test('the 401 names the document of the very resource (R9728-45, R9728-48)', async t => {
  for (const resource of ['https://h', 'https://h/mcp']) {
    const app = await createHintServer(t, { resource })
    app.get('/mcp', (_request, reply) => reply.code(401).send())
    const response = await app.inject('/mcp')
    t.match(response.headers['www-authenticate'], `resource_metadata="https://h${wellKnown}${resource.slice('https://h'.length)}"`)
    const { pathname } = new URL(bearerOf(response).resource_metadata!)
    t.equal((await app.inject(pathname)).json<{ resource: string }>().resource, resource)
  }
})

test('beside what else the challenge says, and beside other schemes (R9728-47, R9728-52)', async t => {
  const app = await createHintServer(t)
  app.get('/step-up', (_request, reply) => reply.code(401).header('www-authenticate', 'Bearer max_age="5", acr_values="x"').send())
  app.get('/basic', (_request, reply) => reply.code(401).header('www-authenticate', 'Basic realm="x"').send())
  t.match(bearerOf(await app.inject('/step-up')), { max_age: '5', acr_values: 'x', resource_metadata: `https://api.example.com${wellKnown}` })
  const lines = (await app.inject('/basic')).headers['www-authenticate']
  t.ok(Array.isArray(lines) && lines.length === 2)
  t.strictSame((lines as string[]).flatMap(line => parseChallenges(line)).map(one => one.scheme), ['Bearer', 'Basic'])
})

test('nothing that a request says changes what is advertised (R9728-49)', async t => {
  const app = await createHintServer(t, {}, { trustProxy: true })
  app.get('/', (_request, reply) => reply.code(401).send())
  const headers = { host: 'evil', 'x-forwarded-host': 'evil', 'x-forwarded-proto': 'http', forwarded: 'host=evil' }
  t.equal(bearerOf(await app.inject({ url: '/', headers })).resource_metadata, `https://api.example.com${wellKnown}`)
  t.notMatch((await app.inject({ url: wellKnown, headers })).body, 'evil')
})
