import { test } from 'tap'
import { createMemoryReplayStore } from '../../../../lib/stores/replay/memory-replay-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { keyOf, replaySuite } from '../../../support/replay-suite.ts'

replaySuite('in memory', clock => createMemoryReplayStore({ clock }))

test('proofs that are over are forgotten, so that memory stays bounded', t => {
  const clock = createTestClock()
  const store = createMemoryReplayStore({ clock })
  for (let second = 0; second < 3600; second++) {
    store.seen(keyOf(String(second)), clock.now() + 300_000)
    clock.advance(1)
  }
  t.ok(store.size <= 360, `${store.size} are left`)
  t.equal(store.seen(keyOf('3599'), clock.now() - 1000 + 300_000), true)
  clock.advance(400)
  t.equal(store.seen(keyOf('a'), clock.now()), false)
  t.equal(store.size, 1)
  t.end()
})

test('a clock that is set back makes nothing be forgotten early', t => {
  const clock = createTestClock()
  const store = createMemoryReplayStore({ clock })
  const until = clock.now() + 300_000
  t.equal(store.seen(keyOf('a'), until), false)
  clock.advance(-3600)
  t.equal(store.seen(keyOf('b'), clock.now()), false)
  t.equal(store.seen(keyOf('a'), until), true)
  clock.advance(3600)
  t.equal(store.seen(keyOf('a'), until), true)
  t.end()
})

test('options of the replay store that cannot be', t => {
  t.throws(() => createMemoryReplayStore({ maxEntries: 0 }), { code: 'FST_OAUTH_OPTION_INVALID', message: /maxEntries.*0/ })
  t.end()
})

test('a store that is full refuses new proofs and still knows the used ones', t => {
  const clock = createTestClock()
  const store = createMemoryReplayStore({ clock, maxEntries: 2 })
  const until = clock.now() + 300_000
  for (const key of ['a', 'b']) t.equal(store.seen(keyOf(key), until), false)
  t.throws(() => store.seen(keyOf('c'), until), { code: 'FST_OAUTH_REPLAY_STORE_FULL', statusCode: 503, status: 503, expose: false })
  t.equal(store.seen(keyOf('a'), until), true)
  clock.advance(400)
  t.equal(store.seen(keyOf('c'), clock.now() + 300_000), false)
  t.end()
})
