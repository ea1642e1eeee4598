import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { checkGuardOptions } from '../../../lib/impersonation/options.ts'

const good = { directory: { report: () => null }, impersonationOf: () => null }

for (const [given, message] of [
  [undefined, 'impersonationGuard must be an object, got undefined'],
  [{ ...good, directory: undefined }, '`impersonationGuard.directory` is required'],
  [{ ...good, directory: {} }, /`impersonationGuard\.directory\.report` is required/],
  [{ ...good, impersonationOf: 'me' }, 'impersonationGuard.impersonationOf must be a function, got "me"'],
  [{ ...good, acces: () => null }, 'impersonationGuard: unknown option "acces". Did you mean "accessOf"?'],
  [{ ...good, recordIsActive: true }, 'impersonationGuard.recordIsActive must be a function, got true'],
  [{ ...good, readOnlyScopes: 'read' }, /impersonationGuard\.readOnlyScopes must be an array or a function, got "read"/],
  [{ ...good, readOnlyScopes: [''] }, 'impersonationGuard.readOnlyScopes[0] must be a non-empty string, got ""'],
  [{ ...good, clock: {} }, '`impersonationGuard.clock.now` is required'],
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
