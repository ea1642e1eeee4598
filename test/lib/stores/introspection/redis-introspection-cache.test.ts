import { Redis } from 'ioredis'
import { test } from 'tap'
import { createRedisIntrospectionCache } from '../../../../lib/stores/introspection/redis-introspection-cache.ts'
import type { RecordSeal } from '../../../../lib/stores/redis-record.ts'
import { connectBreakable } from '../../../support/breakable-redis.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { turns, warningsOf } from '../../../support/warnings.ts'

const skip = missingPart('redis')

test('introspection answers in Redis', { skip }, async t => {
  const { url } = await startRedis(t)
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  t.beforeEach(() => redis.flushall())
  const clock = createTestClock()
  const answer = { members: { active: true, sub: 'ann' }, untilMs: clock.now() + 10_000 }

  await t.test('Redis deletes an answer when its time is over', async t => {
    await createRedisIntrospectionCache({ client: redis, clock }).set('key', answer)
    t.same(await redis.keys('*'), ['oauth-introspected:key'])
    const left = await redis.pttl('oauth-introspected:key')
    t.ok(left > 5000 && left <= 10_000, String(left))
  })

  await t.test('an answer that cannot be read counts as none, whatever is wrong with it, and is reported once', async t => {
    const { untilMs, members } = answer
    const broken: unknown[] = [
      null, 7, [], {}, { members, untilMs }, { key: 7, members, untilMs }, { key: 'key', untilMs }, { key: 'key', members: null, untilMs }, { key: 'key', members: 'all', untilMs },
      { key: 'key', members }, { key: 'key', members, untilMs: null }, { key: 'key', members, untilMs: String(untilMs) }
    ]
    const warnings = warningsOf(t)
    for (const text of ['', 'x', ...broken.map(value => JSON.stringify(value))]) {
      // With `refuse`, a fault would be seen.
      const cache = createRedisIntrospectionCache({ client: redis, clock, whenUnavailable: 'refuse' })
      await redis.set('oauth-introspected:key', text)
      for (let i = 0; i < 2; i++) t.equal(await cache.get('key'), null, text)
      await turns()
      t.same(warnings.splice(0), ['oauth-introspected:… holds no record that can be read. It counts as empty. The issuer is asked.'], text)
    }
  })

  await t.test('an answer that is not there, or for another key, counts as none, and is not reported', async t => {
    const warnings = warningsOf(t)
    const cache = createRedisIntrospectionCache({ client: redis, clock, whenUnavailable: 'refuse' })
    t.equal(await cache.get('key'), null)
    await redis.set('oauth-introspected:key', JSON.stringify({ key: 'another', ...answer }))
    t.equal(await cache.get('key'), null)
    await redis.set('oauth-introspected:key', JSON.stringify({ key: 'key', ...answer }))
    t.same(await cache.get('key'), answer)
    await turns()
    t.same(warnings, [])
  })

  await t.test('an answer is used until the millisecond of its time, also while Redis still has it', async t => {
    const clock = createTestClock()
    const cache = createRedisIntrospectionCache({ client: redis, clock, whenUnavailable: 'refuse' })
    const untilMs = clock.now() + 10_000
    await cache.set('key', { members: {}, untilMs })
    await cache.set('over', { members: {}, untilMs: clock.now() })
    clock.advance(9.999)
    t.not(await cache.get('key'), null)
    clock.advance(0.001)
    t.equal(await cache.get('key'), null)
    t.same(await redis.keys('*'), ['oauth-introspected:key'], 'one whose time is over is not written')
  })

  await t.test('an answer of 16,384 bytes is kept and a longer one is not', async t => {
    const cache = createRedisIntrospectionCache({ client: redis, clock })
    const members = (bytes: number): { sub: string } => ({ sub: `${'ä'.repeat(100)}${'x'.repeat(bytes - 210)}` })
    await cache.set('longest', { members: members(16_384), untilMs: answer.untilMs })
    await cache.set('longer', { members: members(16_385), untilMs: answer.untilMs })
    t.same(await redis.keys('*'), ['oauth-introspected:longest'])
  })

  await t.test('a sealed answer is read by those who have the secret, and for its own key alone', async t => {
    const seal: RecordSeal = {
      seal: (text, key) => Buffer.from(`${key}|${text}`).toString('base64'),
      unseal (sealed, key) {
        const text = Buffer.from(sealed, 'base64').toString()
        return text.startsWith(`${key}|`) ? text.slice(key.length + 1) : null
      }
    }
    const cache = createRedisIntrospectionCache({ client: redis, clock, seal })
    await cache.set('key', answer)
    t.notMatch(await redis.get('oauth-introspected:key'), /ann/)
    t.same(await cache.get('key'), answer)
    await redis.rename('oauth-introspected:key', 'oauth-introspected:other')
    t.equal(await cache.get('other'), null)
  })

  await t.test('by default a Redis that is away is passed over, and so is a seal that fails', async t => {
    const breakable = await connectBreakable(t, url)
    const outages: string[] = []
    const cache = createRedisIntrospectionCache({ client: breakable.client, clock, onOutage: ({ store, state, whenUnavailable }) => outages.push(`${store} ${state} ${whenUnavailable}`) })
    breakable.isBroken = true
    t.equal(await cache.get('key'), null)
    await cache.set('key', answer)
    t.equal(await cache.get('key'), null)
    t.equal(breakable.commands.length, 1)
    breakable.isBroken = false
    clock.advance(1)
    await cache.set('key', answer)
    t.same(await cache.get('key'), answer)
    t.same(outages, ['introspection answers began local', 'introspection answers ended local'])
    const broken = createRedisIntrospectionCache({ client: redis, clock, seal: { seal () { throw new Error('no key') }, unseal () { throw new Error('no key') } } })
    await broken.set('key', answer)
    t.equal(await broken.get('key'), null)
  })

  await t.test('where the host wants that, a Redis that is away is an error', async t => {
    const breakable = await connectBreakable(t, url)
    const cache = createRedisIntrospectionCache({ client: breakable.client, clock, whenUnavailable: 'refuse', onOutage () {} })
    breakable.isBroken = true
    await t.rejects(async () => await cache.get('key'), { name: 'RedisStoreError' })
    await t.rejects(async () => { await cache.set('key', answer) }, { name: 'RedisStoreError' })
  })
})

test('options of the introspection cache that are refused', t => {
  const client = { sendCommand: async () => null }
  for (const options of [{}, { client: {} }, { client, seal: {} }, { client, ttl: 1 }, { client, whenUnavailable: 'introspect' }]) {
    t.throws(() => createRedisIntrospectionCache(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
