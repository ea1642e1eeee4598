import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { createSession } from '../../../../lib/client/session/session.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'
import type { RecordSeal } from '../../../../lib/stores/redis-record.ts'
import type { RedisTokenStoreOptions } from '../../../../lib/stores/tokens/redis-token-store.ts'
import { createRedisTokenStore } from '../../../../lib/stores/tokens/redis-token-store.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'
import { connectBreakable } from '../../../support/breakable-redis.ts'
import { createTestClock } from '../../../support/clock.ts'
import type { Deferred } from '../../../support/deferred.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'
import { turns, warningsOf } from '../../../support/warnings.ts'

const tokens = (name: string): TokenSet => ({
  accessToken: `at-${name}`, tokenType: 'Bearer', refreshToken: `rt-${name}`, expiresAt: 1_800_000_000_000, scopes: ['read', 'write']
})

interface Wait {
  readonly ms: number
  readonly pass: () => void
}

/** Time that passes when a test says so. */
function createWaits () {
  const begun: Array<Deferred<Wait>> = []
  const at = (index: number): Deferred<Wait> => {
    begun[index] ??= createDeferred()
    return begun[index]
  }
  let count = 0
  let asked = 0
  return {
    /** How many waits were begun. */
    count: () => count,
    /** The wait that was, or will be, begun after the last one that this gave. */
    next: () => at(asked++).promise,
    wait: async (ms: number, signal: AbortSignal | undefined) => {
      const passed = createDeferred<void>()
      const abort = (): void => { passed.reject(signal!.reason) }
      signal?.addEventListener('abort', abort)
      at(count++).resolve({ ms, pass: passed.resolve })
      await passed.promise
    }
  }
}

test('tokens in Redis', { skip: missingPart('redis') }, async t => {
  const { url, stop } = await startRedis(t)
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  t.beforeEach(() => redis.flushall())
  const open = (options: Partial<RedisTokenStoreOptions> = {}) => createRedisTokenStore({ client: redis, key: 'ann', ...options })
  const record = 'oauth-client:{ann}:tokens'
  const lock = 'oauth-client:{ann}:lock'

  for (const { name, connect } of clientKinds) {
    await t.test(`compare and set, over ${name} (R38)`, async t => {
      const clock = createTestClock()
      const store = open({ client: await connect(t, url), clock })
      const other = open({ clock })
      t.equal(await store.read(), null)
      t.equal(await store.write(tokens('x'), 1), null, 'there is no record to replace')
      t.equal(await store.read(), null)

      const first = (await store.write(tokens('1'), null))!
      t.same(first, { generation: clock.now(), tokens: tokens('1') })
      t.strictSame(await other.read(), first, 'the others see it')
      t.equal(await other.write(tokens('x'), null), null, 'there is one already')
      t.equal(await other.write(tokens('x'), first.generation - 1), null)

      const second = (await other.write({ ...tokens('2'), refreshToken: null, expiresAt: null, scopes: null }, first.generation))!
      t.ok(second.generation > first.generation, 'in the same millisecond, too')
      t.equal(await store.write(tokens('x'), first.generation), null)
      t.strictSame(await store.read(), second)

      const third = (await store.write(null, second.generation))!
      t.strictSame(await other.read(), { generation: third.generation, tokens: null }, 'R24 a session that is over stays')
      t.equal(await redis.hget(record, 'tokens'), '')
      clock.advance(-3600)
      t.ok((await store.write(tokens('3'), third.generation))!.generation > third.generation, 'a clock that is set back')
      t.equal(await redis.pttl(record), -1, 'it is kept')
    })

    await t.test(`one at a time, over ${name} (RFSH-05)`, async t => {
      const stores = await Promise.all([1, 2, 3].map(async () => open({ client: await connect(t, url), wait: async () => {} })))
      let inside = 0
      const results = await Promise.all(stores.flatMap(store => Array.from({ length: 5 }, () => store.exclusively(async () => {
        const before = ++inside
        const { generation = null } = await store.read() ?? {}
        const written = await store.write(tokens(String(generation)), generation)
        inside--
        return before === 1 && written !== null
      }))))
      t.same(results, Array(15).fill(true))
      await redis.ping()
    })
  }

  await t.test('of many that write in the place of one record, one does (R23)', async t => {
    const stores = [open(), open(), open()]
    const { generation } = (await stores[0]!.write(tokens('0'), null))!
    const written = await Promise.all(Array.from({ length: 30 }, (_, i) => stores[i % 3]!.write(tokens(String(i)), generation)))
    t.equal(written.filter(one => one !== null).length, 1)
    t.strictSame(await stores[0]!.read(), written.find(one => one !== null))
  })

  await t.test('a record that is forgotten', async t => {
    const clock = createTestClock()
    const store = open({ forgetAfterSeconds: 3600, clock })
    const first = (await store.write(tokens('1'), null))!
    const left = await redis.pttl(record)
    t.ok(left > 1_800_000 && left <= 3_600_000, String(left))
    await redis.del(record)
    clock.advance(3600)
    const again = (await store.write(tokens('2'), null))!
    t.ok(again.generation > first.generation, 'another record does not come under its generation')
    t.equal(await store.write(tokens('3'), first.generation), null)
    t.ok(await open().write(tokens('4'), again.generation))
    t.equal(await redis.pttl(record), -1, 'who does not forget keeps it')
  })

  await t.test('the lock of another is waited for', async t => {
    const { wait, next } = createWaits()
    const store = open({ wait, lockTtlMs: 3_600_000 })
    await redis.set(lock, 'another')
    let begun = false
    const done = store.exclusively(async () => {
      begun = true
      return await redis.pttl(lock)
    })
    const drawn = [0, 0.5, 0.999]
    t.intercept(Math, 'random', { value: () => drawn.shift() })
    for (let i = 0; i < 3; i++) {
      const { ms, pass } = await next()
      t.equal(ms, [25, 50, 74.95][i], 'with jitter')
      t.equal(begun, false)
      if (i === 2) await redis.del(lock)
      pass()
    }
    const left = await done
    t.ok(left > 1_800_000 && left <= 3_600_000, 'and the lock of one that dies runs out')
    t.equal(await redis.exists(lock), 0, 'one that is over is free at once')
  })

  await t.test('the wait can be ended', async t => {
    const { wait, next } = createWaits()
    const store = open({ wait })
    await redis.set(lock, 'another')
    const gone = new AbortController()
    const waiting = store.exclusively(async () => t.fail('it has no lock'), gone.signal)
    const behind = store.exclusively(async () => t.fail('it has no lock'), AbortSignal.any([gone.signal]))
    await next()
    gone.abort(new Error('gone'))
    await t.rejects(waiting, /gone/)
    await t.rejects(behind, /gone/)
    t.equal(await redis.get(lock), 'another')

    await redis.del(lock)
    const work = createDeferred<void>()
    const before = store.exclusively(() => work.promise)
    let outcome: unknown = null
    const third = store.exclusively(async () => t.fail('it has no lock'), AbortSignal.abort(new Error('gone'))).catch((error: unknown) => { outcome = error })
    await turns()
    t.match(outcome, /gone/, 'also behind work of this process')
    work.resolve()
    await Promise.all([before, third])
  })

  await t.test('a lock is renewed while its work goes on, and not for ever', async t => {
    const { wait, next, count } = createWaits()
    const store = open({ wait, lockTtlMs: 9_000_000, maxLockMs: 6_000_000 })
    const work = createDeferred<void>()
    const done = store.exclusively(() => work.promise)
    for (let i = 1; i <= 2; i++) {
      const { ms, pass } = await next()
      t.equal(ms, 3_000_000)
      await redis.pexpire(lock, 2_000_000)
      pass()
      await new Promise(resolve => { setImmediate(resolve) })
      // It is answered after the renewal, which was sent before over the same connection.
      t.ok(await redis.pttl(lock) > 2_000_000)
    }
    await new Promise(resolve => { setImmediate(resolve) })
    t.equal(count(), 2)
    work.resolve()
    await done
  })

  await t.test('by default a timer passes the time until a lock is renewed', async t => {
    const breakable = await connectBreakable(t, url)
    await open({ client: breakable.client }).exclusively(async () => { await turns() })
    t.same(breakable.commands, ['SET', 'EVAL'], 'taken and released')
  })

  await t.test('a renewal that fails is tried again the next time, as the lock is still there then', async t => {
    const { wait, next, count } = createWaits()
    const breakable = await connectBreakable(t, url)
    const store = open({ client: breakable.client, wait })
    const work = createDeferred<void>()
    const done = store.exclusively(() => work.promise)
    const { pass } = await next()
    breakable.isBroken = true
    pass()
    await turns()
    t.equal(count(), 2)
    breakable.isBroken = false
    await redis.pexpire(lock, 1000)
    const renewed = breakable.until(1)
    await Promise.all([next().then(({ pass }) => { pass() }), renewed])
    t.ok(await redis.pttl(lock) > 1000)
    work.resolve()
    await done
  })

  await t.test('a lock that ran out while its work went on is the next one\'s', async t => {
    const { wait, next } = createWaits()
    const store = open({ wait })
    const { generation } = (await store.write(tokens('0'), null))!
    const work = createDeferred<void>()
    const late = store.exclusively(async () => {
      await work.promise
      return await store.write(tokens('late'), generation)
    })
    const { pass } = await next()
    await redis.set(lock, 'another')
    pass()
    t.ok(await open().write(tokens('another'), generation))
    work.resolve()
    t.equal(await late, null, 'what it may still write does no harm')
    t.equal((await store.read())!.tokens!.accessToken, 'at-another')
    t.equal(await redis.get(lock), 'another', 'it neither renews nor ends the lock of another')
    t.equal(await redis.pttl(lock), -1)
  })

  await t.test('the lock ends with work that fails', async t => {
    const store = open()
    await t.rejects(store.exclusively(async () => { throw new Error('no') }), /no/)
    t.equal(await open().exclusively(async () => 'next'), 'next')
  })

  await t.test('sessions and applications do not meet', async t => {
    const keys = ['ann', 'ann}', '{ann}', '}', '{}', 'a/b', '%7D', 'ü', ' ', '\0', '{ann}:tokens']
    const stores = [...keys.map(key => open({ key })), open({ prefix: 'other:' })]
    for (const [i, store] of stores.entries()) t.ok(await store.write(tokens(String(i)), null))
    for (const [i, store] of stores.entries()) t.equal((await store.read())!.tokens!.accessToken, `at-${i}`)
    for (const key of await redis.keys('*')) t.match(key, /^[^{}]+\{[^{}]+\}:tokens$/, 'one slot of a cluster for each session')
  })

  await t.test('tokens that are sealed cannot be read or swapped in Redis (R54)', async t => {
    const seal = createTestSeal()
    const store = open({ seal })
    const { generation } = (await store.write(tokens('secret'), null))!
    t.strictSame(await store.read(), { generation, tokens: tokens('secret') })
    t.notMatch(JSON.stringify(await redis.hgetall(record)), /secret|Bearer/)
    await redis.copy(record, 'oauth-client:{bob}:tokens')
    const warnings = warningsOf(t)
    t.same(await open({ key: 'bob', seal }).read(), { generation, tokens: null }, 'not the tokens of another session')
    t.same(await open().read(), { generation, tokens: null }, 'sealed, and read without a seal')
    await turns()
    t.match(warnings, [/\{bob\}:tokens holds no record that can be read/, /\{ann\}:tokens/])
    t.notMatch(warnings.join(), /secret/)
    const down = { ...seal, unseal: () => { throw new Error('the key service does not respond') } }
    await t.rejects(open({ seal: down }).read(), /does not respond/, 'which does not end the session')
    t.ok(await store.write(null, generation))
    t.same((await store.read())!.tokens, null)
    await t.rejects(open({ seal: { ...seal, seal: () => { throw new Error('no key') } } }).write(tokens('x'), generation + 1), /no key/)
  })

  await t.test('a record that cannot be read counts as a session that is over: the user can sign in over it and sign out of it (F10)', async t => {
    for (const stored of ['secret', '{"accessToken":"secret"}', 'null']) {
      await redis.del(record)
      await redis.hset(record, { generation: '1', tokens: stored })
      const warnings = warningsOf(t)
      const store = open()
      t.same(await store.read(), { generation: 1, tokens: null })
      t.same(await store.read(), { generation: 1, tokens: null })
      await turns()
      t.match(warnings, [/^oauth-client:\{ann\}:tokens holds no record that can be read/], 'reported once')
      t.equal(warnings.length, 1)
      t.notMatch(warnings.join(), /secret/, 'R54')
      await createSession({ tokenStore: store, refresh: async given => given }).signOut()
      await createSession({ tokenStore: store, refresh: async given => given }).signIn(tokens('new'))
      t.same((await store.read())!.tokens, tokens('new'))
    }
  })

  await t.test('a key that holds something else is an error that does not show it', async t => {
    for (const fields of [{ generation: '1' }, ...['', 'x', '1x', 'x1', '-1', '1.5', '1\n'].map(generation => ({ generation, tokens: 'secret' }))]) {
      await redis.del(record)
      await redis.hset(record, fields)
      const error: unknown = await open().read().catch((error: unknown) => error)
      t.match(error, { name: 'TypeError', message: /^oauth-client:\{ann\}:tokens is not a token record/ })
      t.notMatch(inspect(error), /secret/)
    }
    await redis.set(record, 'a string')
    await t.rejects(open().read(), { name: 'RedisStoreError', message: /WRONGTYPE/ })
  })

  await t.test('a Redis that refuses leaves the old session as it was (R38)', async t => {
    const store = open()
    const first = (await store.write(tokens('1'), null))!
    await redis.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '~*', '+@read', '+hello', '+client', '+info', '+ping', '+select')
    const reader = new Redis(url, { username: 'reader', password: 'pw' })
    t.teardown(() => reader.disconnect())
    const refused = open({ client: reader })
    const error: unknown = await refused.write(tokens('secret'), first.generation).catch((error: unknown) => error)
    t.match(error, { name: 'RedisStoreError', message: /^Redis did not carry out EVAL: NOPERM/ })
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /secret/, 'R54')
    await t.rejects(refused.exclusively(async () => t.fail('it has no lock')), { message: /^Redis did not carry out SET: NOPERM/ })
    t.strictSame(await refused.read(), first)
  })

  await t.test('a Redis that does not answer in time (R38)', async t => {
    const store = open()
    const first = (await store.write(tokens('1'), null))!
    const paused = new Redis(url)
    t.teardown(() => paused.disconnect())
    await redis.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    const hasty = open({ client: paused, timeoutMs: 20 })
    await t.rejects(hasty.write(tokens('2'), first.generation), { name: 'RedisStoreError', message: 'Redis did not answer EVAL within 20 ms' })
    t.strictSame(await store.read(), first)
    await redis.call('CLIENT', 'UNPAUSE')
    await paused.ping()
    t.strictSame((await store.read())!.tokens, tokens('2'), 'what it does later, it does as a whole')
    t.equal(await store.write(tokens('3'), first.generation), null)
  })

  await t.test('a Redis that is gone (R38)', async t => {
    await stop()
    const store = open({ timeoutMs: 50 })
    await t.rejects(store.read(), { name: 'RedisStoreError' })
    await t.rejects(store.write(tokens('1'), null), { name: 'RedisStoreError' })
    await t.rejects(store.exclusively(async () => t.fail('it has no lock')), { name: 'RedisStoreError' })
  })
})

function createTestSeal (): RecordSeal {
  const secret = randomBytes(32)
  return {
    seal (text, key) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(key))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    unseal (sealed, key) {
      const bytes = Buffer.from(sealed, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12)).setAAD(Buffer.from(key)).setAuthTag(bytes.subarray(12, 28))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    }
  }
}

test('a client that makes something else of the answers', async t => {
  for (const reply of [undefined, Buffer.from('OK'), '1', '12', 1n, [], ['1'], [1, ''], [Buffer.from('1'), Buffer.from('')]]) {
    const store = createRedisTokenStore({ client: { sendCommand: async () => reply }, key: 'ann' })
    await t.rejects(store.exclusively(async () => t.fail('it has no lock')), TypeError)
    await t.rejects(store.write(tokens('secret'), null), TypeError)
    await t.rejects(store.read(), { name: 'TypeError', message: /^oauth-client:\{ann\}:tokens is not a token record/ })
  }
})

test('options that are none', t => {
  const client = { sendCommand: async () => null }
  const cases: ReadonlyArray<[options: unknown, message: RegExp]> = [
    [{ key: 'ann' }, /client/], [{ client: {}, key: 'ann' }, /^client must be a client of redis or ioredis/], [{ client }, /key/], [{ client, key: '' }, /^key must/],
    [{ client, key: '\uD800' }, /^key must be well-formed text$/], [{ client, key: 'ann', prefix: 'a{' }, /^prefix must/],
    [{ client, key: 'ann', seal: { seal () {} } }, /^`seal.unseal` is required/], [{ client, key: 'ann', lockTtlMs: 0 }, /^lockTtlMs must/], [{ client, key: 'ann', timeoutMs: NaN }, /^timeoutMs must/],
    [{ client, key: 'ann', forgetAfterSeconds: 1.5 }, /^forgetAfterSeconds must/], [{ client, key: 'ann', ttl: 5 }, /unknown option "ttl"/]
  ]
  for (const [options, message] of cases) {
    t.throws(() => createRedisTokenStore(options as never), OptionError)
    t.throws(() => createRedisTokenStore(options as never), { message })
  }
  t.end()
})
