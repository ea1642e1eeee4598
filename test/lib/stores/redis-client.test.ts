import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { RedisStoreError } from '../../../lib/errors/store-errors.ts'
import { createScript, createSendCommand } from '../../../lib/stores/redis-client.ts'
import { missingPart } from '../../support/missing-part.ts'
import { clientKinds } from '../../support/redis-clients.ts'
import { startRedis } from '../../support/redis-server.ts'

test('every client', { skip: missingPart('redis') }, async t => {
  const { url, stop } = await startRedis(t)
  const clients = await Promise.all(clientKinds.map(async ({ name, connect }) => ({ name, send: createSendCommand(await connect(t, url), 5000) })))

  for (const { name, send } of clients) {
    await t.test(name, async t => {
      t.equal(await send(['SET', 'key', 'välue\0']), 'OK')
      t.equal(await send(['SET', 'key', 'other', 'NX']), null)
      t.equal(await send(['GET', 'key']), 'välue\0')
      t.same(await send(['MGET', 'key', 'none']), ['välue\0', null])
      t.equal(await send(['EVAL', 'return redis.call("EXISTS", KEYS[1])', '1', 'key']), 1)

      await t.rejects(send(['INCR', 'key']), { name: 'RedisStoreError', message: /^Redis did not carry out INCR: .*not an integer/ })
      await t.rejects(send(['NONSENSE', 'secret-1']), { message: /^Redis did not carry out NONSENSE: ERR unknown command 'NONSENSE'$/ })
    })
  }

  await t.test('an error holds no word of the command (R54)', async t => {
    for (const { name, send } of clients) {
      const error: unknown = await send(['EVAL', 'return redis.error_reply("no")', '0', 'secret-1']).catch((error: unknown) => error)
      t.ok(error instanceof RedisStoreError, name)
      t.notMatch(inspect(error, { depth: 9, showHidden: true }), /secret-1/)
    }
    const ioredis = new Redis(url)
    t.teardown(() => ioredis.disconnect())
    const theirs: unknown = await ioredis.call('NONSENSE', 'secret-1').catch((error: unknown) => error)
    t.match(inspect(theirs), /secret-1/, 'as that of a client does')
  })

  await t.test('a script is sent as a whole once, and by its digest from then on', async t => {
    const names: string[] = []
    const run = createScript(async command => {
      names.push(command[0]!)
      return await clients[0]!.send(command)
    }, 'return { KEYS[1], ARGV[1] }')
    for (let i = 0; i < 2; i++) t.same(await run(['key'], ['word']), ['key', 'word'])
    t.same(names, ['EVALSHA', 'EVAL', 'EVALSHA'])
  })

  await t.test('a Redis that is gone is an error', async t => {
    await stop()
    for (const { name, send } of clients.slice(0, 2)) await t.rejects(send(['GET', 'key']), { name: 'RedisStoreError', message: /^Redis did not / }, name)
  })
})

test('an answer that does not come', async t => {
  const never = { sendCommand: () => new Promise<never>(() => {}) }
  await t.rejects(createSendCommand(never, 1)(['GET', 'key']), new RedisStoreError('Redis did not answer GET within 1 ms'))

  const gone = new AbortController()
  const waiting = createSendCommand(never, 60_000)(['GET', 'key'], gone.signal)
  gone.abort(new Error('gone'))
  await t.rejects(waiting, /gone/)

  let sent = 0
  const counting = createSendCommand({ sendCommand: async () => ++sent }, 60_000)
  await t.rejects(counting(['GET', 'key'], AbortSignal.abort(new Error('before'))), /before/)
  t.equal(sent, 0)
  const { signal } = new AbortController()
  t.equal(await counting(['GET', 'key'], signal), 1)
  t.same([...getEventListeners(signal, 'abort'), ...getEventListeners(gone.signal, 'abort')], [], 'no listener stays at a signal, which may live as long as the process')
})

test('a client that throws', async t => {
  for (const [thrown, message] of [[new Error(''), 'Error'], ['secret-1', 'unknown error'], [new Error('x'.repeat(300)), 'x'.repeat(200)]] as const) {
    const send = createSendCommand({ sendCommand () { throw thrown } }, 60_000)
    const error: unknown = await send(['GET', 'key']).catch((error: unknown) => error)
    t.ok(error instanceof RedisStoreError)
    t.equal((error as Error).message, `Redis did not carry out GET: ${message}`)
  }
})

test('reads go to the primary: a replica may not know yet what was revoked', async t => {
  const send = async (client: object): Promise<unknown> => await createSendCommand(client, 60_000)(['GET', 'key'])
  const sendCommand = async (...given: unknown[]): Promise<unknown> => given
  t.same(await send({ masters: [], sendCommand }), ['key', false, ['GET', 'key']], 'of a cluster')
  t.same(await send({ getMasterNode () {}, sendCommand }), [false, ['GET', 'key']], 'behind sentinels')
})

test('what is no client', t => {
  for (const client of [undefined, null, 'redis://:secret@localhost', {}, { call: 7 }, { sendCommand: 'x' }]) {
    t.throws(() => createSendCommand(client, 1), new OptionError('client must be a client of redis or ioredis, or have a function sendCommand'))
  }
  t.end()
})
