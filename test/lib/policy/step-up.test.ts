import { test } from 'tap'
import { compileStepUp, isAcrValue, isAuthenticatedAs } from '../../../lib/policy/step-up.ts'

const now = 1_800_000_000
type Case = readonly [
  title: string, options: { acr?: readonly string[], maxAgeSeconds?: number }, acr: string | null, authTime: number | null, met: boolean
]

const cases: readonly Case[] = [
  ['R9470-07 a context that is listed', { acr: ['silver', 'gold'] }, 'gold', null, true],
  ['R9470-07 a context that is not, be it higher', { acr: ['1'] }, '2', null, false],
  ['R9470-07 a part of one', { acr: ['urn:gold'] }, 'urn', null, false],
  ['R9470-07 another case', { acr: ['gold'] }, 'Gold', null, false],
  ['R9470-10 no context', { acr: ['gold'] }, null, now, false],
  ['R9470-08 long ago, to the second', { maxAgeSeconds: 300 }, null, now - 305, true],
  ['R9470-08 a second too long ago', { maxAgeSeconds: 300 }, null, now - 306, false],
  ['R9470-08 just now', { maxAgeSeconds: 0 }, null, now, true],
  ['R9470-08 by a clock that is ahead', { maxAgeSeconds: 0 }, null, now + 5, true],
  ['R9470-08 still to come', { maxAgeSeconds: 300 }, null, now + 6, false],
  ['R9470-10 no time', { maxAgeSeconds: 300 }, 'gold', null, false],
  ['R9470-10 no time, however long ago it may be', { maxAgeSeconds: Number.MAX_SAFE_INTEGER }, 'gold', null, false],
  ['R9470-04 both', { acr: ['gold'], maxAgeSeconds: 300 }, 'gold', now, true],
  ['R9470-04 the context alone', { acr: ['gold'], maxAgeSeconds: 300 }, 'gold', now - 1000, false],
  ['R9470-04 the time alone', { acr: ['gold'], maxAgeSeconds: 300 }, 'silver', now, false]
]

for (const [title, options, authenticationContext, authenticatedAt, met] of cases) {
  test(`step-up: ${title}`, t => {
    t.equal(isAuthenticatedAs(compileStepUp(options, 'x')!, { authenticationContext, authenticatedAt }, now, 5), met)
    t.end()
  })
}

test('a route that does not care has no step-up', t => {
  t.equal(compileStepUp({}, 'x'), null)
  t.ok(Object.isFrozen(compileStepUp({ acr: ['a'] }, 'x')))
  t.throws(() => compileStepUp({ acr: ['a', 'b\\'] }, 'x'), { name: 'OptionError', message: /^x: acr "b\\\\" cannot stand/ })
  t.end()
})

test('the characters of an authentication context in a challenge', t => {
  for (const value of ['1', 'urn:mace:incommon:iap:silver', 'https://h/x#y', 'phr']) t.ok(isAcrValue(value), value)
  for (const value of ['', 'a b', 'a"', 'a\\b', 'ä', 'a\n']) t.notOk(isAcrValue(value), JSON.stringify(value))
  t.end()
})
