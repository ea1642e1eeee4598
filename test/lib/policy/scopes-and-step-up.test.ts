import { test } from 'tap'
import { checkScopesAndStepUp } from '../../../lib/policy/authorization.ts'
import type { Sufficiency } from '../../../lib/policy/authorization.ts'
import { createTestClock } from '../../support/clock.ts'

const clock = createTestClock()
const config = { scopeImplies: null, clockToleranceSeconds: 0, clock }
const scopes = { alternatives: [['read', 'write'], ['admin']] }
const stepUp = { acrValues: ['gold'], maxAgeSeconds: 60 }
const now = clock.now() / 1000

const cases: ReadonlyArray<readonly [string, Sufficiency, readonly string[], string | null, object | null]> = [
  ['nothing asked for', { scopes: null, stepUp: null }, [], null, null],
  ['scopes that are there', { scopes, stepUp: null }, ['admin'], null, null],
  ['scopes that are not', { scopes, stepUp: null }, ['read'], null,
    { code: 'FST_OAUTH_SCOPE_INSUFFICIENT', requiredScopes: ['read', 'write'] }],
  ['an authentication that suffices', { scopes: null, stepUp }, [], 'gold', null],
  ['one that does not', { scopes: null, stepUp }, [], 'silver',
    { code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', acrValues: ['gold'], maxAgeSeconds: 60, requiredScopes: [] }],
  ['one that does not, with scopes that do', { scopes, stepUp }, ['admin'], 'silver',
    { code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', requiredScopes: [] }],
  ['scopes that do not, with one that does', { scopes, stepUp }, ['read'], 'gold', { code: 'FST_OAUTH_SCOPE_INSUFFICIENT' }],
  ['R9470-05 neither: one answer', { scopes, stepUp }, ['read'], 'silver',
    { code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', acrValues: ['gold'], maxAgeSeconds: 60, requiredScopes: ['read', 'write'] }]
]

for (const [title, rule, granted, authenticationContext, refusal] of cases) {
  test(`sufficiency: ${title}`, t => {
    const verdict = checkScopesAndStepUp(rule, { scopes: granted, authenticationContext, authenticatedAt: now }, config)
    if (refusal === null) t.equal(verdict, null)
    else t.match(verdict, refusal)
    // An empty list of t.match() matches any list.
    if (refusal !== null && 'requiredScopes' in refusal) t.same((verdict as Partial<typeof refusal>).requiredScopes, refusal.requiredScopes)
    t.end()
  })
}

test('age and tolerance are those of the configured clock', t => {
  const rule: Sufficiency = { scopes: null, stepUp: { acrValues: [], maxAgeSeconds: 60 } }
  const judged = (): unknown => checkScopesAndStepUp(
    rule, { scopes: [], authenticationContext: null, authenticatedAt: now }, { ...config, clockToleranceSeconds: 10 })
  clock.advance(70)
  t.equal(judged(), null)
  clock.advance(1)
  t.match(judged(), { code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT' })
  t.end()
})
