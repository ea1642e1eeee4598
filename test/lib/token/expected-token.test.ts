import { test } from 'tap'
import { unknownPlaceholder } from '../../../lib/token/expected-token.ts'

test('what stands for nothing', async t => {
  for (const [said, unknown] of [
    ['{clientId}@clients', null], ['{subject}', null], ['plain', null], ['{', null], [true, null],
    ['{client}', '{client}'], ['{clientId}{clientid}', '{clientid}'], ['{}', '{}'], ['{ subject}', '{ subject}']
  ] as const) t.equal(unknownPlaceholder(said), unknown, String(said))
})
