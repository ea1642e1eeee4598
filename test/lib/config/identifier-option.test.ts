import { test } from 'tap'
import { identifierOf } from '../../../lib/config/identifier-option.ts'

test('an identifier, or an error that names option and value', t => {
  t.equal(identifierOf('x', 'https://h/a').path, '/a')
  t.throws(() => identifierOf('x.y', 'ftp://h'), { name: 'OptionError', message: 'x.y must be an absolute https URL, and is "ftp://h"' })
  t.end()
})
