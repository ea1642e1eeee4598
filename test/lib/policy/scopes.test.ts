import { test } from 'tap'
import type { ScopeImplies } from '../../../lib/policy/scopes.ts'
import { isSatisfied, isScopeOfRoute, isScopeToken, scopesToAskFor } from '../../../lib/policy/scopes.ts'

test('the characters of a scope (RFC 6749 section 3.3)', t => {
  for (const scope of ['a', 'projects:read', 'https://h/x', '!', '#$[]', '*', 'offline_access', '~']) t.ok(isScopeToken(scope), scope)
  for (const scope of ['', 'a b', 'a"b', 'a\\b', 'ä', 'a\n', '\t', '\x7f']) t.notOk(isScopeToken(scope), JSON.stringify(scope))
  t.notOk(isScopeOfRoute('offline_access'))
  t.notOk(isScopeOfRoute('a b'))
  t.ok(isScopeOfRoute('a'))
  t.end()
})

const writeImpliesRead: ScopeImplies = (granted, required) => granted === 'write' && required === 'read'
const everything: ScopeImplies = (granted, required) => granted === '*' && !required.startsWith('internal:')

const cases: ReadonlyArray<readonly [string, ReadonlyArray<readonly string[]>, readonly string[], ScopeImplies | null, boolean]> = [
  ['one that is there', [['a']], ['b', 'a'], null, true],
  ['one that is not', [['a']], ['b'], null, false],
  ['case counts', [['a']], ['A'], null, false],
  ['no prefix counts', [['a:b']], ['a'], null, false],
  ['all of two', [['a', 'b']], ['b', 'a'], null, true],
  ['half of two', [['a', 'b']], ['a'], null, false],
  ['one of two alternatives', [['a'], ['b']], ['b'], null, true],
  ['halves of two alternatives', [['a', 'b'], ['c', 'd']], ['a', 'c'], null, false],
  ['nothing asked for', [[]], [], null, true],
  ['no alternative', [], ['a'], null, false],
  ['S7 write covers read', [['read']], ['write'], writeImpliesRead, true],
  ['S7 read does not cover write', [['write']], ['read'], writeImpliesRead, false],
  ['S7 write still is write', [['write']], ['write'], writeImpliesRead, true],
  ['S8 the star covers public scopes', [['read']], ['*'], everything, true],
  ['S8 the star does not cover internal ones', [['internal:x']], ['*'], everything, false],
  ['S8 without a rule the star is a scope like any other', [['read']], ['*'], null, false]
]

for (const [title, alternatives, granted, implies, satisfied] of cases) {
  test(`sufficiency: ${title}`, t => {
    t.equal(isSatisfied({ alternatives }, granted, implies), satisfied)
    t.end()
  })
}

test('only true covers', t => {
  const truthy = (() => 'yes') as unknown as ScopeImplies
  t.notOk(isSatisfied({ alternatives: [['a']] }, ['b'], truthy))
  t.end()
})

test('of alternatives a challenge names the first', t => {
  t.strictSame(scopesToAskFor({ alternatives: [['a', 'b'], ['c']] }), ['a', 'b'])
  t.strictSame(scopesToAskFor({ alternatives: [] }), [])
  t.end()
})

test('the log learns that scopeImplies failed, and how', t => {
  for (const [implies, received] of [
    [() => { throw new Error('down') }, '"down"'], [async () => true, '"it returned a promise; expected the answer itself"']
  ] as Array<[() => never, string]>) {
    t.throws(() => isSatisfied({ alternatives: [['read']] }, ['admin'], implies), {
      reason: 'policy_unavailable', statusCode: 503, detail: { expected: 'an answer of scopeImplies, at once', received }
    } as never)
  }
  t.end()
})
