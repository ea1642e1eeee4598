import { test } from 'tap'
import { isKnown } from '../../../lib/metadata/conditional.ts'

test('who has the document already', async t => {
  for (const [ifNoneMatch, known] of [
    [undefined, false], ['', false], ['"a"', true], ['W/"a"', true], ['*', true], [' * ', true], ['"b", W/"a"', true], ['"b","a"', true],
    ['"b"', false], ['a', false], ['"A"', false], ['"a" "b"', false], ['W/"b"', false]
  ] as const) t.equal(isKnown(ifNoneMatch, '"a"'), known, String(ifNoneMatch))
})
