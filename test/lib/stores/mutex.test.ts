import { getEventListeners } from 'node:events'
import fc from 'fast-check'
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

test('where nobody is in, work begins at once', async t => {
  const queue = createMutex()
  for (let i = 0; i < 2; i++) {
    let hasBegun = false
    const one = queue(async () => { hasBegun = true })
    t.equal(hasBegun, true)
    await one
    await t.rejects(queue(async () => {}, AbortSignal.abort(new Error('before'))), /before/)
    await t.rejects(queue(async () => { throw new Error('no') }), /no/)
  }
})

test('never two at once, in whatever way they come, fail and give up', async () => {
  const caller = fc.record({ gap: fc.integer({ min: 0, max: 3 }), takes: fc.integer({ min: 0, max: 3 }), fails: fc.boolean(), givesUpAfter: fc.option(fc.integer({ min: 0, max: 6 })) })
  const turns = async (count: number): Promise<void> => { for (let i = 0; i < count; i++) await Promise.resolve() }
  await fc.assert(fc.asyncProperty(fc.array(caller, { maxLength: 8 }), async callers => {
    const queue = createMutex()
    const begun: number[] = []
    let inside = 0
    const results: Array<Promise<void>> = []
    for (const [index, { gap, takes, fails, givesUpAfter }] of callers.entries()) {
      await turns(gap)
      const controller = new AbortController()
      results.push(queue(async () => {
        begun.push(index)
        if (++inside > 1) throw new Error('two at once')
        await turns(takes)
        inside--
        if (fails) throw new Error('failed')
      }, controller.signal))
      if (givesUpAfter !== null) turns(givesUpAfter).then(() => controller.abort(new Error('gave up')), () => {})
    }
    const ends = (await Promise.allSettled(results)).map(result => result.status === 'rejected' ? (result.reason as Error).message : null)
    if (ends.includes('two at once')) throw new Error('two at once')
    const inOrder = [...begun].sort((one, other) => one - other)
    if (String(begun) !== String(inOrder)) throw new Error(`in the order ${begun}`)
    for (const [index, end] of ends.entries()) if (end !== 'gave up' && !begun.includes(index)) throw new Error(`${index} never began`)
  }), { numRuns: 500 })
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
