import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { bearerOf, createHintServer, createServer, plainOptions, registerHint, wellKnown } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const resource = 'https://api.example.com/mcp'
const pointer = `https://api.example.com${wellKnown}/mcp`
const audience = [resource]

test('the document names an authorization server [MCPS-02, MCPS-03]', async t => {
  const app = await createHintServer(t, { resource })
  t.match((await app.inject(`${wellKnown}/mcp`)).json(), { resource, authorization_servers: ['https://login.example.com'] })
  t.throws(() => resolveConfig({ ...plainOptions, authorizationServers: [] }), { message: /^authorizationServers must be a non-empty array \(of issuers\), got \[\]/ })
  t.match(resolveConfig({ ...plainOptions, authorizationServers: [{ issuer: 'https://as', advertised: false }] }).warnings,
    [/no authorization server is advertised/])
})

test('the challenge and the path form lead to the document, and the root form does where its resource is the one that clients request [MCPS-04, MCPS-34]', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { resource }))
  app.post('/mcp', async () => 1)
  for (const headers of [{}, bearer('abc')]) {
    t.equal(bearerOf(await app.inject({ method: 'POST', url: '/mcp', headers })).resource_metadata, pointer)
  }
  for (const url of [`${wellKnown}/mcp`, wellKnown]) t.equal((await app.inject(url)).json<{ resource: string }>().resource, resource)
})

test('with two resources the root form is 404 [MCPS-05]', async t => {
  const app = createServer(t)
  for (const path of ['/mcp', '/api']) {
    await app.register(async child => { await registerHint(child, { resource: `https://api.example.com${path}` }) })
  }
  t.equal((await app.inject(wellKnown)).statusCode, 404)
})

test('a 401 names the scopes, and the same request gets the same scopes each time [MCPS-06, MCPS-07, MCPS-19]', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer(), { resource }))
  app.post('/mcp', { config: { oauth: { scopes: ['tools:call', 'tools:list'] } } }, async () => 1)
  app.post('/any', async () => 1)
  for (let i = 0; i < 2; i++) t.equal(bearerOf(await app.inject({ method: 'POST', url: '/mcp' })).scope, 'tools:call tools:list')
  t.equal(bearerOf(await app.inject({ method: 'POST', url: '/any' })).scope, undefined)
})

test('scopes_supported lists the scopes a client starts with, and no privileged ones [MCPS-08, MCPS-09]', async t => {
  const scopes = { 'tools:list': '', admin: { advertised: false }, '*': '', offline_access: '' }
  const { config: { document }, warnings } = resolveConfig({ ...plainOptions, scopes })
  t.strictSame(document.members.scopes_supported, ['tools:list'])
  t.strictSame(warnings, ['*', 'offline_access'].map(name =>
    `scopes["${name}"] is not advertised: no client should request it from the document`))
  const app = await createHintServer(t)
  t.throws(() => app.get('/', { config: { oauth: { scopes: ['offline_access'] } } }, async () => 1), { message: /offline_access is a matter between/ })
})

test('offline_access that a handler requires is not in the challenge [MCPS-09]', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async request => { request.requireScopes('a', 'offline_access') })
  t.equal(bearerOf(await app.inject({ url: '/', headers: bearer(await issuer.token()) })).scope, 'a')
})

test('one 403 names every scope that the operation needs, also those that the token has [MCPS-17, MCPS-18]', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { resource }))
  app.post('/mcp', { config: { oauth: { scopes: ['a', 'b', 'c'] } } }, async () => 'in')
  const call = async (scope: string): Promise<Awaited<ReturnType<typeof app.inject>>> =>
    await app.inject({ method: 'POST', url: '/mcp', headers: bearer(await issuer.token({ aud: audience, scope })) })
  const response = await call('a unrelated')
  t.equal(response.statusCode, 403)
  t.strictSame(bearerOf(response), {
    resource_metadata: pointer, scope: 'a b c', error: 'insufficient_scope', error_description: 'The access token does not cover this request'
  })
  t.equal((await call('c b a')).body, 'in')
})

test('a scope that implies the required one is sufficient, and the challenge names the required one [MCPS-20]', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { scopeImplies: (granted, required) => granted === 'admin' && required === 'read' }))
  app.get('/', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token({ scope: 'admin' })) })).body, 'in')
  t.equal(bearerOf(await app.inject({ url: '/', headers: bearer(await issuer.token({ scope: 'other' })) })).scope, 'read')
})

test('a resource identifier with a slash at the end is logged as a warning, and identifiers are compared as strings [MCPS-21]', t => {
  t.match(resolveConfig({ ...plainOptions, resource: `${resource}/` }).warnings, [/ends with a slash/])
  t.strictSame(resolveConfig({ ...plainOptions, resource }).warnings, [])
  t.equal(resolveConfig({ ...plainOptions, resource: 'HTTPS://API.example.com/mcp' }).config.resource, 'HTTPS://API.example.com/mcp')
  t.end()
})

test('a 403 for a foreign Origin has no insufficient_scope [MCPS-22]', async t => {
  const app = await createHintServer(t, { resource })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.origin === 'https://evil.example') return await reply.code(403).send()
  })
  app.post('/mcp', async () => 'in')
  const response = await app.inject({ method: 'POST', url: '/mcp', headers: { origin: 'https://evil.example' } })
  t.equal(response.statusCode, 403)
  t.equal(response.headers['www-authenticate'], undefined)
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { origin: 'https://good.example' } })).body, 'in')
})
