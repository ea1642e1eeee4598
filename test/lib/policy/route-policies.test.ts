import { test } from 'tap'
import { defaultPolicy } from '../../../lib/policy/route-policy.ts'
import { createRoutePolicies } from '../../../lib/policy/route-policies.ts'

test('a rule is compiled once, and stays what it was', t => {
  const book = createRoutePolicies()
  const oauth = { scopes: ['a'] }
  const rule = book.ruleOf({ method: 'GET', url: '/x', config: { oauth } })
  oauth.scopes.push('b')
  t.equal(book.ruleOf({ method: 'GET', url: '/x', config: { oauth } }), rule)
  t.equal(book.ruleOf({ method: 'HEAD', url: '/x', config: { oauth } }), rule)
  t.not(book.ruleOf({ method: 'GET', url: '/y', config: { oauth: { scopes: ['a'] } } }), rule)
  t.not(createRoutePolicies().ruleOf({ method: 'GET', url: '/x', config: { oauth } }), rule, 'books share nothing')
  t.end()
})

test('routes that say nothing have the default rule', t => {
  const book = createRoutePolicies()
  for (const config of [undefined, {}, { oauth: undefined }]) t.equal(book.ruleOf({ method: 'GET', config }), defaultPolicy)
  t.equal(book.ruleOf({ method: 'GET', config: { oauth: false } }).token, 'none')
  t.end()
})

test('a rule that makes no sense names its route, each time', t => {
  const book = createRoutePolicies()
  for (const [route, name] of [
    [{ method: ['GET', 'POST'], url: '/x', config: { oauth: { scopes: 5 } } }, /^config\.oauth\.scopes of GET,POST \/x must be an array, got 5/],
    [{ method: 'GET', config: { oauth: null } }, /^config\.oauth of GET {2}must be false or an object, got null/]
  ] as const) {
    for (let i = 0; i < 2; i++) t.throws(() => book.ruleOf(route), { message: name })
  }
  t.end()
})

test('what the routes ask for and point at', t => {
  const book = createRoutePolicies()
  const pinnedChallenge = 'Bearer resource_metadata="https://h/x"'
  book.ruleOf({ method: 'GET', url: '/a', config: { oauth: { scopes: ['a'], anyOfScopes: ['b', 'c'], pinnedChallenge } } })
  book.ruleOf({ method: 'GET', url: '/b', config: { oauth: { pinnedChallenge: 'Basic realm="x"' } } })
  t.strictSame([...book.requiredScopes], [['a', 'GET /a'], ['b', 'GET /a'], ['c', 'GET /a']])
  t.strictSame([...book.pinnedPointers], [['https://h/x', 'GET /a']])
  t.end()
})
