import { test } from 'tap'
import type { RegisteredRoute, RoutePolicies } from '../../../lib/policy/route-policies.ts'
import { createRoutePolicies, routeLabel } from '../../../lib/policy/route-policies.ts'
import { routeDefaults } from '../../support/route-policy.ts'

const create = (): RoutePolicies => createRoutePolicies(routeDefaults)
const routeOf = (oauth?: unknown, url = '/x', method: string | string[] = 'GET'): RegisteredRoute => ({ method, url, config: { oauth } })
/** What the web framework keeps of a route: a copy of its `config`. */
const kept = ({ config, method, url }: RegisteredRoute) => ({ ...config, method, url })

test('the name of a route is method and pattern', t => {
  t.equal(routeLabel('GET', '/projects/:id'), 'GET /projects/:id')
  t.equal(routeLabel(['GET', 'HEAD'], '/'), 'GET,HEAD /')
  t.end()
})

test('a policy is compiled once for a route', t => {
  const policies = create()
  for (const oauth of [{ scopes: ['a'] }, false, undefined]) {
    const route = routeOf(oauth)
    policies.add(route)
    const config = kept(route)
    const policy = policies.policyOf(config)
    t.equal(policies.policyOf(config), policy, JSON.stringify(oauth))
    policies.add(route)
    t.equal(policies.policyOf(kept(route)), policy, 'a scope within a scope adds the same route again')
  }
  t.match(policies.policyOf(kept(routeOf(false))), { token: 'none' })
  t.end()
})

test('a route that was never added is compiled at its first request, once', t => {
  const policies = create()
  for (const config of [{}, { oauth: undefined }, { oauth: { scopes: ['a'] }, method: 'GET', url: '/older' }, { oauth: false }]) {
    t.equal(policies.policyOf(config), policies.policyOf(config))
  }
  t.match(policies.policyOf({}), { token: 'required', scopes: null })
  t.end()
})

test('a change of config.oauth while routes are registered is seen, in place or not [D8]', t => {
  const policies = create()
  const inPlace = { scopes: ['a'] }
  const routes = [routeOf(inPlace), routeOf({ scopes: ['a'] }), routeOf()]
  for (const route of routes) policies.add(route)
  inPlace.scopes[0] = 'admin'
  for (const route of routes.slice(1)) route.config = { ...route.config, oauth: { scopes: ['admin'] } }
  policies.complete()
  for (const route of routes) t.strictSame(policies.policyOf(kept(route)).scopes, { alternatives: [['admin']] })
  t.strictSame([...policies.requiredScopes.keys()], ['admin'], 'the scopes of before are forgotten')
  inPlace.scopes.push('late')
  t.strictSame(policies.policyOf(kept(routes[0]!)).scopes, { alternatives: [['admin']] }, 'afterwards it stays what it was')
  t.end()
})

test('a route made from a copy of another one has a policy of its own', t => {
  const policies = create()
  const first = routeOf({ scopes: ['a'] })
  policies.add(first)
  const copy = { ...first, url: '/copy', config: { ...first.config, oauth: { scopes: ['b'] } } }
  t.strictSame(policies.policyOf(kept(copy)).scopes, { alternatives: [['b']] }, 'also where it was never added')
  policies.add(copy)
  t.strictSame(policies.policyOf(kept(copy)).scopes, { alternatives: [['b']] })
  t.strictSame(policies.policyOf(kept(first)).scopes, { alternatives: [['a']] })
  t.end()
})

test('a hook that replaces the whole config of a route loses nothing but time', t => {
  const policies = create()
  const route = routeOf({ scopes: ['a'] })
  policies.add(route)
  route.config = undefined
  t.match(policies.policyOf({ method: 'GET', url: '/x' }), { scopes: null })
  policies.complete()
  t.strictSame([...policies.requiredScopes], [])
  t.end()
})

test('an invalid policy names its route, whenever it is found', t => {
  const policies = create()
  const name = /^config\.oauth\.scopes of GET,POST \/x must be an array, got 5/
  const route = routeOf({ scopes: 5 }, '/x', ['GET', 'POST'])
  for (let i = 0; i < 2; i++) {
    t.throws(() => policies.add(route), { name: 'OptionError', message: name })
    t.throws(() => policies.policyOf({ ...route.config, method: ['GET', 'POST'], url: '/x' }), { name: 'OptionError', message: name })
  }
  t.throws(() => policies.policyOf({ oauth: null, method: 'GET', url: '/y' }), { message: /^config\.oauth of GET \/y must be false or an object, got null/ })
  const late = routeOf({ scopes: ['a'] }, '/late')
  policies.add(late)
  late.config = { ...late.config, oauth: { scopes: 'a' } }
  t.throws(() => policies.complete(), { name: 'OptionError', message: /^config\.oauth\.scopes of GET \/late/ })
  t.end()
})

test('what the routes ask for and point at', t => {
  const policies = create()
  const pinnedChallenge = 'Bearer resource_metadata="https://h/x"'
  policies.add(routeOf({ scopes: ['a'], anyOfScopes: ['b', 'c'], pinnedChallenge }, '/a'))
  policies.add(routeOf({ pinnedChallenge: 'Basic realm="x"' }, '/b'))
  policies.complete()
  policies.policyOf({ oauth: { scopes: ['older'] }, method: 'GET', url: '/older' })
  policies.policyOf({ oauth: { scopes: ['a'] }, method: 'GET', url: '/older-too' })
  t.strictSame([...policies.requiredScopes], [['a', 'GET /a'], ['b', 'GET /a'], ['c', 'GET /a'], ['older', 'GET /older']])
  t.strictSame([...policies.pinnedPointers], [['https://h/x', 'GET /a']])
  t.end()
})

test('scopes that tools ask for are among the required scopes, whenever they are added [E11]', t => {
  const policies = create()
  policies.addRequiredScopes(new Map([['early', 'mcp.tools.a']]))
  policies.add(routeOf({ scopes: ['a'] }))
  policies.complete()
  policies.addRequiredScopes(new Map([['late', 'mcp.tools.b']]))
  t.strictSame([...policies.requiredScopes], [['early', 'mcp.tools.a'], ['a', 'GET /x'], ['late', 'mcp.tools.b']])
  t.end()
})

test('a misspelt config.oauth is refused, as the route would be less protected than meant [A9]', t => {
  for (const name of ['oath', 'oAuth', 'OAuth', 'ouath', 'oauth2']) {
    t.throws(() => createRoutePolicies(routeDefaults).add({ method: 'GET', url: '/x', config: { [name]: { scopes: ['a'] } } }),
      { name: 'OptionError', message: `config of GET /x: unknown option "${name}". Did you mean "oauth"?` })
  }
  t.doesNotThrow(() => createRoutePolicies(routeDefaults).add({ method: 'GET', url: '/x', config: { auth: 1, oauth: {}, rateLimit: {}, microsoftOauth2: {} } }))
  t.end()
})
