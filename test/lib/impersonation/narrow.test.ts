import fc from 'fast-check'
import { test } from 'tap'
import type { Impersonation } from '../../../lib/impersonation/impersonation.ts'
import { narrowGrant } from '../../../lib/impersonation/narrow.ts'
import type { ReadOnlyScopes } from '../../../lib/impersonation/narrow.ts'

const now = 1_800_000_000_000
const terms = { expiresInSeconds: 3600, scopes: ['read', 'write', 'offline_access'], refreshToken: true }
const sam: Impersonation = { staff: 'sam', customer: 'ann' }

test('a customer gets what there is to get', t => {
  t.equal(narrowGrant(terms, null, { now }), terms)
  t.throws(() => narrowGrant(terms, undefined as never, { now }), TypeError, 'which nobody is')
  t.end()
})

test('an impersonator gets no refresh token, and a token for the idle timeout (G24)', t => {
  t.strictSame(narrowGrant(terms, { ...sam, idleTimeoutSeconds: 900 }, { now }),
    { expiresInSeconds: 900, scopes: ['read', 'write'], refreshToken: false })
  t.strictSame(narrowGrant(terms, sam, { now }), { expiresInSeconds: 3600, scopes: ['read', 'write'], refreshToken: false }, 'none is known')
  t.end()
})

const lifetimes: ReadonlyArray<readonly [remainingMs: number, idleTimeoutSeconds: number | null, expected: number]> = [
  [600_000, 900, 600], [600_000, null, 600], [1_200_000, 900, 900], [7_200_000, null, 3600], [1999, 900, 1], [999, 900, 0], [0, 900, 0], [-5000, 900, 0],
  [7_200_000, 7200, 3600], [7_200_000, 90.5, 90]
]
for (const [remaining, idleTimeoutSeconds, expected] of lifetimes) {
  test(`with ${remaining} ms left and an idle timeout of ${String(idleTimeoutSeconds)} s it is good for ${expected} s (G25)`, t => {
    t.equal(narrowGrant(terms, { ...sam, endsAt: now + remaining, idleTimeoutSeconds }, { now }).expiresInSeconds, expected)
    t.end()
  })
}

test('where the session only reads, so do the scopes', t => {
  const reading: Impersonation = { ...sam, readOnly: true }
  const scopesBy = (readOnlyScopes?: ReadOnlyScopes) => narrowGrant(terms, reading, { now, ...readOnlyScopes !== undefined && { readOnlyScopes } }).scopes
  t.strictSame(scopesBy(['read', 'list']), ['read'])
  t.strictSame(scopesBy(scope => scope.endsWith('e')), ['write'], 'as the function says')
  t.strictSame(scopesBy(['read', 'offline_access']), ['read'], 'a refresh token is no reading')
  t.strictSame(scopesBy(), [], 'no name is taken for granted')
  t.strictSame(scopesBy((() => 'yes') as never), [], 'only true is a yes')
  t.end()
})

test('nobody knows who that is (G19)', t => {
  t.throws(() => narrowGrant(terms, { staff: 'sam' } as never, { now }), TypeError)
  t.end()
})

test('it never gets wider, and never outlives the session (G25, GG-07, GG-08)', t => {
  const given = fc.record({ expiresInSeconds: fc.integer({ min: 0, max: 100_000 }), scopes: fc.array(fc.constantFrom<string>('read', 'write', 'offline_access')), refreshToken: fc.boolean() })
  const session = fc.record({
    readOnly: fc.boolean(), endsAt: fc.option(fc.integer({ min: now - 10_000, max: now + 100_000_000 })), idleTimeoutSeconds: fc.option(fc.integer({ min: 1, max: 10_000 }))
  })
  fc.assert(fc.property(given, session, (wanted, { readOnly, endsAt, idleTimeoutSeconds }) => {
    const got = narrowGrant(wanted, { ...sam, readOnly, endsAt, idleTimeoutSeconds }, { now, readOnlyScopes: ['read'] })
    const past = endsAt !== null && got.expiresInSeconds > 0 && now + got.expiresInSeconds * 1000 > endsAt
    return !past && !got.refreshToken && got.expiresInSeconds >= 0 && got.expiresInSeconds <= wanted.expiresInSeconds &&
      got.scopes.every(scope => wanted.scopes.includes(scope) && (!readOnly || scope === 'read'))
  }))
  t.pass('never')
  t.end()
})
