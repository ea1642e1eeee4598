import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { plainOptions } from '../../support/hint.ts'

const directory = { report: async () => ({}) }

test('the guard and the checks of impersonated tokens share the directory', t => {
  t.match(resolveConfig(plainOptions).config, { impersonationGuard: null, impersonatedTokens: null })
  const guard = { directory, impersonationOf: () => null }
  const { config } = resolveConfig({ ...plainOptions, impersonationGuard: guard, impersonatedTokens: {} })
  t.match(config, { impersonationGuard: { directory }, impersonatedTokens: { directory } })
  t.equal(resolveConfig({ ...plainOptions, impersonatedTokens: { directory } }).config.impersonatedTokens!.directory, directory as never)
  t.throws(() => resolveConfig({ ...plainOptions, impersonatedTokens: {} }), { name: 'OptionError', message: /^impersonatedTokens\.directory/ })
  t.end()
})
