import Fastify from 'fastify'
import { test } from 'tap'
import type { IntrospectionAnswer, IntrospectionCache } from '../../../lib/stores/introspection/introspection-cache.ts'
import { createMemoryIntrospectionCache } from '../../../lib/stores/introspection/introspection-cache.ts'
import { resolveIntrospection } from '../../../lib/config/introspection.ts'
import type { Introspector } from '../../../lib/token/introspector.ts'
import { createIntrospector } from '../../../lib/token/introspector.ts'
import { createSharedAnswers } from '../../../lib/token/shared-answers.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { reasonOfAsync } from '../../support/reason.ts'
import { turns } from '../../support/warnings.ts'
import oauthResourceServer from '../../../plugins/index.ts'

const good = { active: true, sub: 'user-1', aud: 'https://api.example.com' }

interface Server {
  readonly introspector: Introspector
  readonly asked: string[]
}

/** One of the servers that share a cache. */
function createServer (cache: IntrospectionCache, clock: TestClock, answer: () => Response, { cacheMs = 10_000, ...expected }: { cacheMs?: number, audiences?: readonly string[], clientId?: string } = {}): Server {
  const asked: string[] = []
  const { clientId = 'api', ...rest } = expected
  const token = createExpectedToken(rest)
  const introspector = createIntrospector({
    expected: token,
    introspection: { clientId, authentication: { method: 'client_secret_basic', clientSecret: 'secret' }, signedResponseAlgorithm: null },
    endpoint: async () => 'https://login.example.com/introspect',
    verifySignature: async () => {},
    refusedTokens: null,
    sharedAnswers: createSharedAnswers(cache, token, { clientId, cacheMs, timeoutMs: 20, clock }),
    maxConcurrent: 100,
    fetch: async (_url, init) => {
      asked.push((init.body as URLSearchParams).get('token')!)
      return answer()
    },
    limits: { timeoutMs: 5000, maxBytes: 10_000 },
    retryAfterMs: 5000,
    clock
  })
  return { introspector, asked }
}

test('a token that one server has introspected is not introspected by the others, until the time of the answer is over', async t => {
  const clock = createTestClock()
  const cache = createMemoryIntrospectionCache({ clock })
  const exp = clock.now() / 1000 + 8
  const [one, other] = [createServer(cache, clock, () => Response.json({ ...good, exp })), createServer(cache, clock, () => Response.json({ active: false }))]
  const first = await one.introspector.introspect('token')
  await turns()
  t.notHas(first, { maxAgeMs: 1 })
  clock.advance(3)
  const second = await other.introspector.introspect('token')
  t.same(second.accessToken, first.accessToken)
  t.equal(second.maxAgeMs, 5000, 'it is remembered no longer than by the first, and never past exp')
  t.same([one.asked, other.asked], [['token'], []])
  clock.advance(5)
  t.equal(await reasonOfAsync(() => other.introspector.introspect('token')), 'token_inactive')
  t.same(other.asked, ['token'])
})

test('an answer found in the cache is held to the rules of the server that found it', async t => {
  const clock = createTestClock()
  const cache = createMemoryIntrospectionCache({ clock })
  const one = createServer(cache, clock, () => Response.json(good))
  const stricter = createServer(cache, clock, () => Response.json(good), { audiences: ['https://other.example.com'] })
  const shorter = createServer(cache, clock, () => Response.json(good), { cacheMs: 2000 })
  const stranger = createServer(cache, clock, () => Response.json({ ...good, sub: 'user-2' }), { clientId: 'another' })
  await one.introspector.introspect('token')
  await turns()
  t.equal(await reasonOfAsync(() => stricter.introspector.introspect('token')), 'audience_foreign')
  t.equal((await shorter.introspector.introspect('token')).maxAgeMs, 2000)
  t.equal((await stranger.introspector.introspect('token')).accessToken.subject, 'user-2', 'another client may be answered something else')
  t.same([stricter.asked, shorter.asked, stranger.asked], [[], [], ['token']])
})

test('the cache learns neither the token nor what is said about inactive ones', async t => {
  const clock = createTestClock()
  const stored: Array<[key: string, answer: IntrospectionAnswer]> = []
  const cache: IntrospectionCache = { get: async () => null, async set (key, answer) { stored.push([key, answer]) } }
  const token = 'tok"en\\'
  const server = createServer(cache, clock, () => Response.json({ ...good, access_token: token, nested: { all: [`Bearer ${token}`] }, none: null }))
  await server.introspector.introspect(token)
  await createServer(cache, clock, () => Response.json({ active: false })).introspector.introspect('other').catch(() => {})
  await turns()
  t.equal(stored.length, 1)
  t.match(stored[0]![0], /^[\w-]{43}$/)
  t.same(stored[0]![1], { members: { ...good, none: null }, untilMs: clock.now() + 10_000 })
})

test('a cache that fails makes the answer 503, one that cannot keep an answer does not matter', async t => {
  const clock = createTestClock()
  const gets: Array<() => IntrospectionAnswer | null | Promise<IntrospectionAnswer | null>> = [
    () => { throw new Error('down') }, async () => { throw new Error('down') }, () => new Promise<never>(() => {}),
    () => ({ members: { active: true }, untilMs: NaN })
  ]
  const reasons: Array<string | null> = []
  for (const get of gets) {
    const server = createServer({ get, set () { throw new Error('full') } }, clock, () => Response.json(good))
    reasons.push(await reasonOfAsync(() => server.introspector.introspect('token')))
  }
  await turns()
  t.same(reasons, [...Array(3).fill('introspection_unavailable'), 'audience_missing'])
  const lost = createServer({ get: () => undefined as never, async set () { throw new Error('full') } }, clock, () => Response.json(good))
  t.equal(await reasonOfAsync(() => lost.introspector.introspect('token')), null)
  const old = createServer({ get: () => ({ members: { ...good, sub: 'old' }, untilMs: clock.now() }), set () {} }, clock, () => Response.json(good))
  t.equal((await old.introspector.introspect('token')).accessToken.subject, 'user-1')
})

test('an issuer that is down does not matter for tokens whose answer is shared', async t => {
  const clock = createTestClock()
  const cache = createMemoryIntrospectionCache({ clock })
  await createServer(cache, clock, () => Response.json(good)).introspector.introspect('token')
  await turns()
  const other = createServer(cache, clock, () => new Response('', { status: 500 }))
  for (let i = 0; i < 6; i++) t.equal(await reasonOfAsync(() => other.introspector.introspect(`made up ${i}`)), 'introspection_unavailable')
  t.equal(await reasonOfAsync(() => other.introspector.introspect('token')), null)
})

test('a cache without a time to keep answers stops the boot', t => {
  const cache = createMemoryIntrospectionCache()
  const options = { clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' } } as const
  t.throws(() => resolveIntrospection({ ...options, cache, cacheSeconds: 0 }, 'introspection', false), { message: /^introspection.cache and introspection.cacheSeconds: 0 contradict each other/ })
  t.equal(resolveIntrospection({ ...options, cache }, 'introspection', false).cache, cache)
  t.end()
})

test('servers with a common cache in their introspection options introspect a token once', async t => {
  const cache = createMemoryIntrospectionCache()
  let asked = 0
  const statuses: number[] = []
  for (let server = 0; server < 2; server++) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(oauthResourceServer, {
      resource: 'https://api.example.com',
      authorizationServers: [{
        issuer: 'https://login.example.com',
        introspection: {
          clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' }, endpoint: 'https://login.example.com/introspect', cache,
          fetch: async () => { asked++; return Response.json(good) }
        }
      }]
    })
    app.get('/', async () => 'in')
    statuses.push((await app.inject({ url: '/', headers: { authorization: 'Bearer opaque' } })).statusCode)
    await turns()
  }
  t.same(statuses, [200, 200])
  t.equal(asked, 1)
})
