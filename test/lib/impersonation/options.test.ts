import { test } from 'tap'
import { OptionError } from '../../../lib/errors.ts'
import { checkGuardOptions, checkGuardedRoute } from '../../../lib/impersonation/options.ts'

const good = { directory: { report: () => null }, impersonationOf: () => null }

for (const [given, message] of [
  [undefined, 'impersonationGuard must be object, and is undefined'],
  [{ ...good, directory: undefined }, 'impersonationGuard.directory must be object, and is undefined'],
  [{ ...good, directory: {} }, /impersonationGuard\.directory must have required properties report/],
  [{ ...good, impersonationOf: 'me' }, 'impersonationGuard.impersonationOf must be function, and is "me"'],
  [{ ...good, reach: () => null }, 'impersonationGuard has no option "reach"']
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
  t.same(checkGuardedRoute({ when }, 'GET /'), { when })
  t.end()
})

test('a route whose guard makes no sense is named', t => {
  t.throws(() => checkGuardedRoute({ when: true }, 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent.when must be function, and is true'))
  t.throws(() => checkGuardedRoute('yes', 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent must be object, and is "yes"'))
  t.end()
})
