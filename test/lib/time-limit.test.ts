import { getEventListeners } from 'node:events'
import { test } from 'tap'
import { TimeLimitError, callHost, orAborted, withinTime } from '../../lib/time-limit.ts'
import { createDeferred } from '../support/deferred.ts'

test('what comes in time is the answer, good or bad', async t => {
  const down = new Error('down')
  t.equal(await withinTime(Promise.resolve(7), 1000), 7)
  await t.rejects(withinTime(Promise.reject(down), 1000), down)
  t.equal(await withinTime({ then: (resolve: (value: number) => void) => resolve(7) } as PromiseLike<number>, 1000), 7, 'of another make')
})

test('what does not come in time is none, and what comes too late bothers nobody', async t => {
  let fail: (error: Error) => void = () => {}
  const late = new Promise<number>((_resolve, reject) => { fail = reject })
  await t.rejects(withinTime(late, 1), { name: 'TimeLimitError', message: 'no answer within 1 ms' })
  // A rejection that nobody handles would end the test run.
  fail(new Error('too late'))
  await new Promise(setImmediate)
})

test('an answer leaves no timer behind', async t => {
  const timersBefore = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  await withinTime(Promise.resolve(), 60_000)
  await withinTime(Promise.reject(new TimeLimitError(1)), 60_000).catch(() => {})
  await new Promise(setImmediate)
  t.equal(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length, timersBefore)
})

test('a function that answers at once, or later, is what was asked for', async t => {
  t.equal(await callHost(1, () => 5), 5)
  t.equal(await callHost(1, () => null), null)
  t.equal(await callHost(1, () => undefined), undefined)
  t.equal(await callHost(60_000, async () => 5), 5)
  t.equal(await callHost(60_000, () => ({ then: (resolve: (value: number) => void) => resolve(5) }) as Promise<number>), 5, 'a promise of any kind')
})

test('a function that fails, fails as it does', async t => {
  const error = new Error('down')
  await t.rejects(callHost(1, () => { throw error }), error)
  await t.rejects(callHost(60_000, () => Promise.reject(error)), error)
})

test('a function that does not answer has failed, and may still answer to nobody', async t => {
  const late = createDeferred<number>()
  await t.rejects(callHost(1, () => late.promise), new TimeLimitError(1))
  late.reject(new Error('too late to matter'))
  t.equal(new TimeLimitError(7).message, 'no answer within 7 ms')
})

test('a caller whose signal is aborted already does not wait', async t => {
  const gone = new Error('gone')
  await t.rejects(orAborted(new Promise(() => {}), AbortSignal.abort(gone)), gone)
})

test('a caller whose signal is aborted stops waiting, and those who share the promise go on', async t => {
  const shared = createDeferred<string>()
  const controller = new AbortController()
  const stopped = orAborted(shared.promise, controller.signal)
  const others = [orAborted(shared.promise, new AbortController().signal), orAborted(shared.promise, null)]
  const gone = new Error('gone')
  controller.abort(gone)
  await t.rejects(stopped, gone)
  shared.resolve('in time')
  t.strictSame(await Promise.all(others), ['in time', 'in time'])
})

test('no listener stays on the signal of a caller', async t => {
  const { signal } = new AbortController()
  t.equal(await orAborted(Promise.resolve('in time'), signal), 'in time')
  await t.rejects(orAborted(Promise.reject(new Error('down')), signal), /down/)
  t.equal(getEventListeners(signal, 'abort').length, 0)
})
