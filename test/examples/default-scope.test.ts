import { test } from 'tap'
import { withDefaultScope } from '../../examples/demo/default-scope.ts'

const scopesOf = (resource: string | null): string[] => resource === 'https://a.example/mcp' ? ['read', 'list'] : []

const cases: ReadonlyArray<{ name: string, target: string, expected: string }> = [
  {
    name: 'a request without a scope gets the one of its resource',
    target: '/auth?client_id=x&resource=https%3A%2F%2Fa.example%2Fmcp',
    expected: '/auth?client_id=x&resource=https%3A%2F%2Fa.example%2Fmcp&scope=read+list'
  },
  {
    name: 'so does one whose scope is empty',
    target: '/auth?scope=&resource=https%3A%2F%2Fa.example%2Fmcp',
    expected: '/auth?scope=read+list&resource=https%3A%2F%2Fa.example%2Fmcp'
  },
  {
    name: 'a scope stays what it is',
    target: '/auth?scope=openid&resource=https%3A%2F%2Fa.example%2Fmcp',
    expected: '/auth?scope=openid&resource=https%3A%2F%2Fa.example%2Fmcp'
  },
  { name: 'a resource without scopes', target: '/auth?client_id=x', expected: '/auth?client_id=x' },
  { name: 'going on after an interaction', target: '/auth/uid', expected: '/auth/uid' },
  {
    name: 'another endpoint',
    target: '/token?resource=https%3A%2F%2Fa.example%2Fmcp',
    expected: '/token?resource=https%3A%2F%2Fa.example%2Fmcp'
  }
]

for (const { name, target, expected } of cases) {
  test(name, async t => { t.equal(withDefaultScope(target, scopesOf), expected) })
}
