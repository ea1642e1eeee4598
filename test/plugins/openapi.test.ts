import swagger from '@fastify/swagger'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { api } from '../../examples/demo/api.ts'
import type { Projects } from '../../examples/demo/projects.ts'
import { resourcesAt } from '../../examples/demo/resources.ts'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import { resolveConfig } from '../../lib/config/resolve.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'

interface Operation { security?: object[], responses: Record<string, { description: string, content?: object, headers?: object }> }
interface Document { paths: Record<string, Record<string, Operation>>, components: { securitySchemes: Record<string, object> } }
interface Teardown { teardown (close: () => unknown): unknown }

const openapi = { openapi: '3.0.3', info: { title: 'API', version: '1.0.0' } } as const
const issuer = await createFakeIssuer()

async function createApp (t: Teardown, options: Partial<OAuthResourceServerOptions> = {}, withSwagger: object | null = { openapi }) {
  const log: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { log.push(line) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  if (withSwagger !== null) await app.register(swagger, withSwagger)
  await app.register(oauthResourceServer, optionsFor(issuer, { metadata: { resource_name: 'API' }, ...options }))
  app.get('/', async () => ({ ok: true }))
  app.get('/open', { config: { oauth: false } }, async () => ({ ok: true }))
  app.get('/optional', { config: { oauth: { token: 'optional' } } }, async () => ({ ok: true }))
  app.post('/things/:id', {
    config: { oauth: { scopes: ['write'], anyOfScopes: ['own', ['any', 'admin']] } },
    schema: {
      summary: 'Writes',
      body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      response: { 200: { type: 'object', properties: { ok: { type: 'boolean' } } }, 403: { type: 'object', description: 'Own', properties: { message: { type: 'string' } } } }
    }
  }, async () => ({ ok: true, more: 'that the schema takes away' }))
  return { app, log }
}

async function documentOf (app: FastifyInstance): Promise<Document> {
  await app.ready()
  return app.swagger() as unknown as Document
}

async function validate (document: object) {
  return await new Validator().validate(structuredClone(document) as Record<string, unknown>)
}

test('rules become security and answers, in a valid document (F84)', async t => {
  const { app, log } = await createApp(t)
  const document = await documentOf(app)
  t.match(await validate(document), { valid: true })
  t.strictSame(Object.keys(document.paths), ['/', '/open', '/optional', '/things/{id}'])
  t.strictSame(document.components.securitySchemes, {
    oauth: {
      type: 'openIdConnect', openIdConnectUrl: 'https://login.example.com/.well-known/openid-configuration',
      description: 'An access token of https://login.example.com'
    }
  })
  const { get: plain } = document.paths['/']!
  t.same(plain!.security, [{ oauth: [] }])
  t.match(plain!.responses, {
    200: { description: 'Default Response', content: undefined },
    401: { content: { 'application/json': { schema: { type: 'object' } } }, headers: { 'WWW-Authenticate': {} } },
    503: { headers: { 'Retry-After': {} } }
  })
  t.same(document.paths['/open']!.get, { security: [], responses: { 200: { description: 'Default Response' } } })
  t.same(document.paths['/optional']!.get!.security, [{}, { oauth: [] }])
  const { post } = document.paths['/things/{id}']!
  t.same(post!.security, [{ oauth: ['write', 'own'] }, { oauth: ['write', 'any', 'admin'] }])
  t.match(post, { summary: 'Writes', responses: { 403: { description: 'Own' }, 401: {}, 503: {} } })
  t.strictSame(log, [])
})

test('YAML says the same, and the transform of the document stays the host\'s (F84)', async t => {
  const seen: string[] = []
  const { app } = await createApp(t, {}, { openapi, transform: ({ schema, url }: { schema: object, url: string }) => { seen.push(url); return { schema, url } } })
  await app.ready()
  const yaml = app.swagger({ yaml: true })
  t.match(yaml, /securitySchemes:\n +oauth:\n +type: openIdConnect/)
  t.match(yaml, /security:\n +- oauth:\n +- write/)
  t.same(seen, ['/', '/open', '/optional', '/things/:id'])
})

test('answers are the same, byte for byte, with and without swagger (H11)', async t => {
  const token = await issuer.token()
  const requests = [
    { url: '/' }, { url: '/', headers: bearer('x') }, { url: '/', headers: bearer(token) },
    { method: 'POST', url: '/things/1', payload: { name: 'n' } }, { method: 'POST', url: '/things/1', payload: {}, headers: bearer(token) },
    { method: 'POST', url: '/things/1', payload: { name: 'n' }, headers: bearer(await issuer.token({ scope: 'write own' })) }
  ] as const
  const answers = async (given: object | null): Promise<string[]> => {
    const { app } = await createApp(t, {}, given)
    await app.ready()
    if (given !== null) app.swagger()
    return await Promise.all(requests.map(async request => {
      const { statusCode, body, headers } = await app.inject({ ...request })
      return `${statusCode} ${body} ${headers['content-length']} ${headers['www-authenticate']}`
    }))
  }
  t.strictSame(await answers({ openapi }), await answers(null))
})

const choices: ReadonlyArray<readonly [string, OAuthResourceServerOptions['openapi'], (document: Document) => unknown, unknown]> = [
  ['a name', { scheme: 'login' }, ({ paths }) => paths['/']!.get!.security, [{ login: [] }]],
  ['bearer', { type: 'bearer' }, ({ paths }) => paths['/things/{id}']!.post!.security, [{ oauth: [] }]],
  ['a definition', { definition: { type: 'http', scheme: 'bearer' } }, ({ components }) => components.securitySchemes.oauth, { type: 'http', scheme: 'bearer' }],
  ['no answers', { responses: false }, ({ paths }) => Object.keys(paths['/']!.get!.responses), ['200']],
  ['nothing', false, ({ paths, components }) => [paths['/']!.get!.security, components.securitySchemes], [undefined, {}]]
]
for (const [title, given, read, expected] of choices) {
  test(`the option openapi: ${title} (F84)`, async t => {
    const { app } = await createApp(t, given === undefined ? {} : { openapi: given })
    const document = await documentOf(app)
    t.same(read(document), expected)
    t.match(await validate(document), { valid: true })
  })
}

test('a definition and a type contradict each other (F84)', t => {
  t.throws(() => resolveConfig(optionsFor(issuer, { openapi: { type: 'bearer', definition: { type: 'http' } } })), { code: 'FST_OAUTH_OPTION_INVALID' })
  t.end()
})

test('several resources in one document; what is not protected says nothing (F84)', async t => {
  const other = await createFakeIssuer({ issuer: 'https://other.example.com' })
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(swagger, { openapi })
  app.get('/free', async () => 'free')
  await app.register(async one => {
    await one.register(oauthResourceServer, optionsFor(issuer, { resource: 'https://api.example.com/one' }))
    one.get('/one', async () => 'one')
  })
  await app.register(async two => {
    await two.register(oauthResourceServer, optionsFor(other, { resource: 'https://api.example.com/two' }))
    two.get('/two', async () => 'two')
  })
  const document = await documentOf(app)
  t.match(await validate(document), { valid: true })
  t.same(['/free', '/one', '/two'].map(path => document.paths[path]!.get!.security), [undefined, [{ oauth: [] }], [{ 'oauth-2': [] }]])
})

test('Swagger 2.0 is left as it is (F84)', async t => {
  const { app } = await createApp(t, {}, {})
  const document = await documentOf(app)
  t.equal(document.paths['/']!.get!.security, undefined)
})

test('swagger that comes too late is told so, and does no harm (F84)', async t => {
  const { app, log } = await createApp(t, {}, null)
  await app.register(swagger, { openapi })
  app.get('/late', async () => 'late')
  const document = await documentOf(app)
  t.equal(document.paths['/late']!.get!.security, undefined)
  t.match(log, [/does not show what routes ask for/])
})

test('the document of the example API is valid and shows its rules (F84)', async t => {
  const origin = 'http://localhost:3000'
  const { api: resource } = resourcesAt(origin)
  const projects: Projects = { of: async () => [], create: async () => null }
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(swagger, { openapi: { ...openapi, servers: [{ url: origin }] } })
  await app.register(api, { resource, protection: { authorizationServers: ['http://localhost:4000'] }, projects })
  const document = await documentOf(app)
  t.match(await validate(document), { valid: true })
  t.same(document.paths['/api/health']!.get!.security, [])
  t.same(document.paths['/api/projects']!.get!.security, [{ oauth: ['projects:read'] }])
  t.match(document.paths['/api/projects']!.post, { security: [{ oauth: ['projects:write'] }], responses: { 401: {}, 403: {}, 503: {} } })
})
