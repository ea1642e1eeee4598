import { test } from 'tap'
import oauthResourceServer from '../../plugins/index.ts'
import { optionsFor, bearer } from '../support/app.ts'
import { bearerOf, createServer, stockChallenge, wellKnown } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'

test('routes that are older than the plugin are protected, those of scopes that were loaded before it too', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  app.get('/own', async () => 'secret')
  await app.register(async child => {
    child.get('/child', async request => request.accessToken?.subject)
    child.get('/optional', { config: { oauth: { token: 'optional' } } }, async request => String(request.accessToken))
    child.get('/scoped', { config: { oauth: { scopes: ['read'] } } }, async () => 'secret')
    child.get('/by-hand', { config: { oauth: false } }, async request => request.requireScopes('read'))
    await child.register(async grandchild => { grandchild.get('/grandchild', async () => 'secret') })
  })
  await app.register(oauthResourceServer, optionsFor(issuer))

  for (const url of ['/own', '/child', '/grandchild', '/scoped', '/by-hand']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 401, url)
    t.match(response.headers['www-authenticate'], /^Bearer resource_metadata="https:/, url)
  }
  t.equal((await app.inject('/optional')).body, 'null')
  const token = await issuer.token({ sub: 'user-7' })
  t.equal((await app.inject({ url: '/child', headers: bearer(token) })).body, 'user-7')
  t.equal((await app.inject({ url: '/scoped', headers: bearer(token) })).statusCode, 403)
})

test('two resources in scopes of their own: each its rules, its pointer, its document and its audience', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  app.get('/outside', async () => 'free')
  for (const name of ['a', 'b']) {
    await app.register(async child => {
      await child.register(oauthResourceServer, optionsFor(issuer, { resource: `https://api.example.com/${name}` }))
      child.get('/', async request => request.server.oauthConfig.resource)
    }, { prefix: `/${name}` })
  }
  const forA = bearer(await issuer.token({ aud: 'https://api.example.com/a' }))

  t.equal((await app.inject('/outside')).body, 'free')
  t.equal((await app.inject({ url: '/a', headers: forA })).body, 'https://api.example.com/a')
  const refused = await app.inject({ url: '/b', headers: forA })
  t.equal(refused.statusCode, 401)
  for (const name of ['a', 'b']) {
    const { resource_metadata: pointer = '' } = bearerOf(await app.inject(`/${name}`))
    t.equal(pointer, `https://api.example.com${wellKnown}/${name}`)
    const document = await app.inject(new URL(pointer).pathname)
    t.equal(document.statusCode, 200)
    t.equal(document.json<{ resource: string }>().resource, `https://api.example.com/${name}`)
  }
  t.equal((await app.inject(wellKnown)).statusCode, 404, 'neither of the two answers for the root')
})

test('a token is verified once in a scope within a scope: the revocation store is asked once', async t => {
  const issuer = await createFakeIssuer()
  const inner = 'https://api.example.com/inner'
  let asked = 0
  const revocations = { isRevoked () { asked++; return false }, async revoke () {} }
  const app = createServer(t)
  await app.register(oauthResourceServer, optionsFor(issuer, { revocations }))
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(issuer, { resource: inner, revocations }))
    child.get('/', async request => request.accessToken?.audience)
  }, { prefix: '/inner' })

  const headers = bearer(await issuer.token({ aud: inner }))
  t.same((await app.inject({ url: '/inner', headers })).json(), [inner])
  t.equal(asked, 1)
  await app.inject({ url: '/inner', headers })
  t.equal(asked, 2, 'and once more for a token that is remembered')
})

test('a scope within a scope has its own resource, whichever was registered first', async t => {
  const issuer = await createFakeIssuer()
  const inner = optionsFor(issuer, { resource: 'https://api.example.com/inner' })
  for (const innerFirst of [true, false]) {
    const app = createServer(t)
    if (!innerFirst) await app.register(oauthResourceServer, optionsFor(issuer))
    await app.register(async child => {
      await child.register(oauthResourceServer, inner)
      child.get('/', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
    }, { prefix: '/inner' })
    if (innerFirst) await app.register(oauthResourceServer, optionsFor(issuer))
    app.get('/', async () => 'out')

    const where = innerFirst ? 'inner first' : 'outer first'
    t.equal((await app.inject('/')).headers['www-authenticate'], stockChallenge, where)
    t.equal((await app.inject('/inner')).headers['www-authenticate'],
      `Bearer resource_metadata="https://api.example.com${wellKnown}/inner", scope="read"`, where)
    const audience = { aud: 'https://api.example.com/inner', scope: 'read' }
    t.equal((await app.inject({ url: '/inner', headers: bearer(await issuer.token(audience)) })).body, 'in', where)
    t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).body, 'out', where)
    t.equal((await app.inject({ url: '/inner', headers: bearer(await issuer.token({ scope: 'read' })) })).statusCode, 401, where)
    for (const path of ['', '/inner']) {
      t.equal((await app.inject(wellKnown + path)).json<{ resource: string }>().resource, `https://api.example.com${path}`, where)
    }
  }
})

test('servers in one process share nothing, and a closed one leaves nothing behind', async t => {
  const issuer = await createFakeIssuer()
  for (const round of [1, 2]) {
    const app = createServer(t)
    await app.register(oauthResourceServer, optionsFor(issuer, { realm: `round ${round}` }))
    app.get('/', async () => 1)
    t.equal(bearerOf(await app.inject('/')).realm, `round ${round}`)
    t.equal((await app.inject(wellKnown)).statusCode, 200)
    await app.close()
  }
})

test('under a prefix the well-known routes stand at the root all the same', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  await app.register(async outer => {
    await outer.register(async child => {
      await child.register(oauthResourceServer, optionsFor(issuer, { resource: 'https://api.example.com/v1/mcp' }))
      child.get('/mcp', async () => 1)
    }, { prefix: '/v1' })
  })
  const direct = createServer(t)
  await direct.register(oauthResourceServer, { ...optionsFor(issuer, { resource: 'https://api.example.com/v1/mcp' }), prefix: '/v1' })
  for (const server of [app, direct]) {
    t.equal((await server.inject(`${wellKnown}/v1/mcp`)).json<{ resource: string }>().resource, 'https://api.example.com/v1/mcp')
    t.equal((await server.inject(wellKnown)).statusCode, 200, 'the only resource answers at the root too')
    t.equal((await server.inject(`/v1${wellKnown}/v1/mcp`)).statusCode, 404)
  }
})

test('what is not routed stays 404, without a challenge', async t => {
  const issuer = await createFakeIssuer()
  for (const html of [false, true]) {
    const app = createServer(t)
    if (html) app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/html').send('<h1>no</h1>'))
    await app.register(oauthResourceServer, optionsFor(issuer))
    for (const url of ['/nowhere', `${wellKnown}-other`]) {
      const response = await app.inject(url)
      t.equal(response.statusCode, 404)
      t.equal(response.headers['www-authenticate'], undefined)
      if (html) t.equal(response.body, '<h1>no</h1>')
    }
    const suffix = await app.inject(`${wellKnown}/nope`)
    t.equal(suffix.statusCode, 404)
    t.match(suffix.headers['content-type'], /^application\/json/, 'a suffix nobody has is answered in JSON')
  }
})
