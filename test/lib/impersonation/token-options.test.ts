import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { boundAccessOf, resolveTokenOptions } from '../../../lib/impersonation/token-options.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const directory = { report: () => ({ organizations: 0, complete: true, withoutApproval: [] }) }

for (const [given, message] of [
  [null, 'impersonatedTokens must be an object, got null'],
  [{ directory: {} }, /`impersonatedTokens\.directory\.report` is required/],
  [{ directory, markers: [] }, /impersonatedTokens\.markers must be a non-empty array, got \[\]/],
  [{ directory, markers: [{ claim: '' }] }, /impersonatedTokens\.markers\[0\]\.claim must be a non-empty string/],
  [{ directory, markers: [{ subject: 'x' }] }, 'impersonatedTokens.markers[0]: unknown option "subject". Did you mean "actorSubject"?'],
  [{ directory, markers: [{}] }, /impersonatedTokens\.markers\[0\] must be /],
  [{ directory, markers: [{ claim: 'x', actorIssuer: 'y' }] }, /impersonatedTokens\.markers\[0\] must be an object with exactly one member/],
  [{ directory, markers: [{ actorSubject: 'x' }] }, /impersonatedTokens\.markers\[0\]\.actorSubject must be an object, got "x"/],
  [{ directory, markers: [{ claim: [] }] }, /impersonatedTokens\.markers\[0\]\.claim must be a non-empty string or a non-empty array, got \[\]/],
  [{ directory, markers: [{ actorSubject: {} }] }, /`impersonatedTokens\.markers\[0\]\.actorSubject\.source` is required/],
  [{ directory, accessOf: 'all' }, 'impersonatedTokens.accessOf must be a function, got "all"'],
  [{ directory, timeoutMs: 0 }, /impersonatedTokens\.timeoutMs must be an integer .*, got 0/],
  [{ directory, audit: 'some' }, 'impersonatedTokens.audit must be one of "refused", "all", got "some"'],
  [{ directory, marker: [] }, 'impersonatedTokens: unknown option "marker". Did you mean "markers"?'],
  [{ directory, markers: [{ claim: 'x' }], impersonationOf: () => null }, /^impersonatedTokens\.markers .* and impersonatedTokens\.impersonationOf contradict each other$/]
] as const) {
  test(`it refuses ${String(message)}`, t => {
    t.throws(() => resolveTokenOptions(given, null), message instanceof RegExp ? { name: 'OptionError', message } : new OptionError(message))
    t.end()
  })
}

test('the directory is that of the guard, where there is one', t => {
  t.throws(() => resolveTokenOptions({}, null), new OptionError('impersonatedTokens.directory is required where no impersonationGuard has one'))
  t.equal(resolveTokenOptions({}, directory).directory, directory)
  const own = { ...directory }
  t.equal(resolveTokenOptions({ directory: own }, directory).directory, own)
  t.end()
})

test('what is not said has a default', t => {
  const rules = resolveTokenOptions({ directory }, null)
  t.match(rules, { sessionIsActive: null, timeoutMs: 2000, audit: 'refused' })
  t.ok(Object.isFrozen(rules))
  t.equal(rules.impersonationOf(accessTokenOf()), null)
  t.match(rules.impersonationOf(accessTokenOf({ claims: { impersonation: {} } })), { customer: 'ann' })
  t.strictSame(rules.accessOf(accessTokenOf()), { level: 'all' })
  const given = { directory, impersonationOf: () => null, accessOf: () => null, sessionIsActive: () => true, timeoutMs: 5, audit: 'all' }
  t.strictSame(resolveTokenOptions(given, null), given)
  t.match(resolveTokenOptions({ directory, markers: [{ claim: 'x' }, { claim: ['x', 'y'] }, { actorIssuer: 'i' }, { actorSubject: /s/ }] }, null)
    .impersonationOf(accessTokenOf({ claims: { x: 'sam' } })), { staff: 'sam' })
  t.end()
})

test('a token reaches what it is bound to, and everything when that is not clear', t => {
  t.strictSame(boundAccessOf({ organizations: ['o'], teams: null }), { level: 'organization', organizations: ['o'] })
  t.strictSame(boundAccessOf({ organizations: [], teams: null }), { level: 'organization', organizations: [] })
  t.strictSame(boundAccessOf({ organizations: null, teams: ['t'] }), { level: 'team', teams: ['t'] })
  t.strictSame(boundAccessOf({ organizations: null, teams: null }), { level: 'all' })
  t.strictSame(boundAccessOf({ organizations: ['o'], teams: ['t'] }), { level: 'all' })
  t.end()
})
