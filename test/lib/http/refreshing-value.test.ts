import { test } from 'tap'
import type { Loaded, RefreshingValue, RefreshSettings } from '../../../lib/http/refreshing-value.ts'
import { createRefreshingValue } from '../../../lib/http/refreshing-value.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'
import type { Deferred } from '../../support/deferred.ts'
import { createDeferred } from '../../support/deferred.ts'

const rules: RefreshSettings = {
  minAgeMs: 60_000,
  maxAgeMs: 86_400_000,
  defaultAgeMs: 600_000,
  coolDownMs: 30_000,
  retryAfterMs: 5000,
  maxStaleMs: 3_600_000
}

interface Source {
  readonly clock: TestClock
  readonly refreshed: RefreshingValue<string>
  /** What was asked for and not answered yet, and how often anything was asked for. */
  readonly asked: Array<Deferred<Loaded<string>>>
  /** Answers by itself from now on; an error for a failure. */
  be (answer: string | Error, maxAgeSeconds?: number | null): void
}

function createSource (changes: Partial<RefreshSettings> = {}): Source {
  const clock = createTestClock()
  const asked: Array<Deferred<Loaded<string>>> = []
  let answer: (() => Promise<Loaded<string>>) | null = null
  const load = (): Promise<Loaded<string>> => {
    const deferred = createDeferred<Loaded<string>>()
    asked.push(deferred)
    return answer === null ? deferred.promise : answer()
  }
  return {
    clock,
    asked,
    refreshed: createRefreshingValue(load, { ...rules, ...changes }, clock),
    be (given, maxAgeSeconds = null) {
      answer = async () => {
        if (given instanceof Error) throw given
        return { value: given, maxAgeSeconds }
      }
    }
  }
}

const down = new Error('down')

/** What is done behind a value that was served is over then. */
const settled = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

/** The value, or the error as text. */
async function outcome (promise: Promise<string> | null): Promise<string> {
  return String(await promise?.catch((error: unknown) => error))
}

test('nothing is asked before it is needed, and then once', async t => {
  const { asked, refreshed, be } = createSource()
  t.equal(asked.length, 0)
  be('a')
  t.equal(await refreshed.get(), 'a')
  t.equal(await refreshed.get(), 'a')
  t.equal(asked.length, 1)
})

test('everybody waits for the one look-up that is under way', async t => {
  const { asked, refreshed } = createSource()
  const gets = Array.from({ length: 100 }, () => refreshed.get())
  t.equal(asked.length, 1)
  asked[0]!.resolve({ value: 'a', maxAgeSeconds: null })
  t.strictSame(new Set(await Promise.all(gets)), new Set(['a']))
  t.equal(asked.length, 1)
})

test('and fails with it', async t => {
  const { asked, refreshed } = createSource()
  const gets = Array.from({ length: 100 }, () => refreshed.get())
  asked[0]!.reject(down)
  t.strictSame(new Set((await Promise.allSettled(gets)).map(({ status }) => status)), new Set(['rejected']))
  t.equal(asked.length, 1)
})

test('how long a value is kept', async t => {
  const cases: Array<[maxAgeSeconds: number | null, seconds: number]> = [
    [null, 600], [0, 60], [59, 60], [60, 60], [61, 61], [3600, 3600], [86_400, 86_400], [86_401, 86_400], [9_999_999_999, 86_400]
  ]
  for (const [maxAgeSeconds, seconds] of cases) {
    const { asked, clock, refreshed, be } = createSource()
    be('a', maxAgeSeconds)
    await refreshed.get()
    clock.advance(seconds - 0.001)
    await refreshed.get()
    t.equal(asked.length, 1, `${maxAgeSeconds}: still kept`)
    be('b')
    clock.advance(0.001)
    t.equal(await refreshed.get(), 'a', `${maxAgeSeconds}: served while it is renewed`)
    t.equal(await refreshed.get(), 'b', `${maxAgeSeconds}: renewed`)
    t.equal(asked.length, 2)
  }
})

test('a cold start that fails', async t => {
  const { asked, clock, refreshed, be } = createSource()
  be(down)
  t.equal(await outcome(refreshed.get()), 'Error: down')
  clock.advance(4.999)
  be('a')
  t.equal(await outcome(refreshed.get()), 'Error: down', 'is not repeated at once')
  t.equal(asked.length, 1)
  clock.advance(0.001)
  t.equal(await refreshed.get(), 'a', 'and heals by itself')
  t.equal(asked.length, 2)
})

test('an outage', async t => {
  const { asked, clock, refreshed, be } = createSource()
  be('a')
  await refreshed.get()
  clock.advance(600)
  be(down)
  t.equal(await refreshed.get(), 'a', 'the last good value serves')
  t.equal(asked.length, 2)
  t.equal(await refreshed.get(), 'a')
  t.equal(asked.length, 2, 'the failed look-up is not repeated at once')
  await settled()
  clock.advance(5)
  t.equal(await refreshed.get(), 'a')
  t.equal(asked.length, 3, 'and then it is')
  await settled()
  clock.advance(3594.999)
  t.equal(await refreshed.get(), 'a', 'up to the last moment')
  await settled()
  clock.advance(0.001)
  t.equal(await outcome(refreshed.get()), 'Error: down', 'but not for ever: while the failure cools down')
  clock.advance(5)
  t.equal(await outcome(refreshed.get()), 'Error: down', 'and with a look-up that fails')
  t.equal(asked.length, 5)
  clock.advance(5)
  be('b')
  t.equal(await refreshed.get(), 'b', 'until it is over')
})

test('no last good value serves where none may', async t => {
  const { clock, refreshed, be } = createSource({ maxStaleMs: 0 })
  be('a')
  await refreshed.get()
  clock.advance(600)
  be(down)
  t.equal(await outcome(refreshed.get()), 'Error: down')
  t.equal(await outcome(refreshed.get()), 'Error: down')
})

test('RFC 5861 3: a value that is due is served at once, however long its renewal takes (C2)', async t => {
  const { asked, clock, refreshed } = createSource()
  const first = refreshed.get()
  asked[0]!.resolve({ value: 'a', maxAgeSeconds: null })
  await first
  clock.advance(600)
  for (let i = 0; i < 100; i++) {
    t.equal(refreshed.peek(), 'a')
    t.equal(await refreshed.get(), 'a')
    clock.advance(1)
  }
  t.equal(asked.length, 2, 'one look-up is under way')
  asked[1]!.resolve({ value: 'b', maxAgeSeconds: null })
  await settled()
  t.equal(refreshed.peek(), 'b')
})

test('a renewal that fails behind is reported, and the value served meanwhile', async t => {
  const clock = createTestClock()
  const reported: unknown[] = []
  let answer = async (): Promise<Loaded<string>> => ({ value: 'a', maxAgeSeconds: null })
  const refreshed = createRefreshingValue(async () => await answer(), rules, clock, error => { reported.push(error) })
  await refreshed.get()
  answer = async () => { throw down }
  clock.advance(600)
  t.equal(refreshed.peek(), 'a')
  await settled()
  t.strictSame(reported, [down])
})

test('what can be said without waiting', async t => {
  const { clock, refreshed, be } = createSource({ maxStaleMs: 0 })
  t.equal(refreshed.peek(), undefined)
  t.equal(refreshed.isFresh('a'), false)
  t.equal(refreshed.loadedAt(), -Infinity)
  be('a')
  await refreshed.get()
  t.equal(refreshed.peek(), 'a')
  t.strictSame([refreshed.isFresh('a'), refreshed.isFresh('b')], [true, false])
  t.equal(refreshed.loadedAt(), clock.now())
  clock.advance(600)
  t.strictSame([refreshed.peek(), refreshed.isFresh('a')], [undefined, false])
})

test('a clock that is set back does not keep a value longer (D9)', async t => {
  const { asked, clock, refreshed, be } = createSource()
  be('a')
  await refreshed.get()
  clock.advance(-86_400)
  await refreshed.get()
  clock.advance(600)
  be('b')
  t.equal(await refreshed.get(), 'a')
  t.equal(await refreshed.get(), 'b')
  t.equal(asked.length, 2)
})

test('a failed forced look-up does no harm to a value that is not due', async t => {
  const { asked, refreshed, be } = createSource()
  be('a')
  await refreshed.get()
  be(down)
  t.equal(await outcome(refreshed.reloadUnlessChanged('a')), 'Error: down')
  t.equal(await refreshed.get(), 'a')
  t.equal(asked.length, 2)
})

test('something newer', async t => {
  const { asked, clock, refreshed, be } = createSource()
  be('a')
  t.equal(await refreshed.get(), 'a')
  be('b')
  t.equal(await refreshed.reloadUnlessChanged('a'), 'b', 'right after the start')
  t.equal(await refreshed.reloadUnlessChanged('a'), 'b', 'is not asked for when it is there already')
  t.equal(asked.length, 2)
  be('c')
  t.equal(refreshed.reloadUnlessChanged('b'), null, 'nor within the cool-down, and nobody waits for that')
  clock.advance(29.999)
  t.equal(refreshed.reloadUnlessChanged('b'), null)
  t.equal(asked.length, 2)
  clock.advance(0.001)
  t.equal(await refreshed.reloadUnlessChanged('b'), 'c', 'and then it is')
  t.equal(asked.length, 3)
})

test('a thousand who miss something cause one look-up', async t => {
  const { asked, refreshed, be } = createSource()
  be('a')
  await refreshed.get()
  await Promise.all(Array.from({ length: 1000 }, () => refreshed.reloadUnlessChanged('a')))
  for (let i = 0; i < 1000; i++) await refreshed.reloadUnlessChanged('a')
  t.equal(asked.length, 2)
})

test('who misses something joins a look-up that is under way', async t => {
  const { asked, clock, refreshed, be } = createSource()
  const first = refreshed.get()
  asked[0]!.resolve({ value: 'a', maxAgeSeconds: null })
  await first
  clock.advance(600)
  const both = [refreshed.get(), refreshed.reloadUnlessChanged('a')]
  asked[1]!.resolve({ value: 'b', maxAgeSeconds: null })
  t.strictSame(await Promise.all(both), ['a', 'b'])
  t.equal(asked.length, 2)
  be('c')
  t.equal(await refreshed.reloadUnlessChanged('b'), 'c', 'and that was not a forced one')
})

test('what is missing may exist, as long as nobody could say', async t => {
  const { asked, clock, refreshed, be } = createSource()
  be('a')
  await refreshed.get()
  be(down)
  t.equal(await outcome(refreshed.reloadUnlessChanged('a')), 'Error: down')
  t.equal(await outcome(refreshed.reloadUnlessChanged('a')), 'Error: down', 'while the failure cools down')
  t.equal(asked.length, 2)
  for (let i = 1; i <= 10; i++) {
    clock.advance(5)
    t.equal(await outcome(refreshed.reloadUnlessChanged('a')), 'Error: down', `and ${5 * i} seconds later`)
    t.equal(asked.length, 2 + i, 'one look-up each time')
  }
  clock.advance(5)
  be('b')
  t.equal(await refreshed.reloadUnlessChanged('a'), 'b', 'and it is there as soon as somebody can')
})

test('a cool-down that began before an outage ends with it', async t => {
  const { asked, clock, refreshed, be } = createSource({ minAgeMs: 10_000 })
  be('a', 0)
  await refreshed.get()
  t.equal(await refreshed.reloadUnlessChanged('a'), 'a')
  be(down)
  clock.advance(10)
  t.equal(await refreshed.get(), 'a')
  await settled()
  clock.advance(5)
  t.equal(await outcome(refreshed.reloadUnlessChanged('a')), 'Error: down', 'fifteen seconds into a cool-down of thirty')
  t.equal(asked.length, 4)
})

test('a failure that is over is over, should the clock be set back too', async t => {
  const { clock, refreshed, be } = createSource()
  be(down)
  t.equal(await outcome(refreshed.get()), 'Error: down')
  clock.advance(5)
  be('a')
  t.equal(await refreshed.get(), 'a')
  clock.advance(-4)
  be('b')
  t.equal(await refreshed.reloadUnlessChanged('a'), 'b')
})
