import { Redis } from 'ioredis'
import tap, { test } from 'tap'
import { createRedisReplayStore } from '../../../../lib/stores/replay/redis-replay-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { keyOf, replaySuite } from '../../../support/replay-suite.ts'

const missing = missingPart('redis')
if (missing === false) {
  const { url } = await startRedis(tap)
  const clients = await Promise.all(clientKinds.map(async ({ name, connect }) => ({ name, client: await connect(tap, url) })))
  for (const { name, client } of clients) {
    let stores = 0
    replaySuite(`in Redis, over ${name}`, clock => createRedisReplayStore({ client, clock, prefix: `${name}-${++stores}:` }), { numRuns: 20 })
  }
}

test('used proofs in Redis', { skip: missing }, async t => {
  const { url, stop } = await startRedis(t)
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true })
  redis.on('error', () => {})
  await redis.connect()
  t.teardown(() => redis.disconnect())
  const clock = createTestClock()
  const until = clock.now() + 300_000

  await t.test('servers that share Redis accept a proof once among them (R9449-19)', async t => {
    const servers = await Promise.all(clientKinds.map(async ({ connect }) => createRedisReplayStore({ client: await connect(t, url), clock })))
    for (let proof = 0; proof < 50; proof++) {
      const answers = await Promise.all(servers.map(async server => await server.seen(keyOf(`shared ${proof}`), until)))
      t.equal(answers.filter(seen => !seen).length, 1)
    }
  })

  await t.test('a proof is kept for as long as it lives, and not longer', async t => {
    await createRedisReplayStore({ client: redis, clock, prefix: 'p:' }).seen(keyOf('a'), until)
    const ttl = await redis.pttl(`p:${keyOf('a')}`)
    t.ok(ttl > 290_000 && ttl <= 300_000, String(ttl))
  })

  await t.test('while Redis is away: 503, or the local view, as configured', async t => {
    const strict = createRedisReplayStore({ client: redis, clock, timeoutMs: 200 })
    const local = createRedisReplayStore({ client: redis, clock, timeoutMs: 200, whenUnavailable: 'local' })
    t.equal(await local.seen(keyOf('before'), until), false)
    await stop()
    await t.rejects(strict.seen(keyOf('b'), until), { code: 'FST_OAUTH_REDIS_FAILED', statusCode: 503 })
    t.equal(await local.seen(keyOf('before'), until), true, 'what this process saw before the outage')
    t.equal(await local.seen(keyOf('b'), until), false)
    t.equal(await local.seen(keyOf('b'), until), true)
  })
})

test('options of the replay store that cannot be', t => {
  t.throws(() => createRedisReplayStore({ client: {} as never }), { code: 'FST_OAUTH_OPTION_INVALID' })
  t.throws(() => createRedisReplayStore({ client: { async sendCommand () {} }, whenUnavailable: 'pass' as never }), { code: 'FST_OAUTH_OPTION_INVALID', message: /whenUnavailable.*pass/ })
  t.end()
})
