import { Redis } from 'ioredis'
import { test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import type { StoredConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { createRedisConnectionStore } from '../../../../lib/stores/connections/redis-connection-store.ts'
import { createRedisTokenStore } from '../../../../lib/stores/tokens/redis-token-store.ts'
import { createConnectionWorld, fetchOf } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { turns, warningsOf } from '../../../support/warnings.ts'

const connection: StoredConnection = {
  issuer: 'https://login.example.com', resource: 'https://mcp.example.com/mcp', requestedScopes: ['read'], proofKey: { kty: 'EC', alg: 'ES256', d: 'private' }, clientId: 'c', registration: null, clients: {}
}
const name = 'oauth-client:{ann}:connection'

test('connections in Redis', { skip: missingPart('redis') }, async t => {
  const { url } = await startRedis(t)
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  t.beforeEach(() => redis.flushall())

  for (const { name: kind, connect: open } of clientKinds) {
    await t.test(`what is written is read, over ${kind}`, async t => {
      const client = await open(t, url)
      const store = createRedisConnectionStore({ client, key: 'ann' })
      t.equal(await store.read(), null)
      await store.write(connection)
      t.same(await createRedisConnectionStore({ client, key: 'ann' }).read(), connection)
      t.equal(await createRedisConnectionStore({ client, key: 'bob' }).read(), null)
      t.equal(await redis.ttl(name), -1)
    })
  }

  await t.test('sealed, for this purpose alone, and forgotten in time (R54)', async t => {
    const purposes: string[] = []
    const seal = {
      seal: async (text: string, key: string) => { purposes.push(key); return Buffer.from(text).toString('base64') },
      unseal: (sealed: string, key: string) => { purposes.push(key); return Buffer.from(sealed, 'base64').toString() }
    }
    const store = createRedisConnectionStore({ client: redis, key: 'ann', seal, forgetAfterSeconds: 1000 })
    await store.write(connection)
    t.notMatch(await redis.get(name), /private/)
    t.ok(await redis.ttl(name) > 900)
    t.same(await store.read(), connection)
    t.same(purposes, ['ann:connection', 'ann:connection'])
  })

  await t.test('a record that cannot be read counts as empty, and can be written over (F10)', async t => {
    const warnings = warningsOf(t)
    const store = createRedisConnectionStore({ client: redis, key: 'ann' })
    await redis.set(name, '{"secret":1}')
    t.equal(await store.read(), null)
    t.equal(await redis.get(name), '{"secret":1}')
    await store.write(connection)
    t.same(await store.read(), connection)
    await turns()
    t.match(warnings, [/^(?!.*secret).*\{ann\}:connection holds no record that can be read/])
    await redis.del(name)
    await redis.hset(name, 'a', 'b')
    await t.rejects(store.read(), { name: 'RedisStoreError' })
  })

  await t.test('a process that starts does not sign the others out (R38)', async t => {
    const kept = () => ({ tokenStore: createRedisTokenStore({ client: redis, key: 'ann' }), connectionStore: createRedisConnectionStore({ client: redis, key: 'ann' }) })
    const { fake, connection: first } = await createConnectionWorld({}, kept())
    await first.fetch(fake.resource)
    const browser = createFakeBrowser(fake)
    const second = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), ...kept() })
    t.equal(second.session.state, 'signed_in')
    t.equal((await second.fetch(fake.resource)).status, 200)
    t.equal(browser.visited.length, 0)
    t.equal(await second.signOut(), true)
    t.match(await kept().connectionStore.read(), { issuer: null })
    await first.close()
    await second.close()
  })
})

test('a client that makes something else of an answer', async t => {
  const store = createRedisConnectionStore({ client: { sendCommand: async () => 1 }, key: 'ann' })
  await t.rejects(store.read(), { name: 'TypeError', message: /returned number for GET, expected text/ })
  await t.rejects(store.write(connection), { name: 'TypeError', message: /returned number for SET, expected OK/ })
})

test('options that are refused', t => {
  const client = { sendCommand: async () => null }
  for (const options of [{ client, key: '' }, { client, key: 'a', prefix: '{' }, { client: {}, key: 'a' }, { client, key: 'a', timeoutMs: 0 }, { client, key: 'a', surprise: 1 }]) {
    t.throws(() => createRedisConnectionStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' })
  }
  t.end()
})
