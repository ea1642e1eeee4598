import type { LightMyRequestResponse } from 'fastify'
import { test } from 'tap'
import { authorize, config } from '../../plugins/index.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { bearerOf, createServer, plainOptions } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const implies = (granted: string, required: string): boolean =>
  (granted === 'write' && required === 'read') || (granted === '*' && !required.startsWith('internal:'))

test('what a route asks for, and what a token has (S7, S8, S9)', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { scopeImplies: implies }))
  const handler = async (): Promise<string> => 'in'
  app.get('/none', handler)
  app.get('/read', { config: { oauth: { scopes: ['read'] } } }, handler)
  app.get('/write', { config: { oauth: { scopes: ['write'] } } }, handler)
  app.get('/both', { config: { oauth: { scopes: ['read', 'list'] } } }, handler)
  app.get('/any', { config: { oauth: { anyOfScopes: ['list', ['read', 'more']] } } }, handler)
  app.get('/internal', { config: { oauth: { scopes: ['internal:x'] } } }, handler)
  for (const [url, scope, needed] of [
    ['/none', undefined, null], ['/none', 'x', null], ['/read', 'read', null], ['/read', 'write', null], ['/read', undefined, 'read'],
    ['/read', '', 'read'], ['/read', 'Read', 'read'], ['/read', 'reads', 'read'], ['/write', 'read', 'write'], ['/both', 'read', 'read list'],
    ['/both', 'list read', null], ['/both', 'write list', null], ['/any', 'list', null], ['/any', 'more read', null], ['/any', 'read', 'list'],
    ['/read', '*', null], ['/internal', '*', 'internal:x'], ['/internal', 'internal:x', null]
  ] as const) {
    const response = await app.inject({ url, headers: bearer(await issuer.token({ scope })) })
    const title = `${url} with ${scope}`
    if (needed === null) {
      t.equal(response.body, 'in', title)
    } else {
      t.equal(response.statusCode, 403, title)
      t.match(bearerOf(response), { error: 'insufficient_scope', scope: needed }, title)
    }
  }
  t.equal((await app.inject('/read')).statusCode, 401)
})

test('a request without the scope of its route is refused before its body is read', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.post('/read', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
  const post = async (scope: string): Promise<number> => (await app.inject({
    method: 'POST', url: '/read', payload: '{', headers: { ...bearer(await issuer.token({ scope })), 'content-type': 'application/json' }
  })).statusCode
  t.equal(await post('list'), 403)
  t.equal(await post('read'), 400)
})

test('a preflight and an unrouted URL are asked for nothing', async t => {
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  app.options('/', { config: { oauth: { scopes: ['read'] } } }, async () => 'preflight')
  const headers = { origin: 'https://x', 'access-control-request-method': 'GET' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/', headers })).body, 'preflight')
  t.equal((await app.inject({ method: 'OPTIONS', url: '/' })).statusCode, 401)
  t.equal((await app.inject('/nowhere')).statusCode, 404)
})

test('what only a handler can know', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { scopeImplies: implies }))
  app.get('/', async request => { request.requireScopes('a', 'b'); return 'in' })
  app.get('/nothing', async request => { request.requireScopes(); return 'in' })
  app.get('/optional', { config: { oauth: { token: 'optional' } } }, async request => { request.requireScopes('a'); return 'in' })
  const withScope = async (url: string, scope?: string): Promise<LightMyRequestResponse> =>
    await app.inject({ url, headers: bearer(await issuer.token({ scope })) })
  t.equal((await withScope('/', 'a b')).body, 'in')
  t.equal((await withScope('/', '*')).body, 'in')
  const lacking = await withScope('/', 'a')
  t.equal(lacking.statusCode, 403)
  t.match(bearerOf(lacking), { error: 'insufficient_scope', scope: 'a b' })
  t.equal((await withScope('/nothing')).body, 'in')
  const none = await app.inject('/optional')
  t.equal(none.statusCode, 401)
  t.equal(bearerOf(none).error, undefined)
})

test('each scope has its own say on what covers what, and hooks of both do no harm', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer, { scopeImplies: implies }))
  const { default: plugin } = await import('../../plugins/index.ts')
  await app.register(async child => {
    await child.register(plugin, optionsFor(issuer, { resource: 'https://api.example.com/child', authorizationServers: [{ issuer: issuer.issuer, audience: 'https://api.example.com' }] }))
    child.get('/child', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
  })
  app.get('/', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
  const headers = bearer(await issuer.token({ scope: 'write' }))
  t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
  t.equal((await app.inject({ url: '/child', headers })).statusCode, 403)
})

test('it needs authentication', async t => {
  const app = createServer(t)
  await app.register(config, plainOptions)
  await t.rejects(async () => await app.register(authorize), { code: 'FST_ERR_PLUGIN_DEPENDENCY_NOT_REGISTERED' })
})

test('a handler that requires scopes names them together with those of the route, so that the user is asked once [E1]', async t => {
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  app.get('/r', { config: { oauth: { scopes: ['read'] } } }, async request => { request.requireScopes('write', 'read') })
  app.get('/any', { config: { oauth: { anyOfScopes: ['a', 'b'] } } }, async request => { request.requireScopes('write') })
  app.get('/o', { config: { oauth: { token: 'optional' } } }, async request => { request.requireScopes('write') })
  const scopesOf = async (url: string, scope?: string): Promise<unknown> =>
    bearerOf(await app.inject({ url, ...scope !== undefined && { headers: bearer(await issuer.token({ scope })) } })).scope
  t.equal(await scopesOf('/r', 'read'), 'read write')
  t.equal(await scopesOf('/any', 'a'), 'a write')
  t.equal(await scopesOf('/o', 'read'), 'write')
  t.equal(await scopesOf('/o'), 'write', 'without a token too')
})
