import { test } from 'tap'
import { createMemoryIntrospectionCache } from '../../../../lib/stores/introspection/introspection-cache.ts'
import { createTestClock } from '../../../support/clock.ts'

test('the cache in memory is bounded by entries and by bytes, and forgets the longest unused answer', async t => {
  const clock = createTestClock()
  const untilMs = clock.now() + 1000
  const few = createMemoryIntrospectionCache({ clock, maxEntries: 2 })
  for (const key of ['a', 'b']) await few.set(key, { members: {}, untilMs })
  await few.get('a')
  await few.set('c', { members: {}, untilMs })
  t.same(['a', 'b', 'c'].map(key => few.get(key) !== null), [true, false, true])

  const small = createMemoryIntrospectionCache({ clock, maxBytes: 20_000 })
  for (const key of ['a', 'b']) await small.set(key, { members: { text: 'x'.repeat(12_000) }, untilMs })
  t.same(['a', 'b'].map(key => small.get(key) !== null), [false, true])
})

test('options of the cache in memory that are refused', async t => {
  for (const options of [{ maxEntries: 0 }, { maxBytes: 1 }, { clock: {} }, { size: 1 }]) {
    t.throws(() => createMemoryIntrospectionCache(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  const cache = createMemoryIntrospectionCache()
  await cache.set('a', { members: {}, untilMs: Date.now() + 60_000 })
  t.not(await cache.get('a'), null)
})
