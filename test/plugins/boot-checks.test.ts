import type { FastifyInstance, RouteOptions } from 'fastify'
import { test } from 'tap'
import oauthResourceServer, { config, metadata } from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { createServer, plainOptions } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const issuer = await createFakeIssuer()
const wellKnown = '/.well-known/oauth-protected-resource'
const handler = async (): Promise<string> => 'in'
const invalid = { name: 'OptionError', message: /config\.oauth.* of GET \/bad/ }
const withoutEffect = { name: 'OptionError', message: /^config\.oauth of GET \/admin has no effect, so the route is open/ }

test('an invalid policy of a route that is older than the plugin stops the boot [D10]', async t => {
  for (const oauth of [{ scope: ['a'] }, { token: 'maybe' }, { scopes: ['no scope'] }, true]) {
    const app = createServer(t)
    app.get('/bad', { config: { oauth: oauth as never } }, handler)
    await app.register(oauthResourceServer, optionsFor(issuer))
    await t.rejects(async () => { await app.ready() }, invalid, JSON.stringify(oauth))
  }
})

test('a plugin that is not awaited: routes are checked when the server is ready, and the document has their scopes [E5]', async t => {
  const bad = createServer(t)
  bad.register(oauthResourceServer, optionsFor(issuer))
  bad.get('/bad', { config: { oauth: { scope: ['a'] } as never } }, handler)
  await t.rejects(async () => { await bad.ready() }, invalid)

  const app = createServer(t)
  app.register(oauthResourceServer, optionsFor(issuer, { scopes: { read: 'Read', write: 'Write', unused: '' }, scopesSupported: 'routes' }))
  app.get('/read', { config: { oauth: { scopes: ['read'] } } }, handler)
  app.post('/write', { config: { oauth: { anyOfScopes: ['write', 'admin'], policy: () => true } } }, handler)
  t.strictSame((await app.inject(wellKnown)).json().scopes_supported, ['read', 'write', 'admin'])
  t.equal((await app.inject('/read')).statusCode, 401)
  t.equal((await app.inject({ url: '/read', headers: bearer(await issuer.token({ scope: 'read' })) })).statusCode, 200)
})

test('a route with config.oauth that no resource protects stops the boot [D10]', async t => {
  const places: Record<string, (app: FastifyInstance, add: (scope: FastifyInstance) => void) => Promise<void>> = {
    'beside the scope of the plugin': async (app, add) => {
      await app.register(async child => { await child.register(oauthResourceServer, optionsFor(issuer)) })
      add(app)
    },
    'beside it, and before': async (app, add) => {
      add(app)
      await app.register(async child => { await child.register(oauthResourceServer, optionsFor(issuer)) })
    },
    'in a sibling that is older': async (app, add) => {
      await app.register(async child => { add(child) })
      await app.register(async child => { await child.register(oauthResourceServer, optionsFor(issuer)) })
    },
    'in a sibling': async (app, add) => {
      await app.register(async child => { await child.register(oauthResourceServer, optionsFor(issuer)) })
      await app.register(async child => { add(child) })
    }
  }
  for (const [title, register] of Object.entries(places)) {
    for (const oauth of [{ scopes: ['admin'] }, {}]) {
      const app = createServer(t)
      await register(app, scope => { scope.get('/admin', { config: { oauth } }, handler) })
      await t.rejects(async () => { await app.ready() }, withoutEffect, title)
    }
    const open = createServer(t)
    await register(open, scope => {
      scope.get('/open', { config: { oauth: false } }, handler)
      scope.get('/plain', handler)
    })
    await t.resolves(async () => { await open.ready() }, `${title}: what asks for nothing is fine`)
  }
})

test('config alone protects nothing and has its policies all the same: for hosts with their own authentication', async t => {
  const app = createServer(t)
  app.get('/older', { config: { oauth: { scopes: ['a'] } } }, async request => request.oauthPolicy.scopes)
  await app.register(config, plainOptions)
  await app.register(metadata)
  app.get('/newer', { config: { oauth: { scopes: ['b'] } } }, async request => request.oauthPolicy.scopes)
  t.strictSame((await app.inject('/older')).json(), { alternatives: [['a']] })
  t.strictSame((await app.inject('/newer')).json(), { alternatives: [['b']] })
})

test('each resource checks the routes of its own scope', async t => {
  const lines: string[] = []
  const app = createServer(t, { logger: { level: 'warn', stream: { write: line => { lines.push((JSON.parse(line) as { msg: string }).msg) } } } })
  await app.register(async child => {
    child.get('/inner', { config: { oauth: { scopes: ['inner'] } } }, handler)
    await child.register(oauthResourceServer, optionsFor(issuer, { resource: 'https://api.example.com/child', scopes: { inner: '' }, metadata: { resource_name: 'x' } }))
  })
  app.get('/outer', { config: { oauth: { scopes: ['outer'] } } }, handler)
  app.register(oauthResourceServer, optionsFor(issuer, { scopes: { outer: '' }, metadata: { resource_name: 'x' } }))
  await app.ready()
  t.strictSame(lines.filter(line => line.includes('asks for')), [])
})

const mutate = (route: RouteOptions): void => {
  const holder = route.config as { oauth?: { scopes?: string[] } } | undefined
  if (holder?.oauth === undefined) Object.assign(route, { config: { ...holder, oauth: { scopes: ['admin'] } } })
  else holder.oauth.scopes = ['admin']
}
const replace = (route: RouteOptions): void => {
  route.config = { ...route.config, oauth: { ...route.config?.oauth as object, scopes: ['admin'] } } as NonNullable<RouteOptions['config']>
}

for (const [title, change] of Object.entries({ 'in place': mutate, 'by another object': replace })) {
  test(`an onRoute hook that changes config.oauth ${title} is seen, registered before the plugin or after it [D8]`, async t => {
    for (const order of ['before', 'after']) {
      const app = createServer(t)
      const hook = (): unknown => app.addHook('onRoute', route => { if (route.url.startsWith('/admin')) change(route) })
      if (order === 'before') hook()
      await app.register(oauthResourceServer, optionsFor(issuer))
      if (order === 'after') hook()
      app.get('/admin/none', handler)
      app.get('/admin/some', { config: { oauth: { scopes: ['a'] } } }, handler)
      const headers = bearer(await issuer.token({ scope: 'a' }))
      for (const url of ['/admin/none', '/admin/some']) {
        t.equal((await app.inject({ url, headers })).statusCode, 403, `${url}, ${order}`)
        t.equal((await app.inject({ url, headers: bearer(await issuer.token({ scope: 'admin' })) })).statusCode, 200, `${url}, ${order}`)
      }
    }
  })
}
