import fc from 'fast-check'
import { test } from 'tap'
import { readCredentials } from '../../../lib/token/credentials.ts'
import type { Credentials } from '../../../lib/token/credentials.ts'

const none: Credentials = { kind: 'none' }
const malformed: Credentials = { kind: 'malformed', reason: 'authorization_malformed', scheme: 'Bearer' }
const repeated: Credentials = { kind: 'malformed', reason: 'authorization_repeated', scheme: null }
const bearer = (token: string): Credentials => ({ kind: 'bearer', token })

test('one Authorization header', async t => {
  const cases: Array<[value: string, Credentials]> = [
    ['Bearer abc', bearer('abc')],
    ['bearer abc', bearer('abc')],
    ['BEARER abc', bearer('abc')],
    ['bEaReR abc', bearer('abc')],
    ['Bearer  abc', bearer('abc')],
    ['Bearer      abc', bearer('abc')],
    ['Bearer aZ09-._~+/', bearer('aZ09-._~+/')],
    ['Bearer abc=', bearer('abc=')],
    ['Bearer abc===', bearer('abc===')],
    ['Bearer', malformed],
    ['Bearer ', malformed],
    ['Bearer   ', malformed],
    ['Bearer =', malformed],
    ['Bearer a=b', malformed],
    ['Bearer a b', malformed],
    ['Bearer a,b', malformed],
    ['Bearer a, Bearer b', malformed],
    ['Bearer a ', malformed],
    ['Bearer "a"', malformed],
    ['Bearer a\tb', malformed],
    ['Bearer ä', malformed],
    ['Bearer realm="a"', malformed],
    // The scheme is Bearer, and what follows is not what must follow.
    ['Bearer\tabc', malformed],
    ['Bearer,abc', malformed],
    ['Bearer=abc', malformed],
    ['Bearer"abc"', malformed],
    ['Bearer/abc', malformed],
    ['Bearer:abc', malformed],
    ['', none],
    ['Basic dXNlcjpwYXNz', none],
    ['DPoP abc', none],
    ['Basic x, Bearer abc', none],
    // Other schemes, however alike.
    ['Bearers abc', none],
    ['Bearer2 abc', none],
    ['Bearer-x abc', none],
    ['Bearer|abc', none],
    ['Bear er abc', none],
    ['abc', none],
    [' Bearer abc', none]
  ]
  for (const [value, expected] of cases) {
    for (const name of ['Authorization', 'authorization', 'AUTHORIZATION']) {
      t.strictSame(readCredentials(['Host', 'h', name, value, 'Accept', '*/*']), expected, JSON.stringify(value))
    }
  }
})

test('no Authorization header', async t => {
  const cases: string[][] = [
    [],
    ['Host', 'Authorization'],
    ['Proxy-Authorization', 'Bearer abc'],
    ['Authorizatio_', 'Bearer abc'],
    ['X', 'Authorization', 'Bearer', 'abc']
  ]
  for (const headers of cases) t.strictSame(readCredentials(headers), none, JSON.stringify(headers))
})

test('more than one Authorization header', async t => {
  const cases: string[][] = [
    ['Bearer a', 'Bearer b'],
    ['Bearer a', 'Bearer a'],
    ['Bearer a', 'Basic b'],
    ['Basic a', 'Bearer b'],
    ['Basic a', 'Basic b'],
    ['', 'Bearer b'],
    ['Bearer a', ''],
    ['Bearer a', 'DPoP b', 'Basic c']
  ]
  for (const values of cases) {
    const headers = values.flatMap((value, i) => [i % 2 === 0 ? 'Authorization' : 'authorization', value, 'X-Other', 'x'])
    t.strictSame(readCredentials(headers), repeated, JSON.stringify(values))
  }
})

const names = fc.oneof(fc.constantFrom('authorization', 'Authorization', 'AUTHORIZATION', 'Host', 'Cookie'), fc.string())
const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.tuple(fc.constantFrom('Bearer', 'bearer', 'Basic', ''), fc.constantFrom('', ' ', '  ', '\t'), fc.oneof(fc.string(), fc.base64String()))
    .map(parts => parts.join('')))

test('what counts as a token is one header, of the grammar, and nothing else', async t => {
  fc.assert(fc.property(fc.array(fc.tuple(names, values), { maxLength: 6 }), pairs => {
    const found = readCredentials(pairs.flat())
    const sent = pairs.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value)
    const grammar = /^bearer +([a-z0-9._~+/-]+=*)$/i.exec(sent[0] ?? '')
    if (sent.length > 1) return found.kind === 'malformed'
    if (grammar !== null) return found.kind === 'bearer' && found.token === grammar[1]
    return found.kind === (/^bearer(?![a-z0-9!#$%&'*+.^_`|~-])/i.test(sent[0] ?? '') ? 'malformed' : 'none')
  }), { numRuns: 2000 })
})

test('a token in a header of its own, where a gateway sets it (F102)', async t => {
  const header = 'cf-access-jwt-assertion'
  const cases: Array<[headers: string[], expected: object]> = [
    [['Cf-Access-Jwt-Assertion', 'a.b.c'], { kind: 'bearer', token: 'a.b.c' }],
    [['CF-ACCESS-JWT-ASSERTION', 'abc=='], { kind: 'bearer', token: 'abc==' }],
    [[], { kind: 'none' }],
    [['Authorization', 'Bearer a.b.c'], { kind: 'none' }],
    [['Authorization', 'Bearer x', 'Cf-Access-Jwt-Assertion', 'a.b.c'], { kind: 'bearer', token: 'a.b.c' }],
    [['Cf-Access-Jwt-Assertion', 'a', 'Cf-Access-Jwt-Assertion', 'a'], { kind: 'malformed', reason: 'authorization_repeated', scheme: null }],
    [['Cf-Access-Jwt-Assertion', ''], { kind: 'malformed', reason: 'authorization_malformed', scheme: 'Bearer' }],
    [['Cf-Access-Jwt-Assertion', 'Bearer a.b.c'], { kind: 'malformed', reason: 'authorization_malformed', scheme: 'Bearer' }],
    [['Cf-Access-Jwt-Assertion', 'a, b'], { kind: 'malformed', reason: 'authorization_malformed', scheme: 'Bearer' }]
  ]
  for (const [headers, expected] of cases) t.strictSame(readCredentials(headers, header), expected, headers.join(' '))
})

test('RFC 9449 7.1 DPoP credentials are one token68 where the server accepts them, and another scheme where it does not [R9449-20, R9449-27]', async t => {
  const malformedDpop = { kind: 'malformed', reason: 'authorization_malformed', scheme: 'DPoP' }
  for (const [value, expected] of [
    ['DPoP abc', { kind: 'dpop', token: 'abc' }], ['dpop  a.b.c', { kind: 'dpop', token: 'a.b.c' }], ['DPOP abc==', { kind: 'dpop', token: 'abc==' }],
    ['Bearer abc', { kind: 'bearer', token: 'abc' }], ['DPoP', malformedDpop], ['DPoP ', malformedDpop], ['DPoP a b', malformedDpop],
    ['DPoP a, Bearer b', malformedDpop], ['DPoP=a', malformedDpop], ['DPoPs abc', none], ['Basic abc', none]
  ] as const) {
    t.strictSame(readCredentials(['Authorization', value], null, true), expected, value)
    t.strictSame(readCredentials(['Authorization', value]), /^dpop/i.test(value) ? none : expected, `${value}, DPoP off`)
  }
  t.strictSame(readCredentials(['Authorization', 'Bearer a', 'Authorization', 'DPoP b'], null, true), repeated)
})
