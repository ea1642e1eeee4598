import { Agent, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import cors from '@fastify/cors'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { test } from 'tap'
import oauthResourceServer, { InvalidTokenError, createMemoryRevocationStore } from '../../plugins/index.ts'
import type { AccessToken, AccessTokenVerifier } from '../../plugins/index.ts'
import { accessTokenOf } from '../support/access-token.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, invalidRequest, invalidToken, noCredentials } from '../support/server.ts'

const preflight = { origin: 'https://app.example', 'access-control-request-method': 'GET' }

test('who is asked for a token', async t => {
  const { app, issuer } = await createTestServer(t)
  const good = bearer(await issuer.token())
  const cases: Array<[url: string, headers: Record<string, string>, answer: object]> = [
    ['/', {}, noCredentials],
    ['/', good, accepted],
    ['/', bearer('bad'), invalidToken],
    ['/', { authorization: 'Bearer' }, invalidRequest],
    ['/optional', {}, accepted],
    ['/optional', good, accepted],
    ['/optional', { authorization: 'Basic x' }, accepted],
    ['/optional', bearer('bad'), invalidToken],
    ['/optional', { authorization: 'Bearer' }, invalidRequest],
    ['/open', {}, accepted],
    ['/open', bearer('bad'), accepted],
    ['/open', { authorization: 'Bearer' }, accepted],
    ['/missing', {}, { status: 404, error: undefined, pointer: false }],
    ['/missing', bearer('bad'), { status: 404, error: undefined, pointer: false }]
  ]
  for (const [url, headers, answer] of cases) {
    t.strictSame(answerOf(await app.inject({ url, headers })), answer, `${url} ${JSON.stringify(headers).slice(0, 40)}`)
  }
})

test('what the handler sees', async t => {
  const { app, issuer, get, handled } = await createTestServer(t)
  const token = await issuer.token({ scope: 'read' })
  for (const known of [false, true]) {
    const response = await get(token)
    t.match(response.json(), { accessToken: { subject: 'user-1', scopes: ['read'] } }, known ? 'from the cache' : 'verified')
  }
  await app.inject({ url: '/optional', headers: bearer(token) })
  await app.inject('/optional')
  await app.inject({ url: '/open', headers: bearer(token) })
  t.strictSame(handled, ['user-1', 'user-1', 'user-1', null, null])
})

test('nothing is read of a body before the token', async t => {
  const { app, handled } = await createTestServer(t)
  const response = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload: '{' })
  t.strictSame(answerOf(response), noCredentials)
  t.strictSame(handled, [])
})

test('a preflight runs nothing that a token protects', async t => {
  const { app, issuer } = await createTestServer(t)
  const ran: string[] = []
  const run = (name: string) => async (): Promise<string> => { ran.push(name); return 'secret' }
  app.all('/all', run('all'))
  app.route({ method: ['GET', 'OPTIONS'], url: '/both', handler: run('both') })
  app.all('/all-scoped', { config: { oauth: { scopes: ['read'] } } }, run('all-scoped'))
  app.all('/all-optional', { config: { oauth: { token: 'optional' } } }, run('all-optional'))
  app.all('/all-open', { config: { oauth: false } }, run('all-open'))
  app.options('/own', run('own'))
  app.route({ method: ['OPTIONS'], url: '/own-listed', handler: run('own-listed') })
  const token = await issuer.token()
  const cases: Array<[url: string, headers: Record<string, string>, status: number, ran: string[]]> = [
    ['/all', preflight, 204, []],
    ['/both', preflight, 204, []],
    ['/all-scoped', preflight, 204, []],
    ['/all', { ...preflight, ...bearer('bad') }, 204, []],
    ['/all-optional', preflight, 200, ['all-optional']],
    ['/all-open', preflight, 200, ['all-open']],
    ['/own', preflight, 200, ['own']],
    ['/own-listed', preflight, 200, ['own-listed']],
    ['/missing', preflight, 404, []],
    ['/all', {}, 401, []],
    ['/all', { origin: 'https://app.example' }, 401, []],
    ['/all', { 'access-control-request-method': 'GET' }, 401, []],
    ['/own', {}, 401, []],
    ['/all', bearer(token), 200, ['all']]
  ]
  for (const [url, headers, status, expected] of cases) {
    ran.length = 0
    const response = await app.inject({ method: 'OPTIONS', url, headers })
    t.equal(response.statusCode, status, `${url} ${Object.keys(headers).join()}`)
    t.strictSame(ran, expected, 'and it ran what it may')
    if (status === 204) t.equal(response.body, '')
  }
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const) {
    ran.length = 0
    t.equal((await app.inject({ method: method as 'GET', url: '/all', headers: preflight })).statusCode, 401, `${method} is no preflight`)
    t.strictSame(ran, [])
  }
})

test('a hook of one\'s own can ask for a token, whatever the rule of the route is', async t => {
  const { app, issuer } = await createTestServer(t)
  app.get('/hooked', { config: { oauth: false }, onRequest: app.verifyAccessToken }, async request => request.accessToken?.subject)
  t.strictSame(answerOf(await app.inject('/hooked')), noCredentials)
  t.strictSame(answerOf(await app.inject({ url: '/hooked', headers: bearer('bad') })), invalidToken)
  t.equal((await app.inject({ url: '/hooked', headers: bearer(await issuer.token()) })).body, 'user-1')
})

test('each scope has the verifier of its own resource', async t => {
  const issuer = await createFakeIssuer()
  const other = await createFakeIssuer({ issuer: 'https://other.example' })
  const app = await createApp(t, optionsFor(issuer))
  app.get('/', async request => request.accessToken!.issuer)
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(other, { resource: 'https://api.example.com/child' }))
    child.get('/child', async request => request.accessToken!.issuer)
    t.not(child.accessTokenVerifier, app.accessTokenVerifier)
    t.equal(child.accessTokenVerifier, child.accessTokenVerifier, 'and one alone')
  })
  const forChild = await other.token({ aud: 'https://api.example.com/child' })
  t.strictSame(answerOf(await app.inject({ url: '/', headers: bearer(forChild) })), invalidToken)
  t.equal((await app.inject({ url: '/child', headers: bearer(forChild) })).body, other.issuer)
  t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).body, issuer.issuer)
  t.equal((await app.inject({ url: '/child', headers: bearer(await issuer.token()) })).statusCode, 401)
})

test('a verifier of one\'s own', async t => {
  const known = accessTokenOf({ subject: 'mine' })
  const promiseOfAnotherRealm = (value: AccessToken): Promise<AccessToken> => {
    const promise = Promise.resolve(value)
    return { then: promise.then.bind(promise) } as Promise<AccessToken>
  }
  const failing = Promise.reject(new InvalidTokenError('token_unverified'))
  failing.catch(() => {})
  const cases: Record<string, [() => unknown, number]> = {
    'answers at once': [() => known, 200],
    'answers later': [async () => known, 200],
    'answers with a promise of another realm': [() => promiseOfAnotherRealm(known), 200],
    'fails with a promise of another realm': [() => ({ then: failing.then.bind(failing) }), 401],
    'refuses at once': [() => { throw new InvalidTokenError('token_unverified') }, 401],
    'refuses later': [async () => { throw new InvalidTokenError('token_unverified') }, 401],
    'breaks at once': [() => { throw new TypeError('broken') }, 500],
    'breaks later': [async () => { throw new TypeError('broken') }, 500],
    'says null': [() => null, 401],
    'says undefined': [() => undefined, 401],
    'says false': [() => false, 401],
    'says null later': [async () => null, 401],
    'says undefined later': [async () => undefined, 401]
  }
  const app = await createApp(t, optionsFor(await createFakeIssuer()))
  let subjects: Array<string | undefined> = []
  for (const [title, [verify]] of Object.entries(cases)) {
    await app.register(async child => {
      const own = { verify } as AccessTokenVerifier
      child.decorate('accessTokenVerifier', { getter: () => own })
      child.get(`/${title.replaceAll(' ', '-')}`, async request => {
        subjects.push(request.accessToken?.subject)
        return ''
      })
    })
  }
  for (const [title, [, status]] of Object.entries(cases)) {
    subjects = []
    const response = await app.inject({ url: `/${title.replaceAll(' ', '-')}`, headers: bearer('any') })
    t.equal(response.statusCode, status, title)
    t.strictSame(subjects, status === 200 ? ['mine'] : [], title)
  }
})

test('what comes after a verification may fail as it likes', async t => {
  const fails: Record<string, (app: FastifyInstance, issuerOf: () => void) => void> = {
    'the next hook': (app, fail) => { app.get('/', { onRequest: () => fail() }, async () => '') },
    'the handler': (app, fail) => { app.get('/', () => fail()) }
  }
  for (const [title, add] of Object.entries(fails)) {
    const issuer = await createFakeIssuer()
    const app = await createApp(t, optionsFor(issuer))
    add(app, () => { throw new Error('broken') })
    const headers = bearer(await issuer.token())
    for (const known of ['verified', 'known']) {
      t.equal((await app.inject({ url: '/', headers })).statusCode, 500, `${title}, the token ${known}`)
    }
  }
})

test('authenticate alone needs the configuration', async t => {
  const { authenticate } = await import('../../plugins/index.ts')
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(async () => { await app.register(authenticate) }, /fastify-oauth-resource-server\/config/)
})

test('a token that is refused is not there, though it was good when it was asked for before', async t => {
  const issuer = await createFakeIssuer()
  const revocations = createMemoryRevocationStore()
  const app = await createApp(t, optionsFor(issuer, { revocations }))
  const seen: unknown[] = []
  const ask = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => await new Promise(resolve => {
    app.verifyAccessToken(request, reply, error => {
      seen.push([error === undefined, request.accessToken?.subject ?? null])
      resolve()
    })
  })
  app.get('/again', { config: { oauth: false } }, async (request, reply) => {
    await ask(request, reply)
    revocations.revoke({ issuer: issuer.issuer, tokenId: 'token-1' })
    await ask(request, reply)
    return 'in'
  })
  t.equal((await app.inject({ url: '/again', headers: bearer(await issuer.token()) })).statusCode, 200)
  t.strictSame(seen, [[true, 'user-1'], [false, null]])
})

test('a host that sets request.accessToken itself does not switch verification off [D3]', async t => {
  const issuer = await createFakeIssuer()
  const forged = accessTokenOf({ subject: 'mallory', scopes: ['admin'] })
  for (const [title, value] of [['a text', 'forged'], ['a made-up token', forged]] as const) {
    for (const order of ['before', 'after']) {
      const app = Fastify() as FastifyInstance
      t.teardown(() => app.close())
      const setAccessToken = (): void => { app.addHook('onRequest', async request => { request.accessToken = value as AccessToken }) }
      if (order === 'before') {
        app.decorateRequest('accessToken', null)
        setAccessToken()
      }
      await app.register(oauthResourceServer, optionsFor(issuer))
      if (order === 'after') setAccessToken()
      app.get('/', async request => request.accessToken?.subject)
      app.get('/optional', { config: { oauth: { token: 'optional' } } }, async request => request.accessToken?.subject ?? 'none')
      app.get('/admin', { config: { oauth: { scopes: ['admin'] } } }, async () => 'secret')
      app.get('/handler', async request => { request.requireScopes('admin'); return 'secret' })
      for (const url of ['/', '/admin', '/handler']) {
        t.equal((await app.inject({ url, headers: bearer('forged') })).statusCode, 401, `${title}, ${order}: ${url}`)
        t.equal((await app.inject(url)).statusCode, 401)
      }
      if (order === 'before') {
        t.equal((await app.inject('/optional')).body, 'none')
        t.equal((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).body, 'user-1', 'what was verified takes its place')
      } else {
        t.equal((await app.inject({ url: '/handler', headers: bearer(await issuer.token({ scope: 'admin' })) })).statusCode, 401, 'a verified token that was replaced is gone')
      }
    }
  }
})

test('a preflight is decided before any hook that reads the access token [D5]', async t => {
  const ran: string[] = []
  const reads = (name: string) => async (request: FastifyRequest): Promise<void> => { ran.push(name + request.accessToken!.subject) }
  const answers = (name: string) => async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => { ran.push(name); return await reply.send('secret') }
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  app.addHook('preHandler', answers('preHandler of the application'))
  app.addHook('preParsing', async request => { ran.push(`preParsing of the application ${request.accessToken!.subject}`) })
  await app.register(oauthResourceServer, optionsFor(await createFakeIssuer()))
  app.all('/handler', async () => 'secret')
  app.all('/on-request', { onRequest: reads('onRequest') }, async () => 'secret')
  app.all('/on-request-list', { onRequest: [reads('onRequest'), reads('onRequest')] }, async () => 'secret')
  app.all('/pre-parsing', { preParsing: async () => { ran.push('preParsing') } }, async () => 'secret')
  app.all('/pre-validation', { preValidation: answers('preValidation') }, async () => 'secret')
  app.route({ method: ['GET', 'OPTIONS'], url: '/listed', preHandler: reads('preHandler'), handler: async () => 'secret' })
  for (const url of ['/handler', '/on-request', '/on-request-list', '/pre-parsing', '/pre-validation', '/listed']) {
    const response = await app.inject({ method: 'OPTIONS', url, headers: preflight })
    t.equal(response.statusCode, 204, url)
    t.equal(response.body, '')
  }
  t.strictSame(ran, [])
})

test('preflights of routes that are older than the plugin run none of their hooks after onRequest [D5]', async t => {
  const ran: string[] = []
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  app.all('/older', { preParsing: async () => { ran.push('preParsing') }, preValidation: async () => { ran.push('preValidation') } }, async () => 'secret')
  app.options('/own', async () => 'own')
  await app.register(oauthResourceServer, optionsFor(await createFakeIssuer()))
  t.equal((await app.inject({ method: 'OPTIONS', url: '/older', headers: preflight })).statusCode, 204)
  t.strictSame(ran, [])
  t.equal((await app.inject({ method: 'OPTIONS', url: '/own', headers: preflight })).body, 'own')
})

test('@fastify/cors answers preflights, registered before the plugin or after it [D5]', async t => {
  for (const order of ['before', 'after']) {
    const app = Fastify() as FastifyInstance
    t.teardown(() => app.close())
    if (order === 'before') await app.register(cors, { origin: 'https://app.example' })
    await app.register(oauthResourceServer, optionsFor(await createFakeIssuer()))
    if (order === 'after') await app.register(cors, { origin: 'https://app.example' })
    app.all('/all', async () => 'secret')
    app.get('/get', async () => 'secret')
    for (const url of ['/all', '/get']) {
      const response = await app.inject({ method: 'OPTIONS', url, headers: preflight })
      t.equal(response.statusCode, 204, `${order}: ${url}`)
      t.equal(response.headers['access-control-allow-origin'], 'https://app.example', `${order}: ${url}`)
      t.ok(response.headers['access-control-allow-methods'], `${order}: ${url}`)
    }
  }
})

test('a token is verified by what it says, whatever else a host passes to the verifier', async t => {
  const { app, issuer } = await createTestServer(t)
  await app.ready()
  const good = await issuer.token({ sub: 'user-1' })
  const other = await issuer.token({ sub: 'user-2' })
  await app.accessTokenVerifier.verify(good)
  const { verify } = app.accessTokenVerifier
  // A callback of a list gets the place and the list as well.
  const checked = [good, 'not a token', other, good].map((...given) => {
    try { return verify(...given as unknown as [string]) } catch { return null }
  })
  t.same((await Promise.all(checked)).map(accessToken => accessToken?.subject ?? null), ['user-1', null, 'user-2', 'user-1'])
})

test('each request of a connection is answered by its own token', async t => {
  const revocations = createMemoryRevocationStore()
  const { app, issuer } = await createTestServer(t, { options: { revocations } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const sockets = new Set<unknown>()
  const ask = async (token: string, path = '/'): Promise<string> => {
    const outgoing = httpRequest({ port, path, agent, headers: bearer(token) }).end()
    const [response] = await once(outgoing, 'response')
    sockets.add(outgoing.socket)
    const body = JSON.parse((await response.toArray()).join('')) as { accessToken?: { subject: string } }
    return `${response.statusCode} ${body.accessToken?.subject ?? ''}`
  }
  const one = await issuer.token({ sub: 'user-1', jti: 'first' })
  const other = await issuer.token({ sub: 'user-2', jti: 'other' })
  const forged = one.slice(0, -10) + (one.at(-10) === 'A' ? 'B' : 'A') + one.slice(-9)
  const expected: Array<[token: string, answer: string]> = [
    [one, '200 user-1'], [one, '200 user-1'], [other, '200 user-2'], [one, '200 user-1'], [forged, '401 '], [forged, '401 '], [one, '200 user-1'], [other, '200 user-2']
  ]
  for (const [token, answer] of expected) t.equal(await ask(token), answer)
  await revocations.revoke({ issuer: issuer.issuer, tokenId: 'other' })
  t.equal(await ask(other), '401 ')
  t.equal(await ask(other), '401 ')
  t.equal(await ask(one), '200 user-1')
  t.equal(sockets.size, 1)
})

test('the verifier is told of the same connection for each of its requests, over HTTP/1.1 and HTTP/2', async t => {
  const issuer = await createFakeIssuer()
  const token = await issuer.token()
  for (const http2 of [false, true]) {
    const app = Fastify({ http2, forceCloseConnections: true } as { forceCloseConnections: true })
    t.teardown(() => app.close())
    await app.register(oauthResourceServer, optionsFor(issuer))
    const connections: Array<object | null | undefined> = []
    const { verify } = app.oauthResource.verifier
    Object.defineProperty(app.oauthResource, 'verifier', { value: { verify: (...args: Parameters<typeof verify>) => { connections.push(args[2]); return verify(...args) } } })
    app.get('/', async () => 'ok')
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const session = http2 ? connect(`http://127.0.0.1:${port}`) : null
    const headers = bearer(token)
    for (let i = 0; i < 2; i++) {
      const message = session === null ? httpRequest({ port, host: '127.0.0.1', agent, headers }).end() : session.request({ ':path': '/', ...headers })
      const [answer] = await once(message, 'response') as [{ statusCode?: number, ':status'?: number, resume? (): unknown }]
      t.equal(answer.statusCode ?? answer[':status'], 200)
      const body = (session === null ? answer : message) as { resume (): unknown }
      const ended = once(body as never, 'end')
      body.resume()
      await ended
    }
    agent.destroy()
    session?.close()
    t.equal(connections.length, 2)
    t.ok(typeof connections[0] === 'object' && connections[0] !== null)
    t.equal(connections[0], connections[1], http2 ? 'HTTP/2' : 'HTTP/1.1')
  }
})
