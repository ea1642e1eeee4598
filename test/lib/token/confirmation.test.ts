import { test } from 'tap'
import { parseConfirmation } from '../../../lib/token/confirmation.ts'

const jkt = 'a'.repeat(43)
const x5t = 'b'.repeat(43)

test('RFC 9449 6.1, RFC 8705 3.1: the members of cnf that are understood (R8705-08)', t => {
  t.same(parseConfirmation({ jkt }), { keyThumbprint: jkt, certificateThumbprint: null })
  t.same(parseConfirmation({ 'x5t#S256': x5t }), { keyThumbprint: null, certificateThumbprint: x5t })
  t.same(parseConfirmation({ jkt, 'x5t#S256': x5t }), { keyThumbprint: jkt, certificateThumbprint: x5t })
  t.end()
})

test('RFC 7800: a binding that is not understood is not taken for none (R8705-09)', t => {
  const wrong = [
    null, 'jkt', 1, [], {}, { jkt: '' }, { jkt: 1 }, { jkt: null }, { jkt: `${jkt}=` }, { jkt: 'a'.repeat(42) }, { jkt: `a${jkt}` }, { jkt: [jkt] }, { jkt, jwk: {} },
    { 'x5t#S256': 'x' }, { jkt, 'x5t#S256': '' }, { kid: 'a' }, { x5t }
  ]
  for (const cnf of wrong) t.equal(parseConfirmation(cnf), 'unsupported', JSON.stringify(cnf))
  t.equal(parseConfirmation(undefined), null, 'a token without cnf')
  t.end()
})

test('RFC 7800 3.1: where unknown members are ignored, those that are understood count all the same (R8705-09, C-14)', t => {
  t.equal(parseConfirmation({ kid: 'a' }, true), null)
  t.same(parseConfirmation({ jkt, kid: 'a' }, true), { keyThumbprint: jkt, certificateThumbprint: null })
  for (const cnf of [{}, null, 'x', { jkt: 'x', kid: 'a' }, { kid: 'a', 'x5t#S256': 1 }]) t.equal(parseConfirmation(cnf, true), 'unsupported', JSON.stringify(cnf))
  t.end()
})
