import { test } from 'tap'
import { createMemoryIntrospectionCache } from '../../../../lib/stores/introspection/introspection-cache.ts'
import { createTestClock } from '../../../support/clock.ts'
import { introspectionCacheSuite } from '../../../support/introspection-cache-suite.ts'

introspectionCacheSuite('introspection answers in memory', clock => {
  const cache = createMemoryIntrospectionCache({ clock })
  return [cache, cache]
}, { numRuns: 200 })

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

test('an answer of 16,384 bytes is kept and a longer one is not, until the millisecond of its time', async t => {
  const clock = createTestClock()
  const cache = createMemoryIntrospectionCache({ clock })
  const members = (bytes: number): { sub: string } => ({ sub: `${'ä'.repeat(100)}${'x'.repeat(bytes - 210)}` })
  const untilMs = clock.now() + 1000
  await cache.set('longest', { members: members(16_384), untilMs })
  await cache.set('longer', { members: members(16_385), untilMs })
  await cache.set('over', { members: {}, untilMs: clock.now() })
  t.same(['longest', 'longer', 'over'].map(key => cache.get(key)), [{ members: members(16_384), untilMs }, null, null])
  clock.advance(0.999)
  t.not(cache.get('longest'), null)
  clock.advance(0.001)
  t.equal(cache.get('longest'), null)
  clock.advance(-0.001)
  t.equal(cache.get('longest'), null, 'forgotten, also when the clock is set back')
})

test('the bytes of the cache in memory are those of UTF-8', async t => {
  const cache = createMemoryIntrospectionCache({ maxBytes: 16_384 })
  const untilMs = Date.now() + 60_000
  for (const key of ['a', 'b']) await cache.set(key, { members: { sub: 'ä'.repeat(4500) }, untilMs })
  t.same(['a', 'b'].map(key => cache.get(key) !== null), [false, true])
})

test('options of the cache in memory that are refused', async t => {
  for (const options of [
    { maxEntries: 0 }, { maxEntries: 1.5 }, { maxEntries: 100_000_001 }, { maxBytes: 16_383 }, { maxBytes: 2 ** 53 }, { clock: {} }, { clock: { now: 1 } }, { size: 1 }
  ]) {
    t.throws(() => createMemoryIntrospectionCache(options as never), { code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(options))
  }
  const cache = createMemoryIntrospectionCache()
  await cache.set('a', { members: {}, untilMs: Date.now() + 60_000 })
  t.not(await cache.get('a'), null)
})
