import { getEventListeners } from 'node:events'
import { test } from 'tap'
import { createTimer, withAnySignal, within } from '../../../../lib/client/session/time-limit.ts'

const never = new AbortController().signal

test('no listener stays on a long-lived signal', async t => {
  const { signal } = new AbortController()
  const dependents = (): unknown => {
    const symbol = Object.getOwnPropertySymbols(signal).find(one => String(one).includes('DependantSignals'))
    return symbol === undefined ? undefined : (signal as unknown as Record<symbol, unknown>)[symbol]
  }
  const wait = createTimer(never)
  for (let i = 0; i < 20; i++) await within(1000, signal, wait, async () => i)
  t.equal(getEventListeners(signal, 'abort').length, 0)
  t.equal(dependents(), undefined)

  const released = new AbortController().signal
  await createTimer(released)(1, signal)
  t.equal(getEventListeners(released, 'abort').length, 0)
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

test('the first of several signals ends the work, with its reason', async t => {
  const [one, two] = [new AbortController(), new AbortController()]
  const reason = new Error('enough')
  const seen = await withAnySignal([one.signal, two.signal], async signal => {
    two.abort(reason)
    return signal.reason as unknown
  })
  t.equal(seen, reason)
  t.equal(await withAnySignal([one.signal, two.signal], async () => 1).catch((error: unknown) => error), reason)
  t.ok(await withAnySignal([one.signal], async (signal, end) => {
    end()
    return signal.aborted
  }))
})

test('work ends after its time limit [R34]', async t => {
  const signals: AbortSignal[] = []
  await t.rejects(within(1, never, createTimer(never), async signal => {
    signals.push(signal)
    return await new Promise(() => {})
  }), { name: 'TimeLimitError', message: 'no answer within 1 ms' })
  t.ok(signals[0]!.aborted)
})

test('a timer that was let go keeps no process from ending, and is a timer all the same', async t => {
  const released = new AbortController()
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const wait = createTimer(released.signal)
  const caller = new AbortController()
  const first = wait(60_000, caller.signal)
  t.equal(timers(), before + 1)
  released.abort()
  t.equal(timers(), before)
  const reason = new Error('enough')
  caller.abort(reason)
  t.equal(await first.catch((error: unknown) => error), reason)

  const keepsGoing = setTimeout(() => {}, 60_000)
  await wait(1, never)
  const second = wait(60_000, caller.signal).catch((error: unknown) => error)
  t.equal(timers(), before + 1, 'one that is begun later neither')
  clearTimeout(keepsGoing)
  t.equal(await second, reason)
})

test('a timer that was stopped, or that begins after all were let go, leaves nothing behind', async t => {
  const released = new AbortController()
  const caller = new AbortController()
  const stopped = createTimer(released.signal)(60_000, caller.signal)
  caller.abort(new Error('enough'))
  await t.rejects(stopped, { message: 'enough' })
  t.equal(getEventListeners(released.signal, 'abort').length, 0)

  released.abort()
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const other = new AbortController()
  const late = createTimer(released.signal)(60_000, other.signal)
  t.equal(timers(), before, 'it keeps no process from ending')
  other.abort(new Error('enough'))
  await t.rejects(late, { message: 'enough' })
})

test('work whose time is no longer counted sees an AbortError, as fetch reports it', async t => {
  const reason = await withAnySignal([], async (signal, end) => {
    end()
    return signal.reason as unknown
  })
  t.match(reason, { name: 'AbortError' })
})
