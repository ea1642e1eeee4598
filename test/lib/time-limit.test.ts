import { test } from 'tap'
import { TimeLimitError, callHost, withinTime } from '../../lib/time-limit.ts'
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
