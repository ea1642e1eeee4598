import fc from 'fast-check'
import { test } from 'tap'
import { InvalidTokenError } from '../../../lib/errors/errors.ts'
import { hasType, maxTokenLength, parseJwt, refused } from '../../../lib/token/jwt.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { encodePart } from '../../support/raw-token.ts'
import { reasonOf } from '../../support/reason.ts'

const compact = (header: string, claims: string, signature = 'c2ln'): string =>
  `${encodePart(header)}.${encodePart(claims)}.${signature}`

test('takes a token apart', async t => {
  const token = compact('{"alg":"ES256"}', '{"sub":"ü"}')
  t.strictSame(parseJwt(token), {
    signingInput: token.slice(0, -5), signature: Buffer.from('sig'), header: { alg: 'ES256' }, claims: { sub: 'ü' }
  })
})

test('refuses, with a reason for the log and nothing of the token in it', async t => {
  const cases: Record<string, [string, string]> = {
    'an empty string': ['', 'token_malformed'],
    'one part': ['e30', 'token_malformed'],
    'two parts': ['e30.e30', 'token_malformed'],
    'no signature': ['e30.e30.', 'token_malformed'],
    'no header': ['.e30.c2ln', 'token_malformed'],
    'no claims': ['e30..c2ln', 'token_malformed'],
    'four parts': ['e30.e30.c2ln.c2ln', 'token_malformed'],
    'an encrypted token': ['e30.e30.c2ln.c2ln.c2ln', 'token_malformed'],
    padding: ['e30=.e30.c2ln', 'token_malformed'],
    'the other alphabet': ['e30.e30.c+/n', 'token_malformed'],
    'white space': ['e30. e30.c2ln', 'token_malformed'],
    'a line break at the end': ['e30.e30.c2ln\n', 'token_malformed'],
    'a character beyond Latin-1 that Buffer reads as the e of the header': ['\u016530.e30.c2ln', 'token_malformed'],
    'a JSON serialisation': ['{"payload":"e30","signatures":[]}', 'token_malformed'],
    'a header that is no JSON': [compact('x', '{}'), 'token_malformed'],
    'claims that are a list': [compact('{}', '[]'), 'token_malformed'],
    'a name twice in the header': [compact('{"alg":"none","alg":"ES256"}', '{}'), 'token_malformed'],
    'a name twice in the claims': [compact('{}', '{"sub":1,"sub":1}'), 'token_malformed'],
    'bits that say nothing in the header': ['e31.e30.c2ln', 'token_malformed'],
    'bits that say nothing in the claims': ['e30.e31.c2ln', 'token_malformed'],
    'bits that say nothing in the signature': ['e30.e30.c2k', 'token_accepted'],
    'other bits that say nothing in the signature': ['e30.e30.c2l', 'token_malformed'],
    'a single character that decodes to nothing': ['e30.e30.c', 'token_malformed'],
    'one character more than may be': [compact('{}', '{}', 'A'.repeat(maxTokenLength)), 'token_too_long']
  }
  for (const [title, [token, reason]] of Object.entries(cases)) {
    try {
      parseJwt(token)
      t.equal(reason, 'token_accepted', title)
    } catch (error) {
      t.ok(error instanceof InvalidTokenError, title)
      t.match(error, { reason, cause: undefined }, title)
      t.notOk(token !== '' && JSON.stringify([error, (error as Error).message]).includes(token), `${title}: not quoted`)
    }
  }
})

test('RFC 7519 7.2: a token without three parts is refused for that, before a part of it is decoded', async t => {
  const expected = 'a signed JWT in compact form (RFC 7519): three parts of base64url, the first two of them JSON objects'
  for (const [token, received] of [
    ['', 'it does not have three parts'], ['e30', 'it does not have three parts'], ['e30.e30', 'it does not have three parts'], ['e30.e30.c2ln.c2ln', 'it does not have three parts'],
    ['e30.e30.c2l=', 'a part of it is not canonical base64url'], ['e30.e30.', 'a part of it is not canonical base64url'],
    ['e30..c2ln', 'a part of it is not canonical base64url'], ['.e30.c2ln', 'a part of it is not canonical base64url']
  ] as const) {
    const error = ((): unknown => {
      try {
        return parseJwt(token)
      } catch (thrown) {
        return thrown
      }
    })()
    t.strictSame((error as InvalidTokenError).detail, { expected, received }, token)
  }
})

test('the longest token is still read', async t => {
  const short = compact('{}', '{}', '')
  const longest = short + 'A'.repeat(maxTokenLength - short.length)
  t.equal(longest.length, maxTokenLength)
  t.equal(parseJwt(longest).signingInput, short.slice(0, -1))
  t.equal(reasonOf(() => parseJwt(`${longest}A`)), 'token_too_long')
})

test('an expected refusal costs no stack trace', async t => {
  const limit = Error.stackTraceLimit
  t.equal(refused('token_malformed').stack?.includes('\n'), false)
  t.equal(Error.stackTraceLimit, limit)
})

test('throws nothing but InvalidTokenError', async t => {
  const token = await (await createFakeIssuer()).token()
  const part = fc.oneof(fc.base64String(), fc.string(), fc.json().map(encodePart), fc.uint8Array().map(encodePart))
  const arbitrary = fc.oneof(
    fc.string({ maxLength: 2000 }),
    fc.array(part, { minLength: 1, maxLength: 6 }).map(parts => parts.join('.')),
    fc.tuple(fc.nat({ max: token.length }), fc.nat({ max: 5 }), fc.string({ maxLength: 5, unit: 'binary' }))
      .map(([at, removed, added]) => token.slice(0, at) + added + token.slice(at + removed)))
  fc.assert(fc.property(arbitrary, given => {
    try {
      const { signingInput, signature } = parseJwt(given)
      return `${signingInput}.${Buffer.from(signature).toString('base64url')}` === given
    } catch (error) {
      return error instanceof InvalidTokenError && !('cause' in error)
    }
  }), { numRuns: 2000 })
})

test('a header that tokens repeat is read once and cannot be changed', async t => {
  const header = `{"alg":"ES256","kid":"${'k'.repeat(40)}"}`
  const first = parseJwt(compact(header, '{"sub":"a"}')).header
  t.equal(parseJwt(compact(header, '{"sub":"b"}')).header, first)
  t.ok(Object.isFrozen(first))
  t.not(parseJwt(compact(`${header} `, '{"sub":"a"}')).header, first, 'another spelling is another header')
})

test('a header of more than 300 characters is read each time', async t => {
  // 225 bytes are 300 characters of base64url.
  for (const [length, isKept] of [[225, true], [228, false]] as const) {
    const header = `{"kid":"${'k'.repeat(length - 10)}"}`
    const [first, second] = [parseJwt(compact(header, '{}')).header, parseJwt(compact(header, '{}')).header]
    t.strictSame(first, second)
    t.equal(first === second, isKept, `${length} bytes`)
  }
})

test('RFC 7515 4.1.9: application/ is left out at the start of a type alone', async t => {
  t.ok(hasType({ typ: 'application/at+jwt' }, 'at+jwt'))
  t.notOk(hasType({ typ: 'at+application/jwt' }, 'at+jwt'))
})
