import { Redis } from 'ioredis'
import { test } from 'tap'
import { createRedisReplayStore } from '../../../../lib/stores/replay/redis-replay-store.ts'
import type { RedisClient } from '../../../../lib/stores/redis-client.ts'
import { connectBreakable } from '../../../support/breakable-redis.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { startRedis } from '../../../support/redis-server.ts'

const skip = missingPart('redis')

test('replays in Redis', { skip }, async t => {
  const { url, stop } = await startRedis(t)
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  const clock = createTestClock()

  await t.test('one command with one key of a fixed length, which Redis deletes when the identifier has expired', async t => {
    const commands: string[][] = []
    const store = createRedisReplayStore({ client: { sendCommand: async command => { commands.push(command); return await redis.call(...command as [string]) } }, clock })
    t.equal(await store.seen('a proof'.repeat(1000), clock.now() + 300_000), false)
    t.equal(commands.length, 1)
    t.match(commands[0], ['SET', /^oauth-replay:[\w-]{43}$/, '1', 'NX', 'PX', '300000'])
    const [key = ''] = await redis.keys('*')
    t.match(key, /^oauth-replay:/)
    const left = await redis.pttl(key)
    t.ok(left > 200_000 && left <= 300_000, String(left))
  })

  await t.test('a Redis that is gone is an error, and not an answer', async t => {
    await stop()
    await t.rejects(createRedisReplayStore({ client: redis, timeoutMs: 50 }).seen('a', Date.now() + 1000), { name: 'RedisStoreError', statusCode: 503 })
  })
})

test('a client that changes replies is an error', async t => {
  for (const reply of [1, undefined, Buffer.from('OK'), '']) {
    await t.rejects(createRedisReplayStore({ client: { sendCommand: async () => reply } }).seen('a', Date.now()), { name: 'TypeError', message: /expected OK or null/ })
  }
})

test('with a local view, a Redis that is away lets each identifier in once at each server, and learns of them when it is back', { skip }, async t => {
  const { url } = await startRedis(t)
  const [here, there] = [await connectBreakable(t, url), await connectBreakable(t, url)]
  const clock = createTestClock()
  const outages: string[] = []
  const open = (client: RedisClient, maxLocalEntries?: number) => createRedisReplayStore({
    client, clock, whenUnavailable: 'local', onOutage: ({ store, state }) => outages.push(`${store} ${state}`), ...maxLocalEntries !== undefined && { maxLocalEntries }
  })
  const [store, other] = [open(here.client), open(there.client)]
  const untilMs = clock.now() + 300_000
  t.equal(await store.seen('before', untilMs), false)

  here.isBroken = true
  t.equal(await store.seen('before', untilMs), true, 'it remembers what it has accepted')
  t.equal(await store.seen('expiring', clock.now() + 100_000), false)
  clock.advance(100)
  const names = Array.from({ length: 150 }, (_none, i) => `outage ${i}`)
  for (const name of names) t.equal(await store.seen(name, untilMs), false)
  for (const name of names) t.equal(await store.seen(name, untilMs), true)
  t.equal(await other.seen('outage 0', untilMs), false, 'another server does not know it yet')
  t.ok(here.commands.length < 20, 'one attempt in each second, not one for each request')

  here.isBroken = false
  clock.advance(1)
  const before = here.commands.length
  const written = here.until(151)
  t.equal(await store.seen('after', untilMs), false)
  await written
  for (let i = 0; i < 3; i++) await other.seen(`later ${i}`, untilMs)
  t.equal(here.commands.length - before, 151, 'what has expired is not written')
  for (const name of names) t.equal(await other.seen(name, untilMs), true)
  t.same(outages, ['replays began', 'replays ended'])

  const small = open(here.client, 1)
  t.equal(await small.seen('first', untilMs), false)
  t.equal(await small.seen('second', untilMs), false, 'what does not fit is known to Redis alone')
  here.isBroken = true
  await t.rejects(small.seen('third', untilMs), { name: 'ReplayStoreFullError' })
})

test('with a local view, identifiers that cannot be written stay for the next time', { skip }, async t => {
  const { url } = await startRedis(t)
  const breakable = await connectBreakable(t, url)
  const clock = createTestClock()
  const store = createRedisReplayStore({ client: breakable.client, clock, whenUnavailable: 'local', onOutage () {} })
  const untilMs = clock.now() + 300_000
  breakable.isBroken = true
  for (const name of ['a', 'b']) t.equal(await store.seen(name, untilMs), false)
  breakable.isBroken = false
  clock.advance(1)
  // One answer, and Redis is gone again.
  breakable.answersLeft = 1
  t.equal(await store.seen('c', untilMs), false)
  const other = createRedisReplayStore({ client: (await connectBreakable(t, url)).client, clock })
  breakable.answersLeft = Infinity
  clock.advance(2)
  const written = breakable.until(3)
  t.equal(await store.seen('d', untilMs), false)
  await written
  t.equal(await other.seen('a', untilMs), true)
  t.equal(await other.seen('b', untilMs), true)
  await t.rejects(createRedisReplayStore({ client: { sendCommand: async () => 7 }, clock, whenUnavailable: 'local' }).seen('a', untilMs), TypeError)
  await t.rejects(store.seen('a', NaN), TypeError)
})

test('options that are refused', t => {
  const client = { sendCommand: async () => null }
  for (const options of [{}, { client: {} }, { client, timeoutMs: 0 }, { client, prefix: 1 }, { client, ttl: 1 }, { client, whenUnavailable: 'guess' }, { client, retryAfterMs: 0 }, { client, onOutage: 1 }, { client, maxLocalEntries: 0 }]) {
    t.throws(() => createRedisReplayStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
