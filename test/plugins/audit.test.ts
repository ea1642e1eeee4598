import diagnosticsChannel from 'node:diagnostics_channel'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import type { SecurityEvent } from '../../lib/audit/events.ts'
import oauthResourceServer, { OptionError, audit, auditEntry, challenge, config, metadata } from '../../plugins/index.ts'
import { createMemoryOrganizationDirectory } from '../../plugins/entry-points/impersonation.ts'
import { bearer, optionsFor } from '../support/app.ts'
import type { TestClock } from '../support/clock.ts'
import { createTestClock } from '../support/clock.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { createFakeIssuer } from '../support/issuer.ts'

interface Line { level: number, msg: string, audit?: SecurityEvent, err?: { reason?: string, message: string } }
interface Teardown { teardown (close: () => unknown): unknown }
interface Audited { app: FastifyInstance, issuer: FakeIssuer, clock: TestClock, text: string[], lines: () => Line[], entries: () => SecurityEvent[] }

const actor = { iss: 'https://login.example.com', sub: 'staff-1' }

async function createAudited (t: Teardown, options: Partial<OAuthResourceServerOptions> = {}): Promise<Audited> {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const text: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { text.push(line) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, optionsFor(issuer, { clock, ...options }))
  app.get('/things/:id', { config: { oauth: { scopes: ['read'] } } }, async request => auditEntry(request))
  app.get('/broken', async () => { throw new Error('a fault of the handler') })
  app.get('/open', { config: { oauth: false } }, async request => auditEntry(request))
  const lines = (): Line[] => text.map(line => JSON.parse(line) as Line)
  return { app, issuer, clock, text, lines, entries: () => lines().flatMap(line => line.audit ?? []) }
}

/** What the channel tells while the test runs. */
function listen (t: Teardown): SecurityEvent[] {
  const heard: SecurityEvent[] = []
  const listener = (event: unknown): void => { heard.push(event as SecurityEvent) }
  diagnosticsChannel.subscribe('fastify-oauth-resource-server', listener)
  t.teardown(() => diagnosticsChannel.unsubscribe('fastify-oauth-resource-server', listener))
  return heard
}

test('every refusal is one entry with a reason, and never with the token (S16, F63)', async t => {
  const { app, issuer, text, entries, lines } = await createAudited(t)
  const heard = listen(t)
  const foreign = await issuer.token({ aud: 'https://other.example.com' })
  const weak = await issuer.token({ scope: 'other', email: 'ann@example.com', act: actor })
  const good = await issuer.token({ scope: 'read' })

  await app.inject('/things/1?secret=in-the-query')
  for (const token of [foreign, weak, good]) await app.inject({ url: '/things/1', headers: bearer(token) })

  const nobody = { issuer: null, subject: null, actor: null, clientId: null, tokenId: null, scheme: null }
  const shared = { kind: 'refusal', route: 'GET /things/:id', time: 1_800_000_000_000 }
  t.strictSame(entries().map(({ detail: _for, ...entry }: SecurityEvent & { detail?: unknown }) => entry), [
    { ...shared, reason: 'token_missing', code: 'FST_OAUTH_TOKEN_MISSING', statusCode: 401, ...nobody },
    { ...shared, reason: 'audience_foreign', code: 'FST_OAUTH_TOKEN_INVALID', statusCode: 401, ...nobody, scheme: 'Bearer' },
    {
      ...shared, reason: 'scope_insufficient', code: 'FST_OAUTH_SCOPE_INSUFFICIENT', statusCode: 403,
      issuer: issuer.issuer, subject: 'user-1', actor: { issuer: actor.iss, subject: 'staff-1' }, clientId: 'client-1', tokenId: 'token-2', scheme: 'Bearer'
    }
  ].map(entry => JSON.parse(JSON.stringify(entry)) as unknown))
  t.same(heard, entries(), 'the channel says the same')
  t.ok(lines().filter(line => line.audit !== undefined).every(({ level }) => level === 30), 'at info by default')
  for (const token of [foreign, weak, good]) t.notOk(text.some(line => line.includes(token.split('.')[2]!)))
  t.notOk(text.some(line => line.includes('ann@example.com')))
  t.notOk(JSON.stringify(entries()).includes('secret'), 'no raw URL')
})

test('an issuer that cannot be reached is unavailable, what a handler throws is its own affair (S16)', async t => {
  const { app, issuer, entries, lines } = await createAudited(t)
  const token = await issuer.token()
  t.equal((await app.inject({ url: '/broken', headers: bearer(token) })).statusCode, 500)
  t.strictSame(entries(), [])
  t.match(lines().find(({ level }) => level === 50), { err: { message: 'a fault of the handler' } })

  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  await issuer.rotate()
  const other = await issuer.token()
  t.equal((await app.inject({ url: '/broken', headers: bearer(other) })).statusCode, 503)
  t.match(entries(), [{ kind: 'unavailable', reason: 'keys_unavailable', statusCode: 503 }])
})

test('a delegated action is put down to subject and actor (S17, R8693-13)', async t => {
  const { app, issuer } = await createAudited(t)
  const token = await issuer.token({ scope: 'read', act: actor })
  t.strictSame((await app.inject({ url: '/things/1', headers: bearer(token) })).json(), {
    route: 'GET /things/:id', issuer: issuer.issuer, subject: 'user-1', actor: { issuer: actor.iss, subject: 'staff-1' },
    clientId: 'client-1', tokenId: 'token-1', staff: null, impersonated: false, scheme: 'Bearer'
  })
  t.match((await app.inject('/open')).json(), { route: 'GET /open', subject: null, actor: null, scheme: null })
})

test('what happens is counted (F81)', async t => {
  const { app, issuer, entries } = await createAudited(t, { audit: { level: 'silent' } })
  const good = await issuer.token({ scope: 'read' })
  await app.inject('/things/1')
  await app.inject('/open')
  for (let i = 0; i < 3; i++) await app.inject({ url: '/things/1', headers: bearer(good) })
  await app.inject({ url: '/broken', headers: bearer(await issuer.token({ aud: 'https://other.example.com' })) })
  t.strictSame(app.oauthCounters, {
    accepted: 3,
    refused: [
      { code: 'FST_OAUTH_TOKEN_MISSING', reason: 'token_missing', count: 1 },
      { code: 'FST_OAUTH_TOKEN_INVALID', reason: 'audience_foreign', count: 1 }
    ],
    refusedElsewhere: 0,
    unavailable: [],
    grants: [],
    schemes: { Bearer: { accepted: 3, refused: 1, unavailable: 0 }, DPoP: { accepted: 0, refused: 0, unavailable: 0 } },
    certificateBound: 0,
    signals: [],
    cache: { hits: 2, misses: 2 }
  })
  t.strictSame(entries(), [], 'and nothing is written when nothing is to be')
})

/** The lines of one request, without Fastify's own about its beginning and its end. */
const linesOf = (lines: Line[]): Line[] => lines.filter(({ msg }) => !/^(?:incoming request|request completed)$/.test(msg))

test('a refusal is one line of the log, with everything that there is to say [A7]', async t => {
  const { app, issuer, lines, text } = await createAudited(t, { scopes: { read: 'Read' } })
  for (const [headers, msg] of [
    [{}, 'request refused: token_missing'], [bearer('nonsense'), 'request refused: token_malformed'],
    [bearer(await issuer.token({ scope: 'other' })), 'request refused: scope_insufficient']
  ] as const) {
    text.length = 0
    t.equal((await app.inject({ url: '/things/1', headers })).statusCode, msg.includes('scope') ? 403 : 401)
    t.match(linesOf(lines()), [{ level: 30, msg, reqId: /./, audit: { detail: { fix: /./ } } }])
    t.equal(linesOf(lines()).length, 1, msg)
  }
})

test('the 403 for missing scopes says which were needed and which were granted [A6]', async t => {
  const { app, issuer, entries } = await createAudited(t)
  await app.inject({ url: '/things/1', headers: bearer(await issuer.token({ scope: 'list other' })) })
  t.match(entries(), [{ reason: 'scope_insufficient', detail: { expected: 'scope "read"', received: 'scope "list other"' } }])
})

test('a check that could not be completed is one line at error level, with the chain of causes [A7]', async t => {
  const { app, issuer, lines, text } = await createAudited(t)
  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  const headers = bearer(await issuer.token())
  text.length = 0
  t.equal((await app.inject({ url: '/things/1', headers })).statusCode, 503)
  t.match(linesOf(lines()), [{ level: 50, msg: 'request could not be checked: keys_unavailable', err: { message: /: .*status/ } }])
  t.equal(linesOf(lines()).length, 1)
})

test('the host keeps its error handler and its logger: only the entry that repeats a refusal is left out [A7]', async t => {
  const { app, lines, text } = await createAudited(t)
  app.setErrorHandler(async (error, request, reply) => {
    request.log.warn({ err: error }, 'mine')
    reply.log.info({ err: new Error('another error') }, 'other')
    reply.log.info('a text')
    reply.log.error(null)
    return await reply.send(error)
  })
  app.get('/child', { config: { oauth: {} } }, async () => '')
  text.length = 0
  t.equal((await app.inject('/child')).statusCode, 401)
  t.same(linesOf(lines()).map(({ msg }) => msg).filter(msg => typeof msg === 'string'), ['request refused: token_missing', 'mine', 'other', 'a text'])
})

test('with a silent audit Fastify logs the refusals [A7]', async t => {
  const { app, lines } = await createAudited(t, { audit: { level: 'silent' } })
  await app.inject('/things/1')
  t.match(linesOf(lines()).at(-1), { level: 30, err: { code: 'FST_OAUTH_TOKEN_MISSING' } })
})

test('a request is counted by the status that left the server [E12]', async t => {
  const { app, issuer } = await createAudited(t)
  const headers = bearer(await issuer.token({ scope: 'read' }))
  app.get('/middleware', (_request, reply) => reply.code(403).send({ error: 'insufficient_scope' }))
  app.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(403).end()
  })
  app.get('/unauthorized', (_request, reply) => reply.code(401).send())
  app.get('/missing', (_request, reply) => reply.code(404).send())
  app.get('/own', async request => { request.requireScopes('admin') })
  for (const url of ['/middleware', '/raw', '/unauthorized', '/missing', '/own', '/things/1']) await app.inject({ url, headers })
  t.match(app.oauthCounters, { accepted: 2, refusedElsewhere: 3, refused: [{ reason: 'scope_insufficient', count: 1 }] })
})

test('the level is yours', async t => {
  const { app, lines } = await createAudited(t, { audit: { level: 'debug' } })
  await app.inject('/things/1')
  t.equal(lines().find(line => line.audit !== undefined)?.level, 20)
})

test('a refusal that the host wraps is still one, a route that does not exist is none', async t => {
  const { app, entries } = await createAudited(t)
  app.get('/wrapped', { config: { oauth: { token: 'optional' } } }, async request => {
    try {
      request.requireScopes('write')
    } catch (cause) {
      throw new Error('wrapped', { cause })
    }
  })
  await app.inject('/wrapped')
  await app.inject('/nowhere')
  t.match(entries(), [{ reason: 'token_missing', route: 'GET /wrapped' }])
  t.equal(entries().length, 1)
})

test('an invalid option that is found at run time is a fault of the server, not a refusal', async t => {
  const { app, entries } = await createAudited(t)
  app.get('/late', { config: { oauth: false } }, async () => { throw new OptionError('scopes must be an array') })
  t.equal((await app.inject('/late')).statusCode, 500)
  t.strictSame(app.oauthCounters.refused, [])
  t.strictSame(entries(), [])
})

test('outside of any route there is no pattern', async t => {
  const { app, entries } = await createAudited(t)
  app.setNotFoundHandler(async request => { request.requireScopes('read') })
  t.equal((await app.inject('/nowhere')).statusCode, 401)
  t.match(entries(), [{ reason: 'token_missing', route: null }])
})

test('each scope has its own, and nobody is told twice', async t => {
  const { app, issuer, clock, entries } = await createAudited(t)
  await app.register(oauthResourceServer, optionsFor(issuer, { clock }))
  let inner = app
  await app.register(async child => {
    await child.register(oauthResourceServer, optionsFor(issuer, { clock, resource: 'https://api.example.com/child', audit: { level: 'silent' } }))
    child.get('/child', async () => 'in')
    inner = child
  })
  await app.inject('/things/1')
  await app.inject('/child')
  await app.inject({ url: '/child', headers: bearer(await issuer.token({ aud: 'https://api.example.com/child' })) })
  t.match(inner.oauthCounters, { accepted: 1, refused: [{ count: 1 }] })
  t.match(app.oauthCounters, { accepted: 0, refused: [{ count: 1 }] })
  t.match(entries(), [{ route: 'GET /things/:id' }])
  t.equal(entries().length, 1)
})

test('without the authentication of this package nothing is attributed', async t => {
  const issuer = await createFakeIssuer()
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(config, optionsFor(issuer))
  for (const part of [challenge, metadata, audit]) await app.register(part)
  app.get('/', async request => auditEntry(request))
  t.match((await app.inject('/')).json(), { route: 'GET /', subject: null })
})

test('each block writes one entry with staff, customer, client and organizations (G22)', async t => {
  const { app, lines } = await createAudited(t, {
    impersonationGuard: {
      directory: createMemoryOrganizationDirectory({
        organizations: [{ id: 'acme', aiApproved: false }, { id: 'globex', aiApproved: true }],
        memberships: [{ customer: 'ann', organization: 'acme' }]
      }),
      impersonationOf: () => ({ staff: 'sam', customer: 'ann' }),
      clientOf: (request: unknown) => (request as { query: { client_id?: string } }).query.client_id ?? null
    }
  })
  app.get('/authorize', { config: { oauth: false, impersonationGuard: { step: 'consent' } } }, async () => 'code')
  app.get('/globex', {
    config: { oauth: false, impersonationGuard: { step: 'consent', accessOf: () => ({ level: 'organization', organizations: ['globex'] }) } }
  }, async () => 'code')
  const heard = listen(t)
  t.equal((await app.inject('/authorize?client_id=ai-client')).statusCode, 403)
  t.equal((await app.inject('/globex')).statusCode, 200)

  const entries = lines().filter(line => line.audit !== undefined)
  t.match(entries, [
    {
      level: 40,
      audit: {
        kind: 'grant-decision', allowed: false, reason: 'not_approved', code: 'FST_OAUTH_ACCESS_DENIED', statusCode: 403, route: 'GET /authorize',
        staff: 'sam', customer: 'ann', grantedTo: 'ai-client', organizations: ['acme'], time: 1_800_000_000_000
      }
    },
    { level: 30, audit: { allowed: true, reason: 'approved', code: null, grantedTo: null, organizations: [] } }
  ])
  t.equal(entries.length, 2, 'one for each decision')
  t.equal(heard.length, 2)
  t.strictSame(app.oauthCounters.grants, [{ allowed: false, reason: 'not_approved', count: 1 }, { allowed: true, reason: 'approved', count: 1 }])
})
