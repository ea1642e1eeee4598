import { Redis } from 'ioredis'
import { test } from 'tap'
import { OptionError } from '../../../../lib/errors/errors.ts'
import type { RedisRevocationStoreOptions } from '../../../../lib/stores/revocations/redis-revocation-store.ts'
import { createRedisRevocationStore } from '../../../../lib/stores/revocations/redis-revocation-store.ts'
import type { RevocableToken } from '../../../../lib/stores/revocations/revocation-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'

const start = 1_800_000_000
const issuer = 'https://login.example.com'
const token: RevocableToken = {
  issuer, subject: 'user-1', tokenId: 'token-1', grantId: 'grant-1', sessionId: 'session-1', actor: { issuer, subject: 'sam' }, issuedAt: start,
  authenticatedAt: start
}

const missing = missingPart('redis')

test('revocations in Redis', { skip: missing }, async t => {
  const { url, stop } = await startRedis(t)
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  t.beforeEach(() => redis.flushall())
  const clock = createTestClock(start)
  const open = (options: Partial<RedisRevocationStoreOptions> = {}) => createRedisRevocationStore({ client: redis, clock, ...options })

  await t.test('a store without a subscriber asks Redis for each token: it is never current by itself', async t => {
    t.equal(open().isCurrent, false)
    await t.resolves(open().close(), 'and has nothing to close')
  })

  await t.test('one command for each token, whatever it may have been revoked by', async t => {
    const commands: string[][] = []
    const store = open({
      client: {
        async sendCommand (command) {
          commands.push(command)
          return await redis.call(...command as [string])
        }
      }
    })
    t.equal(await store.isRevoked(token), false)
    t.same(commands.map(([name, ...keys]) => [name, keys.length]), [['MGET', 8]])
    t.ok(commands[0]!.slice(1).every(key => key.startsWith('{oauth-revoked}:[')), 'one slot of a cluster')
    commands.length = 0
    t.equal(await store.isRevoked({ issuer, subject: 'x'.repeat(10_000), tokenId: null, grantId: null, sessionId: null, actor: null, issuedAt: start, authenticatedAt: null }), false)
    t.match(commands, [['MGET', /^\{oauth-revoked\}:[\w-]{43}$/]], 'one key when there is no more to it, and none that is long')
    t.equal(commands[0]!.length, 2)
  })

  await t.test('what one process revokes is dead in the others with their next question', async t => {
    const [here, there] = await Promise.all(clientKinds.map(async ({ connect }) => open({ client: await connect(t, url) })))
    t.equal(await there!.isRevoked(token), false)
    await here!.revoke({ issuer, subject: 'user-1', actor: { issuer, subject: 'sam' } })
    t.equal(await there!.isRevoked(token), true)
    t.equal(await there!.isRevoked({ ...token, actor: null }), false, 'G28')
  })

  await t.test('it is kept as long as a token lives', async t => {
    const store = open({ longestLifetimeSeconds: 3600 })
    await store.revoke({ issuer, subject: 'user-1' })
    const [key] = await redis.keys('{oauth-revoked}:\\[*')
    const left = await redis.ttl(key!)
    t.ok(left > 1800 && left <= 3600, String(left))
    await redis.del(key!)
    t.equal(await store.isRevoked(token), false)
    await open().revoke({ issuer, subject: 'user-1' })
    t.ok(await redis.ttl(key!) > 80_000)
    await redis.del(key!)
    await open({ longestLifetimeSeconds: 3600, leewaySeconds: 300 }).revoke({ issuer, subject: 'user-1' })
    const longer = await redis.ttl(key!)
    t.ok(longer > 3600 && longer <= 3900, 'and as what is issued in the leeway does')
  })

  await t.test('it applies as long as a token lives, and not a moment longer, also when Redis still has it', async t => {
    const clock = createTestClock(start)
    const store = open({ clock, longestLifetimeSeconds: 3600 })
    await store.revoke({ issuer, subject: 'user-1' })
    clock.advance(3599.999)
    t.equal(await store.isRevoked(token), true)
    clock.advance(0.001)
    t.equal(await store.isRevoked(token), false)
  })

  await t.test('a process whose clock is behind does not take back what was revoked', async t => {
    const behind = createTestClock(start - 60)
    await open().revoke({ issuer, subject: 'user-1' })
    await open({ clock: behind }).revoke({ issuer, subject: 'user-1' })
    t.equal(await open().isRevoked(token), true)
    behind.advance(120)
    await open({ clock: behind }).revoke({ issuer, subject: 'user-1' })
    t.equal(await open().isRevoked({ ...token, issuedAt: start + 60 }), true)
  })

  await t.test('what is no revocation of ours is no reason to let a token in', async t => {
    const store = open()
    await store.revoke({ issuer, subject: 'user-1' })
    const [key] = await redis.keys('{oauth-revoked}:\\[*')
    for (const value of ['', 'x', '-1', '1e9', '1.5']) {
      await redis.set(key!, value)
      await t.rejects(async () => await store.isRevoked(token), new TypeError('{oauth-revoked}:… holds something else than a revocation'), value)
    }
    for (const replies of [[], Array(8).fill(start), Array(8).fill(Buffer.from(String(start)))]) {
      await t.rejects(async () => await open({ client: { sendCommand: async () => replies } }).isRevoked(token), TypeError)
    }
  })

  await t.test('a revocation whose command fails is tried once more, and is an error when that fails, too (C10)', async t => {
    await redis.flushall()
    let failures = 1
    let attempts = 0
    const client = {
      async sendCommand (command: string[]) {
        // An EVAL belongs to the attempt whose EVALSHA the server did not know.
        if (command[0] === 'EVALSHA') attempts++
        if (failures-- > 0) throw new Error('connection reset')
        return await redis.call(...command as [string])
      }
    }
    await open({ client }).revoke({ issuer, subject: 'user-1' })
    t.equal(attempts, 2)
    t.equal(await open().isRevoked(token), true)
    failures = 2
    await t.rejects(open({ client }).revoke({ issuer, subject: 'user-1' }), { name: 'RedisStoreError', message: /connection reset/ })
    t.equal(attempts, 4)
    let asked = 0
    const silent = { sendCommand: async () => { asked++; return await new Promise<never>(() => {}) } }
    await t.rejects(open({ client: silent, timeoutMs: 5 }).revoke({ issuer, subject: 'user-1' }), { name: 'RedisStoreError', message: /within 5 ms/ }, 'a Redis that never responds blocks no later end')
    t.equal(asked, 2)
  })

  await t.test('a Redis that is gone is an error, and not an answer (H40)', async t => {
    await stop()
    const outages: string[] = []
    await t.rejects(async () => await open({ timeoutMs: 50, onOutage: ({ store, state }) => outages.push(`${store} ${state}`) }).isRevoked(token), { name: 'RedisStoreError' })
    t.same(outages, ['revocations began'])
    await t.rejects(open({ timeoutMs: 50 }).revoke({ issuer, subject: 'user-1' }), { name: 'RedisStoreError' })
  })
})

test('options that are none', t => {
  const client = { sendCommand: async () => null }
  const cases: ReadonlyArray<[options: unknown, message: RegExp]> = [
    [{}, /client/], [{ client: {} }, /^client must be a client of redis or ioredis/], [{ client, prefix: 'no-braces:' }, /^prefix must/],
    [{ client, prefix: '{}' }, /^prefix must/], [{ client, longestLifetimeSeconds: 0 }, /^longestLifetimeSeconds must/], [{ client, leewaySeconds: -1 }, /^leewaySeconds must/],
    [{ client, timeoutMs: 1.5 }, /^timeoutMs must/], [{ client, ttl: 5 }, /unknown option "ttl"/]
  ]
  for (const [options, message] of cases) {
    t.throws(() => createRedisRevocationStore(options as never), OptionError)
    t.throws(() => createRedisRevocationStore(options as never), { message })
  }
  t.end()
})
