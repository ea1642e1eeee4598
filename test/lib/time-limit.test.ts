import { test } from 'tap'
import { TimeLimitError, withinTime } from '../../lib/time-limit.ts'

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
