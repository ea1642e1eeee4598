import { test } from 'tap'
import { createForwardClock, systemClock } from '../../lib/clock.ts'
import { createTestClock } from '../support/clock.ts'

test('the system clock counts milliseconds', t => {
  const before = Date.now()
  const now = systemClock.now()
  t.ok(now >= before && now <= Date.now())
  t.end()
})

test('a forward clock runs on when the clock behind it is set back (D9)', async t => {
  const clock = createTestClock(1000)
  const forward = createForwardClock(clock)
  t.equal(forward.now(), 1_000_000)
  clock.advance(10)
  t.equal(forward.now(), 1_010_000)
  clock.advance(-3600)
  t.equal(forward.now(), 1_010_000)
  clock.advance(10)
  t.equal(forward.now(), 1_020_000)
  t.equal(forward.now(), 1_020_000)
})
