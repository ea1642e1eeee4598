import { test } from 'tap'
import { systemClock } from '../../lib/clock.ts'

test('the system clock counts milliseconds', t => {
  const before = Date.now()
  const now = systemClock.now()
  t.ok(now >= before && now <= Date.now())
  t.end()
})
