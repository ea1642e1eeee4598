import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import { readBody, readWhole } from '../../../lib/forward/request-body.ts'

const text = (stream: Readable): Promise<string> => stream.toArray().then(chunks => Buffer.concat(chunks as Buffer[]).toString())

test('a request body up to replayBytes is kept in memory', async t => {
  for (const [length, cap] of [[3, 3], [null, 3], [0, 0]] as const) {
    const source = Readable.from(length === 0 ? [] : [Buffer.from('ab'), Buffer.from('c')], { objectMode: false })
    t.match(await readBody(source, length, cap, 10_000), { kind: 'kept', bytes: Buffer.from(length === 0 ? '' : 'abc') })
  }
})

test('a request body over replayBytes is streamed complete, with and without Content-Length [R51]', async t => {
  for (const [length, cap] of [[3, 2], [null, 2], [null, 0], [3, 0]] as const) {
    const body = await readBody(Readable.from([Buffer.from('ab'), Buffer.from('c')], { objectMode: false }), length, cap, 10_000)
    if (body.kind !== 'passing') throw new Error(body.kind)
    t.equal(body.length, length)
    t.equal(await text(body.stream), 'abc')
  }
})

test('a request body that does not arrive within replayTimeoutMs is streamed from its first byte [R51]', async t => {
  const source = new PassThrough()
  source.write('ab')
  const body = await readBody(source, 3, 100, 1)
  if (body.kind !== 'passing') throw new Error(body.kind)
  source.end('c')
  t.equal(await text(body.stream), 'abc')
})

test('a source that ends too early is an error, and one that is gone already', async t => {
  const broken = new PassThrough()
  const reading = readWhole(broken, 10)
  broken.write('ab')
  broken.destroy(new Error('broken'))
  await t.rejects(reading, { message: 'broken' })

  const closed = new PassThrough()
  const waiting = readWhole(closed, 10)
  closed.destroy()
  await t.rejects(waiting, { message: 'the stream was closed before its end' })
  await t.rejects(readWhole(closed, 10), { message: 'the stream was closed before its end' })
})

test('what takes too long is given back, and what came by then', async t => {
  const source = new PassThrough()
  source.write('ab')
  t.equal(await readWhole(source, 10, 1), null)
  source.end('c')
  t.equal(await text(source), 'abc')
})

test('a last chunk over the cap is given back before the stream ends', async t => {
  const source = new Readable({ read () {} })
  const reading = readWhole(source, 2)
  setImmediate(() => {
    source.push('abc')
    source.push(null)
  })
  t.equal(await reading, null)
  t.equal(await text(source), 'abc')
})

test('a caller that disconnects in the middle ends the streamed body with an error [R53]', async t => {
  for (const how of ['close', 'error'] as const) {
    const source = new PassThrough()
    source.on('error', () => {})
    const body = await readBody(source, 100, 0, 10_000)
    if (body.kind !== 'passing') throw new Error(body.kind)
    const failed = once(body.stream, 'close')
    source.write('ab')
    source.destroy(how === 'error' ? new Error('reset') : undefined)
    await t.rejects(failed, { message: 'the caller was gone before the end of the body' })
  }
})

test('what nobody reads any more is read to its end all the same', async t => {
  const source = Readable.from([Buffer.alloc(100_000), Buffer.alloc(100_000)], { objectMode: false })
  const body = await readBody(source, 200_000, 0, 10_000)
  if (body.kind !== 'passing') throw new Error(body.kind)
  body.stream.destroy()
  await once(source, 'end')
  t.ok(source.readableEnded)
})

test('a body whose Content-Length is over replayBytes is streamed without waiting for its first byte [R51]', async t => {
  const source = new PassThrough()
  const body = await readBody(source, 3, 2, 2 ** 31 - 1)
  t.equal(body.kind, 'passing')
  source.destroy()
})

test('a source that fails after its body was kept ends no process', async t => {
  const source = new PassThrough({ autoDestroy: false })
  source.end('abc')
  t.same(await readBody(source, 3, 3, 10_000), { kind: 'kept', bytes: Buffer.from('abc') })
  t.doesNotThrow(() => source.emit('error', new Error('late')))
})

test('a source that was read keeps no listener of the reader, whether its body was kept or given back', async t => {
  const events = ['data', 'end', 'error', 'close'] as const
  for (const [maxBytes, maxMs] of [[3, 10_000], [2, 10_000], [3, null], [100, 1]] as const) {
    const source = new PassThrough({ autoDestroy: false })
    const before = events.map(event => source.listenerCount(event))
    if (maxBytes === 100) source.write('abc')
    else source.end('abc')
    await readWhole(source, maxBytes, maxMs)
    t.same(events.map(event => source.listenerCount(event)), before, `${maxBytes} bytes, ${maxMs} ms`)
  }
})

test('a streamed body that was read to its end leaves no listener at its source', async t => {
  const source = new PassThrough({ autoDestroy: false })
  const before = ['close', 'error', 'data'].map(event => source.listenerCount(event))
  const body = await readBody(source, null, 0, 1)
  if (body.kind !== 'passing') throw new Error(body.kind)
  const closed = once(body.stream, 'close')
  source.end('abc')
  t.equal(await text(body.stream), 'abc')
  await closed
  t.same(['close', 'error', 'data'].map(event => source.listenerCount(event)), [before[0], before[1]! + 1, before[2]], 'but that for a late error')
})

test('a source that fails without closing ends the streamed body with an error [R53]', async t => {
  const source = new PassThrough({ emitClose: false })
  const body = await readBody(source, 100, 0, 10_000)
  if (body.kind !== 'passing') throw new Error(body.kind)
  const failed = once(body.stream, 'close')
  source.destroy(new Error('reset'))
  await t.rejects(failed, { message: 'the caller was gone before the end of the body' })
})

test('a source that closes after its end takes nothing from the streamed body', async t => {
  const source = new PassThrough()
  const body = await readBody(source, null, 0, 1)
  if (body.kind !== 'passing') throw new Error(body.kind)
  source.end('abc')
  await once(source, 'close')
  t.equal(await text(body.stream), 'abc')
})

test('without a time limit no timer runs, however long the body takes', async t => {
  const timers = t.capture(globalThis, 'setTimeout', setTimeout)
  const source = new PassThrough()
  const reading = readWhole(source, 10)
  t.equal(timers().length, 0)
  source.end('late')
  t.equal((await reading)?.toString(), 'late')
})
