import { test } from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import oauthResourceServer from '../../plugins/index.ts'
import { forward } from '../../plugins/entry-points/forward.ts'
import type { ForwardOptions } from '../../plugins/entry-points/forward.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createTestSession } from '../support/forward-proxy.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { answerOf, insufficientScope, noCredentials } from '../support/server.ts'
import type { TestUpstream } from '../support/upstream.ts'
import { startUpstream } from '../support/upstream.ts'

interface Protected { readonly app: FastifyInstance, readonly issuer: FakeIssuer, readonly upstream: TestUpstream }

const secret = 'a-secret-that-is-not-to-be-guessed'
const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' }

/** A protected server with a proxy, and an upstream behind it. */
async function start (t: { teardown (close: () => unknown): unknown }, optionsOf: (upstream: string) => ForwardOptions): Promise<Protected> {
  const upstream = await startUpstream(t)
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  await app.register(forward, optionsOf(upstream.origin))
  return { app, issuer, upstream }
}

test('in a protected scope the caller sends an access token, which is not forwarded [F73]', async t => {
  const session = createTestSession()
  const { app, issuer, upstream } = await start(t, origin => ({
    routes: { '/projects': { upstream: origin, credential: { session }, config: { oauth: { scopes: ['projects:read'] } } } }
  }))
  t.same(answerOf(await app.inject('/projects/1')), noCredentials)
  t.same(answerOf(await app.inject({ url: '/projects', headers: bearer(await issuer.token()) })), insufficientScope, 'the rule of the route holds')
  t.same(upstream.received, [])
  const token = await issuer.token({ scope: 'projects:read' })
  const { statusCode } = await app.inject({ url: '/projects/1?a=b', headers: bearer(token) })
  t.equal(statusCode, 200)
  t.same(upstream.received.map(one => [one.url, one.all('authorization')]), [['/1?a=b', ['Bearer token-1']]])
  t.notOk(JSON.stringify(upstream.received).includes(token))
})

test('a target is 404 for callers that mayUse does not allow', async t => {
  const { app, issuer, upstream } = await start(t, () => ({}))
  await app.ready()
  const target = app.forwardTargets.register({
    name: 'ada', identity: 'ada', upstream: upstream.origin, credential: { session: createTestSession() },
    mayUse: request => request.accessToken?.subject === 'ada'
  })
  t.equal(target.secret, null)
  t.equal(target.url, null, 'nobody knows before the server listens')
  const ask = async (subject: string): Promise<[number, unknown]> => {
    const { statusCode, json } = await app.inject({ url: target.path, headers: bearer(await issuer.token({ sub: subject })) })
    return [statusCode, statusCode === 200 ? null : json<{ code: unknown }>().code]
  }
  t.same(await ask('eve'), [404, 'FST_OAUTH_FORWARD_TARGET_UNKNOWN'])
  t.same(upstream.received, [])
  t.same(await ask('ada'), [200, null])
  t.same(answerOf(await app.inject(target.path)), noCredentials)

  app.forwardTargets.register({
    name: 'odd', identity: 'odd', upstream: upstream.origin, credential: { session: createTestSession() }, mayUse: () => 1 as unknown as boolean
  })
  const failing = app.forwardTargets.register({
    name: 'failing', identity: 'x', upstream: upstream.origin, credential: { session: createTestSession() }, mayUse: () => { throw new Error('down') }
  })
  t.equal((await app.inject({ url: failing.path, headers: bearer(await issuer.token()) })).statusCode, 500, 'an error is not a yes')
  t.equal(upstream.received.length, 1)
})

test('only true from mayUse allows a caller', async t => {
  const { app, issuer, upstream } = await start(t, origin => ({
    routes: { '/odd': { upstream: origin, credential: { session: createTestSession() }, mayUse: () => 1 as unknown as boolean } }
  }))
  t.equal((await app.inject({ url: '/odd', headers: bearer(await issuer.token()) })).statusCode, 404)
  t.same(upstream.received, [])
})

test('a route with an optional token still requires one for the proxy', async t => {
  const { app, upstream } = await start(t, origin => ({
    routes: { '/optional': { upstream: origin, credential: { session: createTestSession() }, config: { oauth: { token: 'optional' } } } }
  }))
  t.same(answerOf(await app.inject('/optional')), noCredentials)
  t.same(answerOf(await app.inject({ method: 'OPTIONS', url: '/optional', headers: preflight })), noCredentials, 'also what looks like a preflight')
  t.same(upstream.received, [])
})

test('the challenge for a third-party credential is passed on, that for an own credential is not [H23 R48]', async t => {
  const theirs = 'Bearer resource_metadata="https://third.example/.well-known/oauth-protected-resource", error="invalid_token"'
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(401, { 'www-authenticate': theirs }).end('theirs') })
  const issuer = await createFakeIssuer()
  const app = await createApp(t, optionsFor(issuer))
  await app.register(forward, {
    routes: {
      '/theirs': { upstream: upstream.origin, credential: { headers: { 'x-key': 'k' }, owner: 'caller' } },
      '/ours': { upstream: upstream.origin, credential: { headers: { 'x-key': 'k' } } }
    }
  })
  const headers = bearer(await issuer.token())
  const passed = await app.inject({ url: '/theirs', headers })
  t.same([passed.statusCode, passed.headers['www-authenticate'], passed.body], [401, theirs, 'theirs'])
  const replaced = await app.inject({ url: '/ours', headers })
  t.same([replaced.statusCode, replaced.headers['www-authenticate']], [502, undefined], 'the token of the caller is not to blame')
})

test('a target may pin its challenge', async t => {
  const pinnedChallenge = 'Bearer realm="pinned"'
  const { app, upstream } = await start(t, origin => ({
    routes: { '/pinned': { upstream: origin, credential: { session: createTestSession() }, config: { oauth: { pinnedChallenge } } } }
  }))
  const { statusCode, headers } = await app.inject('/pinned')
  t.same([statusCode, headers['www-authenticate']], [401, pinnedChallenge])
  t.same(upstream.received, [])
})

test('a proxy with callers: secret in a protected scope requires no access token, unless its config does', async t => {
  const credential = { session: createTestSession() }
  const { app, issuer } = await start(t, upstream => ({
    callers: 'secret',
    routes: {
      '/secret': { upstream, credential, secret },
      '/both': { upstream, credential, secret, config: { oauth: {} } }
    }
  }))
  const brings = { 'x-forward-secret': secret }
  t.equal((await app.inject({ url: '/secret', headers: brings })).statusCode, 200)
  const refused = await app.inject('/secret')
  t.same([refused.statusCode, refused.headers['www-authenticate']], [401, 'Bearer realm="forward"'], 'with no hint to where tokens are')
  t.same(answerOf(await app.inject({ url: '/both', headers: brings })), noCredentials)
  const token = bearer(await issuer.token())
  t.equal((await app.inject({ url: '/both', headers: token })).statusCode, 401)
  t.equal((await app.inject({ url: '/both', headers: { ...token, ...brings } })).statusCode, 200)
})

test('options that would admit every caller, or none, fail at registration', async t => {
  const issuer = await createFakeIssuer()
  const credential = { session: createTestSession() }
  const upstream = 'http://127.0.0.1:9'
  const boot = async (options: ForwardOptions, isProtected: boolean): Promise<void> => {
    const app = Fastify() as FastifyInstance
    t.teardown(() => app.close())
    if (isProtected) await app.register(oauthResourceServer, optionsFor(issuer))
    await app.register(forward, options)
  }
  const saying = (message: string): { code: string, message: string } => ({ code: 'FST_OAUTH_OPTION_INVALID', message })
  await t.rejects(boot({ callers: 'access-token' }, false), saying(
    'forward.callers is "access-token", but this scope does not check access tokens: register the authenticate plugin first'))
  await t.rejects(boot({ routes: { '/x': { upstream, credential } } }, false), saying('forward.routes["/x"].secret is required, because callers send no access token'))
  await t.rejects(boot({ routes: { '/x': { upstream, credential, secret } } }, true), saying('forward.routes["/x"].secret is not used, because callers send an access token: remove it, or set forward.callers to "secret"'))
  for (const oauth of [false, { token: 'none' }] as const) {
    await t.rejects(boot({ routes: { '/x': { upstream, credential, config: { oauth } } } }, true), saying(
      'forward.routes["/x"].config.oauth requires no token, so any caller could use the target: require a token, or set forward.callers to "secret"'))
    await t.rejects(boot({ config: { oauth } }, true), saying('forward.config.oauth requires no token, so any caller could use the target: require a token, or set forward.callers to "secret"'))
  }
  await t.rejects(boot({ routes: { '/x': { upstream: 'http://example.com', credential, secret } } }, false), saying(
    'forward.routes["/x"].upstream would send the credential over plain HTTP: use https instead of "http://example.com", or set allowInsecureUpstreams'))
  await t.resolves(boot({ allowInsecureUpstreams: true, routes: { '/x': { upstream: 'http://example.com', credential, secret } } }, false))
})
