import { test } from 'tap'
import { createNegativeCache } from '../../../lib/token/negative-cache.ts'
import { createTestClock } from '../../support/clock.ts'

test('what was refused is known for as long as was said', async t => {
  const clock = createTestClock()
  const cache = createNegativeCache(10_000, clock)
  t.equal(cache.has('a'), false)
  cache.remember('a')
  t.equal(cache.has('a'), true)
  t.equal(cache.has('b'), false)
  clock.advance(9.999)
  t.equal(cache.has('a'), true)
  clock.advance(0.001)
  t.equal(cache.has('a'), false)
  cache.remember('a')
  t.equal(cache.has('a'), true, 'and may be refused again')
})

test('strangers cannot fill it: the oldest make room', async t => {
  const cache = createNegativeCache(10_000, createTestClock())
  for (let i = 0; i <= 10_000; i++) cache.remember(`token-${i}`)
  t.strictSame([cache.has('token-0'), cache.has('token-1'), cache.has('token-10000')], [false, true, true])
})
