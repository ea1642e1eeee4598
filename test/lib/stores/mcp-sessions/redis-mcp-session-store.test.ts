import { Redis } from 'ioredis'
import { test } from 'tap'
import type { RedisMcpSessionStoreOptions } from '../../../../lib/stores/mcp-sessions/redis-mcp-session-store.ts'
import { createRedisMcpSessionStore } from '../../../../lib/stores/mcp-sessions/redis-mcp-session-store.ts'
import { connectBreakable } from '../../../support/breakable-redis.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { startRedis } from '../../../support/redis-server.ts'

const skip = missingPart('redis')

test('owners of MCP sessions in Redis', { skip }, async t => {
  const { url } = await startRedis(t)
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  t.beforeEach(() => redis.flushall())

  await t.test('a key of a fixed length for each session, which Redis deletes when it was idle for too long', async t => {
    const store = createRedisMcpSessionStore({ client: redis, idleSeconds: 100 })
    t.equal(await store.bind('a session'.repeat(1000), 'ann'), 'ann')
    const [key = ''] = await redis.keys('*')
    t.match(key, /^oauth-mcp-session:[\w-]{43}$/)
    for (const use of [() => store.ownerOf('a session'.repeat(1000)), () => store.bind('a session'.repeat(1000), 'bob')]) {
      await redis.expire(key, 5)
      t.equal(await use(), 'ann')
      t.ok(await redis.ttl(key) > 50, 'each use counts')
    }
  })

  await t.test('by default a Redis that is away is an error, and not an answer', async t => {
    const breakable = await connectBreakable(t, url)
    const store = createRedisMcpSessionStore({ client: breakable.client, onOutage () {} })
    breakable.isBroken = true
    await t.rejects(async () => await store.ownerOf('s'), { name: 'RedisStoreError', statusCode: 503 })
    await t.rejects(async () => await store.bind('s', 'ann'), { name: 'RedisStoreError', statusCode: 503 })
  })

  await t.test('with a local view, sessions that this server has seen go on, and those that begin are written later', async t => {
    const [here, there] = [await connectBreakable(t, url), await connectBreakable(t, url)]
    const clock = createTestClock()
    const options: Omit<RedisMcpSessionStoreOptions, 'client'> = { clock, whenUnavailable: 'local', onOutage () {} }
    const [store, other] = [createRedisMcpSessionStore({ client: here.client, ...options }), createRedisMcpSessionStore({ client: there.client, ...options })]
    t.equal(await other.bind('of the other', 'ann'), 'ann')
    t.equal(await other.bind('seen', 'ann'), 'ann')
    t.equal(await store.ownerOf('seen'), 'ann')
    t.equal(await other.bind('seen', 'bob', 'ann'), 'bob')
    t.equal(await store.ownerOf('seen'), 'bob', 'Redis knows better')

    here.isBroken = true
    t.equal(await store.ownerOf('seen'), 'bob')
    t.equal(await store.ownerOf('of the other'), null)
    t.equal(await store.bind('new', 'ann'), 'ann')
    t.equal(await store.bind('new', 'bob'), 'ann')

    here.isBroken = false
    clock.advance(1)
    t.equal(await other.ownerOf('new'), null)
    t.equal(await store.ownerOf('new'), 'ann')
    t.equal(await other.ownerOf('new'), 'ann')
    t.equal(await store.ownerOf('nothing'), null)
  })

  await t.test('with a local view, a server remembers as many sessions as it may, and none that was idle for too long', async t => {
    const breakable = await connectBreakable(t, url)
    const clock = createTestClock()
    const store = createRedisMcpSessionStore({ client: breakable.client, clock, whenUnavailable: 'local', onOutage () {}, maxLocalSessions: 2, idleSeconds: 60 })
    for (const id of ['a', 'b', 'c']) t.equal(await store.bind(id, 'ann'), 'ann')
    breakable.isBroken = true
    const owners = async () => await Promise.all(['a', 'b', 'c'].map(async id => await store.ownerOf(id)))
    t.same(await owners(), [null, 'ann', 'ann'])
    clock.advance(59.999)
    t.same(await owners(), [null, 'ann', 'ann'])
    clock.advance(60)
    t.same(await owners(), [null, null, null])
  })
})

test('options of the store of MCP sessions that are refused', t => {
  const client = { sendCommand: async () => null }
  for (const options of [{}, { client: {} }, { client, idleSeconds: 0 }, { client, maxLocalSessions: 0 }, { client, ttl: 1 }, { client, whenUnavailable: 'x' }]) {
    t.throws(() => createRedisMcpSessionStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
