import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import { readBody } from '../../../lib/mcp/read-body.ts'

test('a body is read to its end', async t => {
  t.equal(String(await readBody(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 3)), 'abc')
  t.equal(String(await readBody(Readable.from([]), 3, 60_000)), '')
})

test('a body that is too long is not read to its end', async t => {
  t.equal(await readBody(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 3), null)
})

test('a body without a time limit has no timer', async t => {
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const source = new PassThrough()
  const before = timers()
  const reading = readBody(source, 3)
  t.equal(timers(), before)
  source.end('abc')
  t.equal(String(await reading), 'abc')
})

test('a body that is too slow is not waited for', async t => {
  t.equal(await readBody(new PassThrough(), 3, 1), null)
})

test('a connection that ends before its body does', async t => {
  const broken = new PassThrough()
  const reading = readBody(broken, 3)
  broken.destroy(new Error('reset'))
  await t.rejects(reading, { message: 'reset' })
  const closed = new PassThrough()
  const waiting = readBody(closed, 3)
  closed.destroy()
  await t.rejects(waiting, { message: 'the connection ended before the body' })
  await t.rejects(readBody(closed, 3), { message: 'the connection ended before the body' }, 'and one that had ended before it was read')
})

test('a body that was read, or given up, leaves no listener: what still comes of it is not kept', async t => {
  const events = ['data', 'end', 'error', 'close'] as const
  for (const [name, finish] of [
    ['read', source => source.end('abc')],
    ['too long', source => source.write('abcd')],
    ['broken', source => source.destroy(new Error('reset'))],
    ['closed', source => source.destroy()]
  ] as ReadonlyArray<readonly [string, (source: PassThrough) => unknown]>) {
    const source = new PassThrough()
    const listeners = (): number[] => events.map(event => source.listenerCount(event))
    const before = listeners()
    const reading = readBody(source, 3).catch(() => null)
    t.strictSame(listeners(), before.map(count => count + 1), name)
    finish(source)
    await reading
    t.strictSame(listeners(), before, name)
  }
})
