import fc from 'fast-check'
import { test } from 'tap'
import type { Impersonation } from '../../../lib/impersonation/impersonation.ts'
import { isSameImpersonator, parseImpersonationRecord, createImpersonationRecord } from '../../../lib/impersonation/record.ts'

const sam: Impersonation = { staff: 'sam', customer: 'ann' }

test('a grant is stamped in sessions that only read and in those that write, and not when nobody impersonates (G26)', t => {
  for (const readOnly of [true, false]) {
    const stamp = createImpersonationRecord({ ...sam, readOnly, sessionId: 's-1', endsAt: 90, idleTimeoutSeconds: 900 }, { access: { level: 'team', teams: ['t'] }, client: 'c', grantedAt: 5 })
    t.strictSame(stamp, {
      staff: 'sam', customer: 'ann', sessionId: 's-1', readOnly, endsAt: 90, idleTimeoutSeconds: 900,
      access: { level: 'team', teams: ['t'] }, client: 'c', grantedAt: 5
    })
    t.ok(Object.isFrozen(stamp))
  }
  t.equal(createImpersonationRecord(null, { grantedAt: 5 }), null)
  t.throws(() => createImpersonationRecord(undefined as never, { grantedAt: 5 }), TypeError, 'which is not nobody')
  t.end()
})

test('a stamp without a reach is for everything', t => {
  t.match(createImpersonationRecord(sam, { grantedAt: 5 }), { access: { level: 'all' }, client: null })
  t.throws(() => createImpersonationRecord(sam, { grantedAt: NaN }), TypeError)
  t.throws(() => createImpersonationRecord(sam, { grantedAt: 5, access: { level: 'galaxy' } as never }), TypeError)
  t.throws(() => createImpersonationRecord({ staff: 'sam' } as never, { grantedAt: 5 }), TypeError)
  t.end()
})

test('what was saved is read again, whatever has become of the account (G31)', t => {
  const stamp = createImpersonationRecord({ ...sam, sessionId: 's-1', readOnly: true, endsAt: 90, idleTimeoutSeconds: 900 }, { access: { level: 'organization', organizations: ['o'] }, client: 'c', grantedAt: 5 })
  t.strictSame(parseImpersonationRecord(JSON.parse(JSON.stringify(stamp))), stamp)
  t.equal(parseImpersonationRecord(null), null)
  t.end()
})

test('a mark that cannot be read is no customer\'s', t => {
  for (const given of [
    undefined, '', 'sam', 0, false, true, [], {}, { staff: 'sam', customer: 'ann' }, { ...sam, grantedAt: '5' }, { ...sam, grantedAt: null },
    { ...sam, grantedAt: 5, access: { level: 'galaxy' } }, { grantedAt: 5 }, { staff: null, customer: 'ann', grantedAt: 5 }
  ]) {
    t.throws(() => parseImpersonationRecord(given), TypeError, JSON.stringify(given))
    t.equal(isSameImpersonator(given, sam), false)
    t.equal(isSameImpersonator(given, null), false)
  }
  t.end()
})

test('a grant is used again only in the state it was made in (G14, G15)', t => {
  const session: Impersonation = { ...sam, sessionId: 's-1', readOnly: true }
  const made = (who: Impersonation | null) => createImpersonationRecord(who, { grantedAt: 5 })
  const cases: ReadonlyArray<readonly [made: Impersonation | null, now: Impersonation | null, may: boolean, title: string]> = [
    [null, null, true, 'the customer, their own'],
    [null, undefined as never, false, 'nobody knows who'],
    [sam, sam, true, 'staff, what they made themselves'],
    [session, session, true, 'staff, in the same session'],
    [null, sam, false, 'staff, the customer\'s own'],
    [sam, null, false, 'the customer, what staff made'],
    [sam, undefined as never, false, 'nobody knows who'],
    [sam, { ...sam, staff: 'tom' }, false, 'staff, what others made'],
    [sam, { ...sam, customer: 'bob' }, false, 'staff, what they made as another customer'],
    [session, { ...session, sessionId: 's-2' }, false, 'staff, what they made in another session'],
    [session, { ...session, sessionId: null }, false, 'staff, in no session known'],
    [{ ...session, readOnly: false }, session, false, 'what may write, in a session that only reads'],
    [session, { ...session, readOnly: false }, false, 'and the other way round'],
    [sam, { staff: 'sam' } as never, false, 'nobody knows who']
  ]
  for (const [before, now, may, title] of cases) t.equal(isSameImpersonator(made(before), now), may, title)
  t.end()
})

test('never by somebody else (G15)', t => {
  const name = fc.constantFrom('sam', 'tom', 'ann', 'null')
  const who = fc.option(fc.record({ staff: name, customer: name, sessionId: fc.option(name), readOnly: fc.boolean() }))
  fc.assert(fc.property(who, who, (made, now) =>
    isSameImpersonator(createImpersonationRecord(made, { grantedAt: 5 }), now) === (JSON.stringify(made) === JSON.stringify(now))))
  t.pass('never')
  t.end()
})
