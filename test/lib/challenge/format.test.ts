import fc from 'fast-check'
import { test } from 'tap'
import type { Challenge } from '../../../lib/challenge/format.ts'
import { formatChallenge, isScheme } from '../../../lib/challenge/format.ts'
import { parseChallenges } from '../../../lib/challenge/parse.ts'
import { challengeArbitrary } from '../../support/arbitrary-challenge.ts'

const challenge = (scheme: string, parameters: Record<string, string> = {}, token68: string | null = null): Challenge =>
  ({ scheme, token68, parameters: new Map(Object.entries(parameters)) })

test('challenges as header values', t => {
  for (const [given, written] of [
    [challenge('Negotiate'), 'Negotiate'],
    [challenge('Negotiate', {}, 'YII='), 'Negotiate YII='],
    [challenge('Basic', { realm: 'x', charset: 'UTF-8' }), 'Basic realm="x", charset="UTF-8"']
  ] as const) t.equal(formatChallenge(given), written)
  t.end()
})

test('what no header may hold is refused', t => {
  for (const given of [
    challenge(''), challenge('a b'), challenge('Bearer\r\nX'), challenge('Negotiate', {}, 'a b'), challenge('Negotiate', {}, ''),
    challenge('Bearer', { 'a b': 'x' }), challenge('Bearer', { '': 'x' }), challenge('Bearer', { a: 'x\r\nSet-Cookie: y' })
  ]) t.throws(() => formatChallenge(given), { name: 'TypeError' })
  t.end()
})

test('what is written is read back', t => {
  fc.assert(fc.property(fc.array(challengeArbitrary, { maxLength: 4 }), given => {
    const read = parseChallenges(given.map(formatChallenge).join(', '))
    t.strictSame(read.map(({ raw, ...one }) => one), given)
    return read.every((one, index) => one.raw === formatChallenge(given[index]!))
  }), { numRuns: 200 })
  t.end()
})

test('schemes compare without case', t => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) t.ok(isScheme({ scheme }, 'bEaReR'))
  for (const scheme of ['Basic', 'Bearer2', '']) t.notOk(isScheme({ scheme }, 'Bearer'))
  t.end()
})
