import fc from 'fast-check'
import { test } from 'tap'
import { parseChallenges } from '../../../lib/challenge/parse.ts'
import { ChallengeSyntaxError } from '../../../lib/errors/syntax-errors.ts'
import { nearlyHeaderArbitrary } from '../../support/arbitrary-challenge.ts'

type Expected = [scheme: string, parametersOrToken: Record<string, string> | string]

const good: ReadonlyArray<readonly [string, readonly Expected[]]> = [
  ['', []],
  [' , ,, ', []],
  ['Bearer', [['Bearer', {}]]],
  ['Bearer ', [['Bearer', {}]]],
  ['Bearer \t', [['Bearer', {}]]],
  ['Bearer realm="x"', [['Bearer', { realm: 'x' }]]],
  ['Bearer   realm="x"', [['Bearer', { realm: 'x' }]]],
  ['Bearer Realm=x', [['Bearer', { realm: 'x' }]]],
  ['bearer max_age = 5 , acr_values="a b"', [['bearer', { max_age: '5', acr_values: 'a b' }]]],
  ['Bearer a\t=\t"1"\t', [['Bearer', { a: '1' }]]],
  ['Bearer a=1 \t ', [['Bearer', { a: '1' }]]],
  ['Bearer a="", b="\\"\\\\\\x"', [['Bearer', { a: '', b: '"\\x' }]]],
  ['Bearer a="1, b=2, Basic"', [['Bearer', { a: '1, b=2, Basic' }]]],
  ['Bearer a=1,,b=2,', [['Bearer', { a: '1', b: '2' }]]],
  ['Negotiate', [['Negotiate', {}]]],
  ['Negotiate, Basic realm="x"', [['Negotiate', {}], ['Basic', { realm: 'x' }]]],
  ['Negotiate YII=, Basic realm="x"', [['Negotiate', 'YII='], ['Basic', { realm: 'x' }]]],
  ['NTLM abc, Negotiate', [['NTLM', 'abc'], ['Negotiate', {}]]],
  ['Custom a=', [['Custom', 'a=']]],
  ['Bearer , Basic', [['Bearer', {}], ['Basic', {}]]],
  ['Basic realm="x", Bearer scope="a b", DPoP algs="ES256 RS256"',
    [['Basic', { realm: 'x' }], ['Bearer', { scope: 'a b' }], ['DPoP', { algs: 'ES256 RS256' }]]],
  ['Bearer a=,b', [['Bearer', 'a='], ['b', {}]]],
  [', Bearer a=1', [['Bearer', { a: '1' }]]],
  ['Bearer a="\x80ÿ\t"', [['Bearer', { a: '\x80ÿ\t' }]]]
]

for (const [value, expected] of good) {
  test(`reads ${JSON.stringify(value)}`, t => {
    const read = parseChallenges(value)
    t.strictSame(read.map(({ scheme, token68, parameters }) => [scheme, token68 ?? Object.fromEntries(parameters)]), expected)
    for (const one of read) {
      t.ok(value.includes(one.raw) && one.raw === one.raw.trim())
      t.strictSame(parseChallenges(one.raw), [one], 'the text of one challenge is that challenge')
    }
    t.end()
  })
}

const bad = [
  '=', '"x"', 'Bearer a="x', 'Bearer a="x\\', 'Bearer a="x\ny"', 'Bearer a=1, a=2', 'Bearer a=1, A=2', 'Bearer a=1 b=2',
  'Bearer a="1"b', 'Bearer a="1",b=', 'Bearer a="1", b=,', 'Bearer abc def', 'Bearer a="\u0100"', 'Bearer\r\nX-Other: 1',
  'Bearer a=1\0', 'Basic abc, x=y', 'Bearer a=""; b=""', 'Bearer abc!', 'Bearer\tx=1', '\u00a0Bearer', 'Bearer a="\\\u0100"',
  'Basic/abc', 'Basic =x', 'Basic a=b, =c', 'Bearer a=1 Basic', 'Bearer a=1 \t Basic'
]

for (const value of bad) {
  test(`refuses ${JSON.stringify(value)}`, t => {
    try {
      t.fail(JSON.stringify(parseChallenges(value)))
    } catch (error) {
      t.ok(error instanceof ChallengeSyntaxError && error instanceof SyntaxError)
      t.match(error, { name: 'ChallengeSyntaxError' })
      t.match((error as Error).message, /^not a list of challenges at character \d+$/)
      t.notMatch((error as Error).message, value, 'what was sent is not echoed')
    }
    t.end()
  })
}

test('the position of what could not be read', t => {
  for (const [value, position] of [['=', 0], ['Bearer a="x', 11], ['Bearer x, "', 10]] as const) {
    t.throws(() => parseChallenges(value), { message: `not a list of challenges at character ${position}` })
  }
  t.end()
})

test('any text is read or refused, and never anything else', t => {
  fc.assert(fc.property(fc.oneof(nearlyHeaderArbitrary, fc.string({ unit: 'binary' })), text => {
    try {
      return parseChallenges(text).every(one => one.scheme !== '')
    } catch (error) {
      return error instanceof ChallengeSyntaxError
    }
  }), { numRuns: 2000 })
  t.end()
})

test('long text takes no time and no stack', t => {
  const much = 4_000_000
  t.equal(parseChallenges(`Bearer a="${'x'.repeat(much)}"`)[0]!.parameters.get('a')!.length, much)
  t.equal(parseChallenges(`Bearer a="${'\\"'.repeat(much / 8)}"`)[0]!.parameters.get('a')!.length, much / 8)
  for (const text of [
    `Bearer${' '.repeat(much)}!"`, `${','.repeat(much)}=`, `Bearer ${'a'.repeat(much)}${'='.repeat(much)}!"`, `Bearer a="${'\\'.repeat(much / 8 + 1)}`,
    `Bearer a${' '.repeat(much)}"`, `Bearer a=1${' \t'.repeat(much)}"`, `Bearer a=1${' ,'.repeat(much / 8)}"`, 'a '.repeat(much / 8) + '"'
  ]) t.throws(() => parseChallenges(text), ChallengeSyntaxError)
  t.equal(parseChallenges('Bearer a=1, '.repeat(much / 400)).length, much / 400)
  t.end()
})
