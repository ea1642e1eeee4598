import { getEventListeners } from 'node:events'
import { test } from 'tap'
import { createMutex } from '../../../lib/stores/mutex.ts'
import { createDeferred } from '../../support/deferred.ts'

test('one after the other, in the order in which they came', async t => {
  const queue = createMutex()
  const log: string[] = []
  const first = createDeferred<void>()
  const one = queue(async () => {
    log.push('one begins')
    await first.promise
    log.push('one ends')
    return 1
  })
  const two = queue(async () => { log.push('two') })
  const three = queue(async () => { log.push('three') })
  await Promise.resolve()
  first.resolve()
  t.equal(await one, 1)
  await Promise.all([two, three])
  t.same(log, ['one begins', 'one ends', 'two', 'three'])
})

test('work that fails lets the next one in', async t => {
  const queue = createMutex()
  const failing = queue(async () => { throw new Error('no') })
  const next = queue(async () => 'next')
  await t.rejects(failing, /no/)
  t.equal(await next, 'next')
})

test('who gives up the wait does not begin, and lets nobody pass those before it', async t => {
  const queue = createMutex()
  const first = createDeferred<void>()
  const gone = new AbortController()
  const log: string[] = []
  const one = queue(async () => {
    await first.promise
    log.push('one')
  })
  const two = queue(async () => { log.push('two') }, gone.signal)
  const three = queue(async () => { log.push('three') }, new AbortController().signal)
  gone.abort(new Error('gone'))
  await t.rejects(two, /gone/)
  t.same(log, [])
  first.resolve()
  await Promise.all([one, three])
  t.same(log, ['one', 'three'])

  await t.rejects(queue(async () => { log.push('never') }, AbortSignal.abort(new Error('before'))), /before/)
  t.equal(await queue(async () => 'free'), 'free')
  t.same(log, ['one', 'three'])
})

test('a wait that ended leaves no listener at its signal', async t => {
  const queue = createMutex()
  const { signal } = new AbortController()
  t.equal(await queue(async () => getEventListeners(signal, 'abort').length, signal), 0)
  const failing = new AbortController()
  const first = createDeferred<void>()
  const one = queue(async () => { await first.promise })
  const two = queue(async () => 2, failing.signal)
  await new Promise(resolve => { setImmediate(resolve) })
  t.equal(getEventListeners(failing.signal, 'abort').length, 1)
  failing.abort(new Error('gone'))
  await t.rejects(two, /gone/)
  t.equal(getEventListeners(failing.signal, 'abort').length, 0)
  first.resolve()
  await one
})
