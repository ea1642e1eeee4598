import { Cluster, Redis } from 'ioredis'
import tap, { test } from 'tap'
import { createRedisReplayStore } from '../../../../lib/stores/replay/redis-replay-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { replaySuite } from '../../../support/replay-suite.ts'

const skip = missingPart('redis')
if (skip === false) {
  const { url } = await startRedis(tap)
  let stores = 0
  for (const { name, connect } of clientKinds) {
    const clients = [await connect(tap, url), await connect(tap, url)] as const
    replaySuite(`in Redis, over ${name}`, clock => {
      const prefix = `replay-${++stores}:`
      return [createRedisReplayStore({ client: clients[0], clock, prefix }), createRedisReplayStore({ client: clients[1], clock, prefix })]
    }, { numRuns: 20 })
  }
}

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

test('a cluster needs no braces, as each command has one key', { skip }, async t => {
  const { url, port } = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--dir', t.testdir()])
  const node = new Redis(url)
  t.teardown(() => node.disconnect())
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  // The node waits two seconds before it is sure of itself. Waiting for a replica that does not exist passes the time there.
  while (!String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await node.call('WAIT', '1', '100')
  const client = new Cluster([{ host: '127.0.0.1', port }])
  t.teardown(() => client.disconnect())
  const store = createRedisReplayStore({ client })
  for (const wasSeen of [false, true]) {
    for (let i = 0; i < 20; i++) t.equal(await store.seen(`key ${i}`, Date.now() + 60_000), wasSeen)
  }
})

test('a client that changes replies is an error', async t => {
  for (const reply of [1, undefined, Buffer.from('OK'), '']) {
    await t.rejects(createRedisReplayStore({ client: { sendCommand: async () => reply } }).seen('a', Date.now()), { name: 'TypeError', message: /expected OK or null/ })
  }
})

test('options that are refused', t => {
  const client = { sendCommand: async () => null }
  for (const options of [{}, { client: {} }, { client, timeoutMs: 0 }, { client, prefix: 1 }, { client, ttl: 1 }]) {
    t.throws(() => createRedisReplayStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
