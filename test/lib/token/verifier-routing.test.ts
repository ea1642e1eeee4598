import fc from 'fast-check'
import { test } from 'tap'
import type { Issuer } from '../../../lib/token/issuer.ts'
import type { RoutedToken } from '../../../lib/token/verifier.ts'
import { createTokenRouter } from '../../../lib/token/verifier.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { encodePart } from '../../support/raw-token.ts'
import { reasonOf, reasonOfAsync } from '../../support/reason.ts'

const named = (issuer: string, opaquePrefix: string | null = null): Issuer =>
  ({ expected: createExpectedToken({ issuer }), opaquePrefix, verify: async () => { throw new Error('not asked here') } })
const jwtOf = (claims: object, header: unknown = { alg: 'ES256' }): string =>
  `${encodePart(typeof header === 'string' ? header : JSON.stringify(header))}.${encodePart(JSON.stringify(claims))}.c2ln`

const a = named('https://a.example')
const b = named('https://b.example', '')
const c = named('https://c.example', 'tok_')
const d = named('https://d.example', 'tok_live_')
const route = createTokenRouter([a, b, c, d], null)

test('a JWT goes to the issuer that it names, and nothing else does', async t => {
  for (const issuer of [a, b, c, d]) {
    const { issuer: found, jwt } = await route(jwtOf({ iss: issuer.expected.issuer }))
    t.equal(found, issuer)
    t.equal(jwt?.claims.iss, issuer.expected.issuer)
  }
  for (const iss of ['https://e.example', 'https://a.example/', '', null, 7, ['https://a.example'], undefined, '__proto__']) {
    t.equal(reasonOf(() => route(jwtOf({ iss }))), 'issuer_unknown', JSON.stringify(iss))
  }
})

test('what is no JWT goes by how it begins, the longest beginning first', async t => {
  const cases: Array<[token: string, issuer: Issuer]> = [
    ['tok_1', c], ['tok_live_1', d], ['tok_live', c], ['tok', b], ['x', b], ['TOK_1', b], ['a.b', b], ['a.b.c', b], ['a.b.c.d', b],
    // Three parts, of which the first is no JSON object by itself: the base64url of x{, of spaces, of nothing.
    [`${encodePart('x{')}.e30.c2ln`, b], [`${encodePart('   ')}.ey.c2ln`, b], ['e.y.c2ln', b], ['a.b.ey', b],
    ['eyJhbGciOiJkaXIifQ', b], ['eyJhbGciOiJkaXIifQ..aXY.dGV4dA.dGFn', b], ['..', b]
  ]
  for (const [token, issuer] of cases) t.strictSame(await route(token), { issuer, jwt: null }, token)
})

test('what looks like a JWT and is none goes nowhere', async t => {
  for (const token of ['eyJ.e30.', 'eyJhbGciOiJFUzI1NiJ9..', 'eyJhbGciOiJFUzI1NiJ9.e30.', `${encodePart('{')}.e30.c2ln`, `${encodePart(' \n{"alg":')}.e30.c2ln`]) {
    t.equal(reasonOf(() => route(token)), 'token_malformed', token)
  }
  t.equal((await route(jwtOf({ iss: 'https://a.example' }, ' \t{"alg":"ES256"}'))).issuer, a, 'spaces make no opaque token of it')
})

test('without an issuer of opaque tokens there are none', async t => {
  const strict = createTokenRouter([a, named('https://e.example', 'tok_')], null)
  for (const token of ['', 'x', 'to', 'a.b', 'a.b.c']) t.equal(reasonOf(() => strict(token)), 'token_malformed', token)
})

test('how long a token may be', async t => {
  t.equal((await route('x'.repeat(4096))).issuer, b)
  t.equal(reasonOf(() => route('x'.repeat(4097))), 'token_too_long')
  t.equal(reasonOf(() => route('x'.repeat(16_385))), 'token_too_long')
  t.equal(reasonOf(() => route(jwtOf({ iss: 'https://a.example', x: 'x'.repeat(16_384) }))), 'token_too_long')
  t.equal((await route(jwtOf({ iss: 'https://a.example', x: 'x'.repeat(8000) }))).issuer, a)
  const token = jwtOf({ iss: 'https://a.example' })
  t.equal((await createTokenRouter([a], null, token.length)(token)).issuer, a, 'as long as may be is not too long')
  t.equal(reasonOf(() => createTokenRouter([a], null, token.length - 1)(token)), 'token_too_long')
})

test('a resolver is asked for what the list does not have', async t => {
  const asked: string[] = []
  const e = named('https://e.example')
  const resolving = createTokenRouter([a, b], async identifier => { asked.push(identifier); return identifier === e.expected.issuer ? e : null })
  t.equal((await resolving(jwtOf({ iss: e.expected.issuer }))).issuer, e)
  t.equal((await resolving(jwtOf({ iss: a.expected.issuer }))).issuer, a)
  t.equal((await resolving('opaque')).issuer, b)
  t.equal(await reasonOfAsync(async () => await resolving(jwtOf({ iss: 'https://f.example' }))), 'issuer_unknown')
  for (const iss of [null, 7, ['https://e.example'], undefined]) {
    t.equal(reasonOf(() => resolving(jwtOf({ iss }))), 'issuer_unknown', JSON.stringify(iss))
  }
  t.strictSame(asked, [e.expected.issuer, 'https://f.example'])
})

test('every token is routed to one issuer, or is refused', async t => {
  const prefixes = fc.uniqueArray(fc.constantFrom('', 't', 'to', 'tok_', 'tok_live_', 'eyJ', 'x.y', '{'), { minLength: 1 })
  const part = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('eyJ', encodePart('{}'), encodePart(' {"a":1}'), encodePart('{"iss":"https://a.example"}')))
  const token = fc.oneof(fc.string(), fc.array(part, { maxLength: 6 }).map(parts => parts.join('.')),
    fc.constantFrom('', 't', 'tok_', 'tok_live_').chain(prefix => fc.string().map(rest => prefix + rest)),
    fc.jsonValue({ maxDepth: 1 }).map(iss => jwtOf({ iss })))
  fc.assert(fc.property(prefixes, token, (given, text) => {
    const issuers = given.map(prefix => named(`https://${prefix}.example`, prefix))
    let routed: RoutedToken | null = null
    const reason = reasonOf(() => { routed = createTokenRouter([a, ...issuers], null)(text) as RoutedToken })
    // Only the form of a JWE, which has five parts, may be called encrypted.
    const looksEncrypted = text.startsWith('ey') && text.split('.').length === 5
    if (routed === null) return reason === 'token_encrypted' ? looksEncrypted : ['token_malformed', 'issuer_unknown'].includes(reason!)
    const { issuer, jwt } = routed as RoutedToken
    if (jwt !== null) return jwt.claims.iss === issuer.expected.issuer
    const longest = given.filter(prefix => text.startsWith(prefix)).sort((one, other) => other.length - one.length)[0]
    return issuer.opaquePrefix === longest
  }))
})

test('the log is told why a token has no issuer (A1)', async t => {
  const detailOf = (router: typeof route, token: string): unknown => {
    try {
      return router(token)
    } catch (error) {
      const { reason, detail } = error as { reason: string, detail: object }
      return { reason, ...detail }
    }
  }
  const jwtOnly = createTokenRouter([a], null)
  t.match(detailOf(jwtOnly, jwtOf({ iss: 'https://a.example/' })), {
    reason: 'issuer_unknown', expected: 'iss is https://a.example', received: 'iss is "https://a.example/"'
  })
  t.match(detailOf(createTokenRouter([a], async () => null), jwtOf({ iss: 7 })), { expected: 'iss is https://a.example, or known to resolveIssuer' })
  t.match(detailOf(jwtOnly, `${encodePart('{"alg":"dir","enc":"A256GCM"}')}..YWJj.YWJj.YWJj`), {
    reason: 'token_encrypted', received: /JWE/, fix: /sign/
  })
  t.match(detailOf(jwtOnly, 'opaque'), { reason: 'token_malformed', expected: /^a JWT$/, received: 'a token that is not a JWT', fix: /^request the token for this resource/ })
  t.match(detailOf(createTokenRouter([named('https://e.example', 'tok_')], null), 'opaque'), { expected: /opaquePrefix/ })
  t.match(detailOf(createTokenRouter([a, c], null), 'opaque'), { expected: /opaquePrefix/ }, 'one issuer of opaque tokens suffices')
  const custom: Issuer = { ...c, expected: { issuer: 'https://c.example', tokenRules: [] } }
  t.match(detailOf(createTokenRouter([custom, a], null), jwtOf({ iss: 'https://a.example/' })), { reason: 'issuer_unknown' }, 'customTokens have no hints')
  t.match(detailOf(jwtOnly, 'x'.repeat(16_385)), { reason: 'token_too_long', received: '16385 characters' })
  t.match(detailOf(jwtOnly, `${encodePart('{"alg":')}.e30.c2ln`), { reason: 'token_malformed', received: 'a part of it is not JSON' })
  t.match(detailOf(jwtOnly, 'eyJhIjoxfQ.e30.c2l'), { received: 'a part of it is not canonical base64url' })
})

test('how long a token may be can be configured (B6)', async t => {
  const token = jwtOf({ iss: 'https://a.example', x: 'x'.repeat(20_000) })
  t.equal(reasonOf(() => createTokenRouter([a], null)(token)), 'token_too_long')
  t.equal((await createTokenRouter([a], null, 65_536)(token)).issuer, a)
})
