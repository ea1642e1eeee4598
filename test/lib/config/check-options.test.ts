import { test } from 'tap'
import { checkIssuerOptions, checkResourceOptions, checkScopeOptions } from '../../../lib/config/check-options.ts'
import { plainOptions } from '../../support/hint.ts'

test('what is of its schema is passed on as it is', t => {
  t.equal(checkResourceOptions(plainOptions), plainOptions)
  const issuer = { issuer: 'https://as', audience: ['a'] }
  t.equal(checkIssuerOptions(issuer, 'x'), issuer)
  t.strictSame(checkScopeOptions('Read', 'x'), { description: 'Read' })
  t.end()
})

test('what is not names where it stands', t => {
  t.throws(() => checkResourceOptions({ ...plainOptions, x: 1 }), { name: 'OptionError', message: 'unknown option "x"' })
  t.throws(() => checkIssuerOptions({ issuer: 5 }, 'here'), { name: 'OptionError', message: 'here.issuer must be a non-empty string, got 5' })
  t.throws(() => checkScopeOptions(null, 'there'), { name: 'OptionError', message: 'there must be an object, got null' })
  t.end()
})
