import { test } from 'tap'
import { checkIssuerOptions, checkOptions, checkScopeOptions } from '../../../lib/config/check-options.ts'
import { plainOptions } from '../../support/hint.ts'

test('what is of its schema is passed on as it is', t => {
  t.equal(checkOptions(plainOptions), plainOptions)
  const issuer = { issuer: 'https://as', audience: ['a'] }
  t.equal(checkIssuerOptions(issuer, 'x'), issuer)
  t.strictSame(checkScopeOptions('Read', 'x'), { description: 'Read' })
  t.end()
})

test('what is not names where it stands', t => {
  t.throws(() => checkOptions({ ...plainOptions, x: 1 }), { name: 'OptionError', message: 'there is no option "x"' })
  t.throws(() => checkIssuerOptions({ issuer: 5 }, 'here'), { name: 'OptionError', message: 'here.issuer must be string, and is 5' })
  t.throws(() => checkScopeOptions(null, 'there'), { name: 'OptionError', message: 'there must be object, and is null' })
  t.end()
})
