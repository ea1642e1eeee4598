import { test } from 'tap'
import { createMemoryReplayStore } from '../../../../lib/stores/replay/memory-replay-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { replaySuite } from '../../../support/replay-suite.ts'

replaySuite('replays in memory', clock => {
  const store = createMemoryReplayStore({ clock })
  return [store, store]
}, { numRuns: 200 })

test('an identifier is remembered until its time, and forgotten soon after it', t => {
  const clock = createTestClock()
  const store = createMemoryReplayStore({ clock })
  const untilMs = clock.now() + 300_000
  t.equal(store.seen('a', untilMs), false)
  t.equal(store.seen('b', untilMs + 60_000), false)
  clock.advance(299)
  t.equal(store.seen('a', untilMs), true)
  t.equal(store.size, 2)
  clock.advance(1)
  t.equal(store.seen('b', untilMs), true)
  t.equal(store.size, 1, 'forgotten in the millisecond of its time')
  clock.advance(30)
  t.equal(store.seen('b', untilMs), true)
  t.equal(store.seen('a', clock.now() + 1000), false)
  t.end()
})

test('a full store refuses new identifiers, and forgets none before its time', t => {
  const clock = createTestClock()
  const store = createMemoryReplayStore({ clock, maxEntries: 2 })
  store.seen('a', clock.now() + 10_000)
  store.seen('b', clock.now() + 100_000)
  t.throws(() => store.seen('c', clock.now() + 10_000), { name: 'ReplayStoreFullError', code: 'FST_OAUTH_REPLAY_STORE_FULL', statusCode: 503 })
  t.equal(store.seen('a', clock.now() + 10_000), true, 'what is known is still told')
  clock.advance(41)
  t.equal(store.seen('c', clock.now() + 10_000), false)
  t.equal(store.size, 2)
  t.end()
})

test('options that are refused', t => {
  for (const maxEntries of [1, 100_000_000]) t.equal(createMemoryReplayStore({ maxEntries }).seen('a', Date.now()), false)
  for (const options of [{ maxEntries: 0 }, { maxEntries: 1.5 }, { maxEntries: 100_000_001 }, { clock: {} }, { clock: { now: 1 } }, { size: 1 }]) {
    t.throws(() => createMemoryReplayStore(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
