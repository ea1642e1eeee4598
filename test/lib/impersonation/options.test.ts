import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { checkGuardOptions, checkGuardedRoute } from '../../../lib/impersonation/options.ts'

const good = { directory: { report: () => null }, impersonationOf: () => null }

for (const [given, message] of [
  [undefined, 'impersonationGuard must be object, and is undefined'],
  [{ ...good, directory: undefined }, 'impersonationGuard.directory must be object, and is undefined'],
  [{ ...good, directory: {} }, /impersonationGuard\.directory must have required properties report/],
  [{ ...good, impersonationOf: 'me' }, 'impersonationGuard.impersonationOf must be function, and is "me"'],
  [{ ...good, reach: () => null }, 'impersonationGuard has no option "reach"'],
  [{ ...good, isAlive: true }, 'impersonationGuard.isAlive must be function, and is true'],
  [{ ...good, readOnlyScopes: 'read' }, /impersonationGuard\.readOnlyScopes must be array or must be function, and is "read"/],
  [{ ...good, timeoutMs: 1.5 }, 'impersonationGuard.timeoutMs must be integer, and is 1.5'],
  [{ ...good, timeoutMs: 60_001 }, /impersonationGuard\.timeoutMs must be <= 60000/],
  [{ ...good, grantRoutes: ['/consent'] }, /impersonationGuard\.grantRoutes\.0 must match pattern/]
] as const) {
  test(`the guard refuses ${String(message)}`, t => {
    t.throws(() => checkGuardOptions(given), message instanceof RegExp ? { message } : new OptionError(message))
    t.end()
  })
}

test('the guard takes what it needs, and freezes it', t => {
  const options = checkGuardOptions(good)
  t.same(options, good)
  t.ok(Object.isFrozen(options))
  t.end()
})

test('routes that make no grants', t => {
  t.equal(checkGuardedRoute(undefined, 'GET /'), null)
  t.equal(checkGuardedRoute(false, 'GET /'), null)
  t.same(checkGuardedRoute(true, 'GET /'), {})
  const when = (): boolean => true
  const all = {
    when, path: 'consent', stampOf: () => null, onRefused: () => {}, redirectOf: () => null, refuseWith: 'invalid_grant', tokens: 'any'
  }
  t.equal(checkGuardedRoute(all, 'GET /'), all)
  t.ok(checkGuardedRoute({ path: () => 'exchange' }, 'GET /'), 'only the request will tell')
  t.same(checkGuardedRoute({ when }, 'GET /'), { when })
  t.end()
})

test('G16 a route without a session is judged by a stamp, or not at all', t => {
  for (const path of ['exchange', 'refresh']) {
    t.throws(() => checkGuardedRoute({ path }, 'POST /token'),
      new OptionError(`config.impersonationGuard of POST /token.path "${path}" needs stampOf: there is no session to judge by`))
    t.ok(checkGuardedRoute({ path, stampOf: () => null }, 'POST /token'))
  }
  t.throws(() => checkGuardedRoute({ stampOf: () => null, reachOf: () => null }, 'POST /token'),
    new OptionError('config.impersonationGuard of POST /token: reachOf and stampOf contradict each other, a stamp says what its grant reaches'))
  t.end()
})

test('a route whose guard makes no sense is named', t => {
  t.throws(() => checkGuardedRoute({ path: 'elsewhere' }, 'POST /consent'), { message: /^config\.impersonationGuard of POST \/consent\.path must be one of "first-party", / })
  t.throws(() => checkGuardedRoute({ tokens: 'all' }, 'POST /consent'), { message: /tokens must be one of "direct", "any", and is "all"$/ })
  t.throws(() => checkGuardedRoute({ when: true }, 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent.when must be function, and is true'))
  t.throws(() => checkGuardedRoute('yes', 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent must be object, and is "yes"'))
  t.end()
})
