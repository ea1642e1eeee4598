import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { test } from 'tap'
import type { RedisClient } from '../../../../lib/stores/redis-client.ts'
import type { RedisRevocationStore, RedisRevocationStoreOptions } from '../../../../lib/stores/revocations/redis-revocation-store.ts'
import { createRedisRevocationStore } from '../../../../lib/stores/revocations/redis-revocation-store.ts'
import type { RedisSubscriber } from '../../../../lib/stores/redis-subscriber.ts'
import { connectBreakable } from '../../../support/breakable-redis.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { startRedisCluster } from '../../../support/redis-topologies.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

const issuer = 'https://login.example.com'
const skip = missingPart('redis')
const tokenOf = (subject: string) => ({ issuer, subject, tokenId: null, grantId: null, sessionId: null, actor: null, issuedAt: 0, authenticatedAt: null })

/** Asks until the condition holds; each question is a round trip to Redis, which passes the time. */
async function until (redis: Redis, condition: () => boolean): Promise<void> {
  while (!condition()) await redis.ping()
}

/** Counts what is looked up in Redis. */
function counting (client: RedisClient): { client: RedisClient, readonly lookups: number, readonly keys: number, readonly scans: number, readonly beats: number, readonly writes: number } {
  const counted = {
    lookups: 0,
    keys: 0,
    scans: 0,
    beats: 0,
    writes: 0,
    client: {
      async sendCommand ([name, ...words]: string[]): Promise<unknown> {
        if (name === 'MGET') {
          counted.lookups++
          counted.keys += words.length
        }
        if (name === 'ZSCAN') counted.scans++
        // A script with one key is a beat.
        if (name === 'EVALSHA') counted[words[1] === '1' ? 'beats' : 'writes']++
        return await (client as Redis).call(name!, ...words)
      }
    }
  }
  return counted
}

function open (t: Teardown, options: RedisRevocationStoreOptions): RedisRevocationStore {
  const store = createRedisRevocationStore({ maxStalenessMs: 400, onOutage () {}, ...options })
  t.teardown(async () => { await store.close() })
  return store
}

test('a revocation is published to every server, and requests are answered from memory', { skip }, async t => {
  const { url } = await startRedis(t)
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  await createRedisRevocationStore({ client: redis }).revoke({ issuer, subject: 'before' })
  const nodeRedis = createClient({ url })
  await nodeRedis.connect()
  t.teardown(() => nodeRedis.destroy())
  const subscribers: RedisSubscriber[] = [new Redis(url), nodeRedis]
  t.teardown(() => (subscribers[0] as Redis).disconnect())
  const counted = subscribers.map(() => counting(redis))
  const stores = subscribers.map((subscriber, i) => open(t, { client: counted[i]!.client, subscriber }))
  t.equal(await stores[0]!.isRevoked(tokenOf('before')), true, 'before it has read what there is, it asks')
  for (const store of stores) await until(redis, () => store.isCurrent)
  const before = counted.map(({ lookups }) => lookups)
  for (const [i, store] of stores.entries()) {
    t.equal(store.isRevoked(tokenOf('before')), true)
    t.equal(store.isRevoked(tokenOf('ann')), false)
    const other = stores[1 - i]!
    const revoked = store.revoke({ issuer, subject: `revoked by ${i}` })
    t.equal(store.isRevoked(tokenOf(`revoked by ${i}`)), true, 'here at once')
    await revoked
    await until(redis, () => other.isRevoked(tokenOf(`revoked by ${i}`)) === true)
    t.equal(other.isCurrent, true)
  }
  await createRedisRevocationStore({ client: redis }).revoke({ issuer, subject: 'by a server that asks' })
  await until(redis, () => stores.every(store => store.isRevoked(tokenOf('by a server that asks')) === true))
  t.same(counted.map(({ lookups }) => lookups), before, 'nothing was looked up')

  await stores[0]!.close()
  t.equal(stores[0]!.isCurrent, false)
  await stores[1]!.revoke({ issuer, subject: 'later' })
  t.equal(await stores[0]!.isRevoked(tokenOf('later')), true, 'one that was closed asks')
})

test('a message that was lost is noticed with the next one and with the next beat, and everything is read anew', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const channel = '{oauth-revoked}:channel'
  /** Keeps messages back, as a broken connection does. */
  let isDeaf = false
  let unheard = 0
  const ears: RedisSubscriber = {
    subscribe: async (...channels: string[]) => await subscriber.subscribe(...channels),
    unsubscribe: async (...channels: string[]) => await subscriber.unsubscribe(...channels),
    on: (event: 'message', listener: (from: string, message: string) => void) => subscriber.on(event, (from, message) => {
      if (!isDeaf || from !== channel) listener(from, message)
      else unheard++
    }),
    off: () => {},
    call: () => {}
  } as never
  const counted = counting(redis)
  const store = open(t, { client: counted.client, subscriber: ears })
  const writer = createRedisRevocationStore({ client: redis })
  await until(redis, () => store.isCurrent)

  isDeaf = true
  await writer.revoke({ issuer, subject: 'lost' })
  await until(redis, () => unheard === 1)
  isDeaf = false
  await writer.revoke({ issuer, subject: 'next' })
  await until(redis, () => store.isRevoked(tokenOf('next')) === true)
  t.equal(await store.isRevoked(tokenOf('lost')), true, 'it asks as soon as it has noticed')
  await until(redis, () => store.isCurrent)
  t.equal(store.isRevoked(tokenOf('lost')), true)

  isDeaf = true
  await writer.revoke({ issuer, subject: 'lost too' })
  await until(redis, () => unheard === 2)
  isDeaf = false
  await until(redis, () => store.isRevoked(tokenOf('lost too')) === true)

  await until(redis, () => store.isCurrent)
  const { scans } = counted
  await redis.publish(channel, 'nonsense')
  await until(redis, () => counted.scans > scans)
  await until(redis, () => store.isCurrent)
})

test('what was read before a gap does not make the knowledge complete', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber, other] = [new Redis(url), new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber, other]) one.disconnect() })
  const gates: Array<ReturnType<typeof createDeferred<null>>> = []
  const client = {
    async sendCommand ([name, ...words]: string[]): Promise<unknown> {
      const reply = await redis.call(name!, ...words)
      if (name === 'ZSCAN') {
        gates.push(createDeferred<null>())
        await gates.at(-1)!.promise
      }
      return reply
    }
  }
  const store = open(t, { client, subscriber, timeoutMs: 60_000 })
  await until(redis, () => gates.length === 1)
  // A message that follows none: some may be missing.
  await other.publish('{oauth-revoked}:channel', 'before name 0 key')
  await until(redis, () => gates.length === 2)
  gates[0]!.resolve(null)
  for (let i = 0; i < 20; i++) await redis.ping()
  t.equal(store.isCurrent, false)
  gates[1]!.resolve(null)
  await until(redis, () => store.isCurrent)
})

test('a subscriber that fails when it is closed does not matter', async t => {
  const client = { sendCommand: async () => null }
  const fail = async (): Promise<never> => { throw new Error('closed') }
  const kinds = [{ subscribe: fail, unsubscribe: fail }, { subscribe: fail, unsubscribe: fail, call () {}, on () {}, off () {} }]
  for (const subscriber of kinds) {
    const store = createRedisRevocationStore({ client, subscriber, onOutage () {} })
    await t.resolves(store.close())
  }
})

test('what a Redis has lost that was restarted empty is written again by the servers that know it', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const store = open(t, { client: redis, subscriber })
  await until(redis, () => store.isCurrent)
  const subjects = Array.from({ length: 120 }, (_none, i) => `user ${i}`)
  await Promise.all(subjects.map(async subject => { await store.revoke({ issuer, subject }) }))
  await redis.flushall()
  const fresh = createRedisRevocationStore({ client: redis })
  t.equal(await fresh.isRevoked(tokenOf('user 0')), false, 'it has lost them')
  for (const subject of subjects) t.equal(await store.isRevoked(tokenOf(subject)), true)
  while (await redis.zcard('{oauth-revoked}:index') < subjects.length) await redis.ping()
  for (const subject of subjects) t.equal(await fresh.isRevoked(tokenOf(subject)), true)
})

test('while Redis is away, a server refuses to answer or goes on with what it knows, as the host wants', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const breakable = await connectBreakable(t, url)
  const stores = Object.fromEntries((['refuse', 'local'] as const).map(whenUnavailable =>
    [whenUnavailable, open(t, { client: breakable.client, subscriber, whenUnavailable, retryAfterMs: 1 })]))
  const asking = createRedisRevocationStore({ client: breakable.client, whenUnavailable: 'local', onOutage () {}, retryAfterMs: 1 })
  for (const store of Object.values(stores)) await until(redis, () => store.isCurrent)
  await createRedisRevocationStore({ client: redis }).revoke({ issuer, subject: 'known' })
  for (const store of Object.values(stores)) await until(redis, () => store.isRevoked(tokenOf('known')) === true)
  t.equal(await asking.isRevoked(tokenOf('known')), true)

  breakable.isBroken = true
  await until(redis, () => Object.values(stores).every(store => !store.isCurrent))
  for (const store of Object.values(stores)) t.equal(store.isRevoked(tokenOf('known')), true, 'what is known is refused')
  await t.rejects(async () => await stores.refuse!.isRevoked(tokenOf('ann')), { name: 'RedisStoreError' })
  await t.rejects(async () => await createRedisRevocationStore({ client: { sendCommand: async () => [] }, whenUnavailable: 'local' }).isRevoked(tokenOf('ann')), TypeError)
  t.equal(await stores.local!.isRevoked(tokenOf('ann')), false)
  t.equal(await asking.isRevoked(tokenOf('known')), true)
  t.equal(await asking.isRevoked(tokenOf('ann')), false)
  await t.rejects(stores.local!.revoke({ issuer, subject: 'in the outage' }), { name: 'RedisStoreError' })
  t.equal(stores.local!.isRevoked(tokenOf('in the outage')), true)

  breakable.isBroken = false
  await until(redis, () => Object.values(stores).every(store => store.isCurrent))
  await until(redis, () => stores.refuse!.isRevoked(tokenOf('in the outage')) === true)
  t.equal(stores.refuse!.isRevoked(tokenOf('ann')), false)
})

test('with more revocations than fit, each request asks Redis', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const counted = counting(redis)
  const store = open(t, { client: counted.client, subscriber, maxLocalEntries: 2 })
  await until(redis, () => store.isCurrent)
  const writer = createRedisRevocationStore({ client: redis })
  for (const subject of ['a', 'b', 'c']) await writer.revoke({ issuer, subject })
  await until(redis, () => !store.isCurrent)
  for (const subject of ['a', 'b', 'c']) t.equal(await store.isRevoked(tokenOf(subject)), true)
  t.equal(await store.isRevoked(tokenOf('d')), false)
  const { scans, beats } = counted
  await until(redis, () => counted.beats > beats + 2)
  t.equal(counted.scans, scans, 'which is not read as a whole with each beat')
})

test('while nothing is lost, nothing is read or written again, and the channels are subscribed once', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const writer = createRedisRevocationStore({ client: redis })
  // Many pieces, as ZSCAN returns them.
  const subjects = Array.from({ length: 1500 }, (_none, i) => `user ${i}`)
  await Promise.all(subjects.map(async subject => { await writer.revoke({ issuer, subject }) }))
  const channels: string[][] = []
  const subscribe = async (...names: string[]): Promise<unknown> => {
    channels.push(names)
    return await subscriber.subscribe(...names)
  }
  const ears = new Proxy(subscriber, { get: (target, name): unknown => name === 'subscribe' ? subscribe : Reflect.get(target, name) })
  const counted = counting(redis)
  const options = { client: counted.client, subscriber: ears, maxStalenessMs: 1000 }
  const stores = [open(t, options), open(t, options)]
  await until(redis, () => stores.every(({ isCurrent }) => isCurrent))
  const { lookups, scans, beats, writes } = counted
  t.ok(subjects.every(subject => stores[0]!.isRevoked(tokenOf(subject)) === true))
  t.ok(scans > 2)
  t.equal(writes, 0)
  t.ok(counted.keys >= 3000 && counted.keys < 4500, 'each once, but for those that ZSCAN returns twice')

  await subscriber.subscribe('of the application')
  await redis.publish('of the application', 'a message')
  let isAlwaysCurrent = true
  while (counted.beats < beats + 6) {
    isAlwaysCurrent &&= stores.every(({ isCurrent }) => isCurrent)
    await redis.ping()
  }
  t.ok(isAlwaysCurrent)
  t.same([counted.lookups, counted.scans, counted.writes], [lookups, scans, writes])
  t.equal(channels.length, 2)
  t.equal(new Set(channels.flat()).size, 3, 'one channel of all, and one for each store')
  t.match(channels[0], ['{oauth-revoked}:channel', /^\{oauth-revoked\}:channel:[0-9a-f-]{36}$/])
})

test('a beat proves what was known when it was sent, however late it arrives', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  const held: Array<() => void> = []
  let isHeld = false
  const on = (event: 'message', listener: (from: string, message: string) => void): unknown => subscriber.on(event, (from, message) => {
    if (isHeld) held.push(() => { listener(from, message) })
    else listener(from, message)
  })
  const ears = new Proxy(subscriber, { get: (target, name): unknown => name === 'on' ? on : Reflect.get(target, name) })
  const store = open(t, { client: redis, subscriber: ears, maxStalenessMs: 100 })
  await until(redis, () => store.isCurrent)
  isHeld = true
  await until(redis, () => held.length > 0)
  const heldAt = performance.now()
  await until(redis, () => performance.now() > heldAt + 100)
  t.equal(store.isCurrent, false)
  held[0]!()
  t.equal(store.isCurrent, false)
})

test('after a gap that a beat shows, nothing is answered from memory until everything is read', { skip }, async t => {
  const { url } = await startRedis(t)
  const [redis, subscriber] = [new Redis(url), new Redis(url)]
  t.teardown(() => { for (const one of [redis, subscriber]) one.disconnect() })
  let gate: ReturnType<typeof createDeferred<null>> | null = null
  let scans = 0
  const client = {
    async sendCommand ([name, ...words]: string[]): Promise<unknown> {
      const reply = await redis.call(name!, ...words)
      if (name === 'ZSCAN') {
        scans++
        await gate?.promise
      }
      return reply
    }
  }
  const store = open(t, { client, subscriber, timeoutMs: 60_000 })
  await until(redis, () => store.isCurrent)
  gate = createDeferred<null>()
  scans = 0
  await redis.set('{oauth-revoked}:last', 'another')
  await until(redis, () => scans > 0)
  t.equal(store.isCurrent, false)
  gate.resolve(null)
  await until(redis, () => store.isCurrent)
})

test('a store that is closed leaves no listener behind, and is unsubscribed', async t => {
  const client = { sendCommand: async () => null }
  const log: unknown[] = []
  const [subscribe, unsubscribe] = ['subscribe', 'unsubscribe'].map(name => async (...given: unknown[]) => { log.push([name, ...given]) }) as [() => Promise<void>, () => Promise<void>]
  const on = (...given: unknown[]): void => { log.push(['on', ...given]) }
  const off = (...given: unknown[]): void => { log.push(['off', ...given]) }
  const opened = (subscriber: object): RedisRevocationStore => createRedisRevocationStore({ client, subscriber: subscriber as never, onOutage () {} })

  await opened({ subscribe, unsubscribe, on, off, call () {} }).close()
  const [[, event, listener], [, shared, own], ...ended] = log as [[string, string, unknown], [string, string, string], unknown]
  t.equal(event, 'message')
  t.strictSame(ended, [['off', 'message', listener], ['unsubscribe', own]], 'from its own channel: other stores may listen to the other')
  t.not(shared, own)

  log.length = 0
  await opened({ subscribe, unsubscribe }).close()
  const [[, channels, heard], ...left] = log as [[string, string[], unknown], unknown]
  t.strictSame(left, [['unsubscribe', channels, heard]])
})

test('on a cluster, revocations are published over every client', { skip }, async t => {
  const cluster = await startRedisCluster(t, t.testdir())
  const stores: RedisRevocationStore[] = []
  for (const kind of ['redis', 'ioredis'] as const) stores.push(open(t, await cluster.connect(t, kind)))
  const redis = new Redis(cluster.ports[0]!)
  t.teardown(() => redis.disconnect())
  for (const [i, store] of stores.entries()) {
    await until(redis, () => stores.every(({ isCurrent }) => isCurrent))
    await store.revoke({ issuer, subject: `user ${i}` })
    await until(redis, () => stores[1 - i]!.isRevoked(tokenOf(`user ${i}`)) === true)
  }
})

test('a subscriber that cannot be one is refused', t => {
  const client = { sendCommand: async () => null }
  const subscriber = { subscribe: async () => {}, unsubscribe: async () => {} }
  const both = { ...client, ...subscriber }
  const cases: ReadonlyArray<[options: unknown, message: RegExp]> = [
    [{ client, subscriber: {} }, /^subscriber must be a client of redis or ioredis/], [{ client, subscriber: null }, /^subscriber must/],
    [{ client, subscriber: { subscribe: subscriber.subscribe } }, /^subscriber must be a client of redis/], [{ client, subscriber: { unsubscribe: subscriber.unsubscribe } }, /^subscriber must be a client of redis/],
    [{ client: both, subscriber: both }, /^subscriber must be another client than client/], [{ client, subscriber, maxStalenessMs: 1 }, /^maxStalenessMs must/]
  ]
  for (const [options, message] of cases) t.throws(() => createRedisRevocationStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID', message })
  t.end()
})
