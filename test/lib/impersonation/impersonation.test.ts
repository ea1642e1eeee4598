import { test } from 'tap'
import { checkImpersonation } from '../../../lib/impersonation/impersonation.ts'

test('nobody impersonates', t => {
  t.equal(checkImpersonation(null), null)
  t.end()
})

test('what is not said is filled in, and nothing else is taken over', t => {
  const least = checkImpersonation({ staff: 'sam', customer: 'ann', other: 'member' })
  t.strictSame(least, { staff: 'sam', customer: 'ann', sessionId: null, readOnly: false, endsAt: null, idleTimeoutSeconds: null })
  t.ok(Object.isFrozen(least))
  const most = { staff: 'sam', customer: 'ann', sessionId: 's-1', readOnly: true, endsAt: 5, idleTimeoutSeconds: 900 }
  t.strictSame(checkImpersonation(most), most)
  t.end()
})

test('what is neither is no customer (G19)', t => {
  const good = { staff: 'sam', customer: 'ann' }
  for (const given of [
    undefined, true, false, 0, 'sam', {}, [], { staff: 'sam' }, { customer: 'ann' }, { ...good, staff: '' }, { ...good, customer: '' }, { ...good, staff: 7 },
    { ...good, sessionId: 7 }, { ...good, readOnly: 'yes' }, { ...good, readOnly: null }, { ...good, endsAt: NaN }, { ...good, endsAt: '5' }, { ...good, endsAt: new Date() },
    { ...good, idleTimeoutSeconds: 0 }, { ...good, idleTimeoutSeconds: -1 }, { ...good, idleTimeoutSeconds: Infinity }
  ]) {
    t.throws(() => checkImpersonation(given), TypeError, JSON.stringify(given))
  }
  t.end()
})
