import { once } from 'node:events'
import { test } from 'tap'
import { RedisStoreError } from '../../../lib/errors/store-errors.ts'
import type { StoreOutage } from '../../../lib/stores/outage.ts'
import { createOutageGuard, warnOfOutage } from '../../../lib/stores/outage.ts'
import { createTestClock } from '../../support/clock.ts'
import { createDeferred } from '../../support/deferred.ts'
import { turns, warningsOf } from '../../support/warnings.ts'

const down = new RedisStoreError('Redis did not answer SET within 5 ms')
const fail = async (): Promise<never> => { throw down }

function setup (onOutage?: (outage: StoreOutage) => void) {
  const clock = createTestClock()
  const outages: StoreOutage[] = []
  const guard = createOutageGuard({
    store: 'replays', whenUnavailable: 'refuse', retryAfterMs: 1000, clock, onOutage: onOutage ?? (outage => { outages.push(outage) })
  })
  return { clock, outages, guard }
}

test('in an outage calls fail at once, and one in each second tries', async t => {
  const { clock, outages, guard } = setup()
  let calls = 0
  const count = async (): Promise<never> => { calls++; throw down }
  for (let i = 0; i < 5; i++) await t.rejects(guard.attempt(count), down)
  t.equal(calls, 1)
  clock.advance(1)
  const gate = createDeferred<string>()
  const probe = guard.attempt(async () => await gate.promise)
  await t.rejects(guard.attempt(count), down, 'while it tries, the others fail at once')
  gate.resolve('up')
  t.equal(await probe, 'up')
  t.equal(await guard.attempt(async () => 'up'), 'up')
  t.equal(calls, 1)
  t.same(outages, [
    { store: 'replays', state: 'began', error: down, whenUnavailable: 'refuse', durationMs: 0 },
    { store: 'replays', state: 'ended', error: down, whenUnavailable: 'refuse', durationMs: 1000 }
  ])
})

test('an attempt that fails waits for the next second, and reports nothing new', async t => {
  const { clock, outages, guard } = setup()
  await t.rejects(guard.attempt(fail), down)
  for (let i = 0; i < 3; i++) {
    clock.advance(1)
    await t.rejects(guard.attempt(fail), down)
  }
  t.equal(outages.length, 1)
  clock.advance(0.9)
  let calls = 0
  await t.rejects(guard.attempt(async () => ++calls), down)
  t.equal(calls, 0)
  t.equal(await guard.insist(async () => ++calls), 1, 'who insists is let through, and ends the outage')
  t.equal(await guard.attempt(async () => ++calls), 2)
})

test('a failure is no outage when a later call was answered meanwhile, nor when the server is not the reason', async t => {
  const { outages, guard } = setup()
  const slow = createDeferred<never>()
  const late = guard.attempt(async () => await slow.promise)
  t.equal(await guard.attempt(async () => 1), 1)
  slow.reject(down)
  await t.rejects(late, down)
  await t.rejects(guard.attempt(async () => { throw new TypeError('a reply that makes no sense') }), TypeError)
  t.equal(await guard.attempt(async () => 2), 2)
  t.same(outages, [])
})

test('a report that fails refuses no request, and by default a process warning is the report', async t => {
  const warnings = warningsOf(t)
  const { clock, guard } = setup(() => { throw new Error('the logger is full') })
  await t.rejects(guard.attempt(fail), down)
  clock.advance(3)
  t.equal(await guard.attempt(async () => 1), 1)
  warnOfOutage({ store: 'revocations', state: 'began', error: down, whenUnavailable: 'local', durationMs: 0 })
  await turns()
  t.same(warnings, [
    'the store of replays is unavailable: the logger is full. Requests that need it get 503 until it answers again',
    'the store of replays is available again, after 3 s',
    'the store of revocations is unavailable: Redis did not answer SET within 5 ms. This server goes on with its local view until it answers again'
  ])
})

test('the warning about an outage has a name and a code', async t => {
  const warned = once(process, 'warning')
  warnOfOutage({ store: 'replays', state: 'began', error: down, whenUnavailable: 'refuse', durationMs: 0 })
  const [warning] = await warned as [Error & { code: string }]
  t.same([warning.name, warning.code], ['OAuthStoreWarning', 'FST_OAUTH_STORE_OUTAGE'])
})

test('a report cannot be changed by its receiver, and an outage that begins again is reported again', async t => {
  const { clock, outages, guard } = setup()
  for (let i = 0; i < 2; i++) {
    await t.rejects(guard.attempt(fail), down)
    clock.advance(2)
    t.equal(await guard.attempt(async () => i), i)
  }
  t.same(outages.map(({ state, durationMs }) => [state, durationMs]), [['began', 0], ['ended', 2000], ['began', 0], ['ended', 2000]])
  t.ok(outages.every(outage => Object.isFrozen(outage)))
})

test('a call of before the last answer begins no outage, however many were answered in between', async t => {
  const { outages, guard } = setup()
  const [first, second] = [createDeferred<number>(), createDeferred<number>()]
  const calls = [guard.attempt(async () => await first.promise), guard.attempt(async () => await second.promise), guard.attempt(async () => 3)]
  t.equal(await calls[2], 3)
  first.resolve(1)
  t.equal(await calls[0], 1)
  second.reject(down)
  await t.rejects(calls[1]!, down)
  t.same(outages, [])
  await t.rejects(guard.attempt(fail), down)
  t.equal(outages.length, 1)
})
