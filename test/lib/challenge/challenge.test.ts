import { test } from 'tap'
import { isScheme } from '../../../lib/challenge/challenge.ts'

test('schemes compare without case', t => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) t.ok(isScheme({ scheme }, 'bEaReR'))
  for (const scheme of ['Basic', 'Bearer2', '']) t.notOk(isScheme({ scheme }, 'Bearer'))
  t.end()
})
