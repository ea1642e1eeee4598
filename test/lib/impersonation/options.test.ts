import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { checkGuardOptions, checkGuardedRoute } from '../../../lib/impersonation/options.ts'

const good = { directory: { report: () => null }, impersonationOf: () => null }

for (const [given, message] of [
  [undefined, 'impersonationGuard must be an object, got undefined'],
  [{ ...good, directory: undefined }, '`impersonationGuard.directory` is required'],
  [{ ...good, directory: {} }, /`impersonationGuard\.directory\.report` is required/],
  [{ ...good, impersonationOf: 'me' }, 'impersonationGuard.impersonationOf must be a function, got "me"'],
  [{ ...good, reach: () => null }, 'impersonationGuard: unknown option "reach". Did you mean "reachOf"?'],
  [{ ...good, isAlive: true }, 'impersonationGuard.isAlive must be a function, got true'],
  [{ ...good, readOnlyScopes: 'read' }, /impersonationGuard\.readOnlyScopes must be an array or a function, got "read"/],
  [{ ...good, timeoutMs: 1.5 }, 'impersonationGuard.timeoutMs must be an integer from 1 to 60000, got 1.5'],
  [{ ...good, timeoutMs: 60_001 }, /impersonationGuard\.timeoutMs must be an integer from 1 to 60000, got 60001/],
  [{ ...good, grantRoutes: ['/consent'] }, /impersonationGuard\.grantRoutes\[0\] must be a string that matches/]
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
  t.throws(() => checkGuardedRoute({ path: 'elsewhere' }, 'POST /consent'), { message: /^config\.impersonationGuard\.path of POST \/consent must be one of "first-party", / })
  t.throws(() => checkGuardedRoute({ tokens: 'all' }, 'POST /consent'), { message: /tokens of POST \/consent must be .*, got "all"$/ })
  t.throws(() => checkGuardedRoute({ when: true }, 'POST /consent'),
    new OptionError('config.impersonationGuard.when of POST /consent must be a function, got true'))
  t.throws(() => checkGuardedRoute('yes', 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent must be true or false or an object, got "yes"'))
  t.end()
})
