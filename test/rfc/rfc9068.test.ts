import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { bearer, createApp, optionsFor, resource } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { partsOf, signRaw } from '../support/raw-token.ts'
import type { Answer, TestServerOptions } from '../support/server.ts'
import { accepted, answerOf, createTestServer, invalidToken } from '../support/server.ts'

/** One token and what becomes of it; times are seconds from now. */
interface Row {
  readonly title: string
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly rule?: TestServerOptions['rule']
  readonly answer: Answer
}

const lenient = { profile: 'jwt' } as const
const relative = new Set(['exp', 'nbf', 'iat'])

const rows: Row[] = [
  { title: 'R9068-01 S15 at+jwt', header: { typ: 'at+jwt' }, answer: accepted },
  { title: 'R9068-01 R8725-17 application/at+jwt', header: { typ: 'application/at+jwt' }, answer: accepted },
  { title: 'R9068-01 in any case', header: { typ: 'Application/AT+JWT' }, answer: accepted },
  { title: 'R9068-01 S15 JWT', header: { typ: 'JWT' }, answer: invalidToken },
  { title: 'R9068-01 none', header: { typ: undefined }, answer: invalidToken },
  { title: 'R9068-01 S15 dpop+jwt', header: { typ: 'dpop+jwt' }, answer: invalidToken },
  { title: 'R9068-01 JWT where that is agreed', header: { typ: 'JWT' }, rule: lenient, answer: accepted },
  { title: 'R9068-01 none where that is agreed', header: { typ: undefined }, rule: lenient, answer: accepted },
  { title: 'R9068-01 another where JWT is agreed', header: { typ: 'logout+jwt' }, rule: lenient, answer: invalidToken },

  { title: 'R9068-03 the very issuer', answer: accepted },
  { title: 'R9068-03 a slash more', claims: { iss: 'https://login.example.com/' }, answer: invalidToken },
  { title: 'R9068-03 another case', claims: { iss: 'https://LOGIN.example.com' }, answer: invalidToken },
  { title: 'R9068-03 a list', claims: { iss: ['https://login.example.com'] }, answer: invalidToken },

  { title: 'R9068-04 the resource', claims: { aud: resource }, answer: accepted },
  { title: 'R9068-04 the resource among others', claims: { aud: ['https://other.example', resource] }, answer: accepted },
  { title: 'R9068-04 missing', claims: { aud: undefined }, answer: invalidToken },
  { title: 'R9068-04 another', claims: { aud: 'https://other.example' }, answer: invalidToken },
  { title: 'R9068-04 a prefix', claims: { aud: 'https://api.example' }, answer: invalidToken },
  { title: 'R9068-04 something longer', claims: { aud: `${resource}/v1` }, answer: invalidToken },
  { title: 'R9068-04 in a text with others', claims: { aud: `${resource} https://other.example` }, answer: invalidToken },
  { title: 'R9068-04 a slash more', claims: { aud: `${resource}/` }, answer: invalidToken },
  { title: 'R9068-04 an empty list', claims: { aud: [] }, answer: invalidToken },
  { title: 'R9068-04 a list that is not all text', claims: { aud: [resource, 7] }, answer: invalidToken },
  { title: 'R9068-04 another where that is configured', claims: { aud: 'api-1' }, rule: { audience: ['api-1', 'api-2'] }, answer: accepted },
  { title: 'R9068-04 the resource where another is configured', claims: { aud: resource }, rule: { audience: 'api-1' }, answer: invalidToken },
  { title: 'R9068-04 a further one where none may be', claims: { aud: [resource, 'x'] }, rule: { rejectForeignAudiences: true }, answer: invalidToken },
  { title: 'R9068-04 none further where none may be', claims: { aud: [resource] }, rule: { rejectForeignAudiences: true }, answer: accepted },

  { title: 'R9068-06 before the end', claims: { exp: 1 }, answer: accepted },
  { title: 'R9068-06 within the leeway', claims: { exp: -4 }, answer: accepted },
  { title: 'R9068-06 beyond the leeway', claims: { exp: -5 }, answer: invalidToken },
  { title: 'R9068-06 beyond a leeway of none', claims: { exp: 0 }, rule: { clockToleranceSeconds: 0 }, answer: invalidToken },
  { title: 'R9068-06 within a leeway of 300', claims: { exp: -299 }, rule: { clockToleranceSeconds: 300 }, answer: accepted },

  ...['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'].flatMap((name): Row[] => [
    { title: `R9068-07 no ${name}`, claims: { [name]: undefined }, answer: invalidToken },
    { title: `R9068-07 ${name} that is null`, claims: { [name]: null }, answer: invalidToken },
    { title: `R9068-07 ${name} of the wrong type`, claims: { [name]: { a: 1 } }, answer: invalidToken }
  ]),
  { title: 'R9068-07 all of them', answer: accepted },

  { title: 'R9068-09 a scope that is a list', claims: { scope: ['read'] }, answer: invalidToken },
  { title: 'R9068-09 a scope that is a text', claims: { scope: 'read write' }, answer: accepted },

  { title: 'R9068-17 an ID token', claims: { nonce: 'n', at_hash: 'h', client_id: undefined, aud: 'client-1' }, header: { typ: 'JWT' }, answer: invalidToken },
  {
    title: 'R9068-17 an ID token where JWT is agreed',
    claims: { nonce: 'n', azp: 'client-1' }, header: { typ: 'JWT' }, rule: lenient, answer: invalidToken
  },
  {
    title: 'R9068-17 an ID token whose client is the resource',
    claims: { client_id: undefined, jti: undefined, azp: resource }, header: { typ: 'JWT' }, rule: lenient, answer: invalidToken
  },
  {
    title: 'R9068-17 an ID token with nothing to know it by',
    claims: { client_id: undefined, jti: undefined }, header: { typ: undefined }, rule: lenient, answer: invalidToken
  },
  {
    title: 'R9068-17 an access token where JWT is agreed',
    claims: { client_id: undefined, jti: undefined, scp: ['read'] }, header: { typ: 'JWT' }, rule: lenient, answer: accepted
  },

  { title: 'R9068-18 nbf in the past', claims: { nbf: -60 }, answer: accepted },
  { title: 'R9068-18 nbf within the leeway', claims: { nbf: 5 }, answer: accepted },
  { title: 'R9068-18 nbf beyond the leeway', claims: { nbf: 6 }, answer: invalidToken },
  { title: 'R9068-18 nbf that is a text', claims: { nbf: 'x' }, answer: invalidToken },
  { title: 'R9068-18 issued in the future', claims: { iat: 6 }, answer: invalidToken },

  { title: 'R8693-05 an actor without identity', claims: { act: {} }, answer: invalidToken },
  { title: 'C-14 bound to a key', claims: { cnf: { 'x5t#S256': 'x' } }, answer: invalidToken }
]

for (const { title, claims = {}, header = {}, rule = {}, answer } of rows) {
  test(`${title}: ${answer.status}`, async t => {
    const { clock, issuer, get, handled } = await createTestServer(t, { rule })
    const now = clock.now() / 1000
    const given = Object.fromEntries(Object.entries(claims).map(([name, value]) =>
      [name, relative.has(name) && typeof value === 'number' ? now + value : value]))
    t.strictSame(answerOf(await get(await issuer.token(given, header))), answer)
    t.equal(handled.length, answer === accepted ? 1 : 0)
  })
}

test('encrypted tokens are not supported, and refused (R9068-02, R8725-06)', async t => {
  const { issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get('eyJhbGciOiJSU0EtT0FFUCJ9.e30.e30.e30.e30')), invalidToken)
  t.strictSame(answerOf(await get(`${await issuer.token()}.e30.e30`)), invalidToken)
})

test('the signature (R9068-05, R9068-11)', async t => {
  const { clock, issuer, get, handled } = await createTestServer(t)
  const stranger = await createFakeIssuer({ clock })
  const token = await issuer.token()
  const [header, claims, signature] = token.split('.')
  const none = (alg: string): string => Buffer.from(JSON.stringify({ alg, typ: 'at+jwt' })).toString('base64url')
  const cases: Record<string, [string, Answer]> = {
    'of the issuer': [token, accepted],
    'of a foreign key': [await stranger.token(), invalidToken],
    'that was taken away': [`${header}.${claims}.`, invalidToken],
    'and its dot': [`${header}.${claims}`, invalidToken],
    'with none': [`${none('none')}.${claims}.`, invalidToken],
    'with none and a signature': [`${none('none')}.${claims}.${signature}`, invalidToken],
    'with NONE': [`${none('NONE')}.${claims}.${signature}`, invalidToken]
  }
  for (const [title, [given, answer]] of Object.entries(cases)) t.strictSame(answerOf(await get(given)), answer, title)
  t.equal(handled.length, 1)
})

test('the leeway is capped (R9068-06)', async t => {
  const issuer = await createFakeIssuer()
  for (const clockToleranceSeconds of [301, -1, NaN]) {
    t.throws(() => resolveConfig(optionsFor(issuer, { clockToleranceSeconds })), /clockToleranceSeconds/)
  }
  t.doesNotThrow(() => resolveConfig(optionsFor(issuer, { clockToleranceSeconds: 300 })))
})

test('RS256 and the others work without being asked for (R9068-08, R8725-05)', async t => {
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']) {
    const { issuer, get } = await createTestServer(t, { issuer: { alg } })
    t.strictSame(answerOf(await get(await issuer.token())), accepted, alg)
    t.strictSame(answerOf(await get(await issuer.token({ aud: 'x' }))), invalidToken, alg)
  }
})

test('scopes are those of the scope claim, or of the claims that are configured (R9068-09, R9068-16)', async t => {
  const cases: Array<[TestServerOptions['rule'], Record<string, unknown>, string[]]> = [
    [{}, { scope: 'read write', scp: ['admin'], permissions: ['admin'], roles: ['admin'] }, ['read', 'write']],
    [{}, { scp: 'admin' }, []],
    [lenient, { scope: 'read', scp: ['write'] }, ['read', 'write']],
    [{ scopeClaims: ['permissions'] }, { scope: 'admin', permissions: ['read'] }, ['read']]
  ]
  for (const [rule, claims, scopes] of cases) {
    const { issuer, get } = await createTestServer(t, { rule: rule! })
    t.match((await get(await issuer.token(claims))).json(), { accessToken: { scopes } }, JSON.stringify(claims))
  }
})

test('what else the token says is there to be used (R9068-10, R9068-13, R9068-15)', async t => {
  const { issuer, get } = await createTestServer(t)
  const claims = { auth_time: 1, acr: 'phr', amr: ['pwd'], groups: [{ value: 'g' }], roles: ['r'], entitlements: ['e'] }
  t.match((await get(await issuer.token(claims))).json(), { accessToken: { claims } })
})

test('a client that acts for itself is not taken for a user (R9068-14)', async t => {
  const { issuer, get } = await createTestServer(t)
  t.match((await get(await issuer.token({ sub: 'client-1' }))).json(), { accessToken: { principalType: 'client', subject: 'client-1' } })
  t.match((await get(await issuer.token())).json(), { accessToken: { principalType: 'user', subject: 'user-1' } })
})

test('crafted claims end as 401, whoever signed them', async t => {
  const { issuer, get, handled } = await createTestServer(t)
  const { header, claims } = partsOf(await issuer.token())
  const key = issuer.keys[0]!
  const text = (name: string, json: string): string =>
    JSON.stringify({ ...claims, [name]: 'HERE' }).replace('"HERE"', json)
  const payloads: Record<string, string | Uint8Array> = {
    'lists in lists': text('x', `${'['.repeat(5000)}${']'.repeat(5000)}`),
    'objects in objects': text('x', `${'{"a":'.repeat(1600)}1${'}'.repeat(1600)}`),
    'actors without end': text('act', `${'{"sub":"a","act":'.repeat(50)}{"sub":"a"}${'}'.repeat(50)}`),
    'exp beyond every number': text('exp', '1e400'),
    'exp below every number': text('exp', '-1e400'),
    'exp of many digits below nought': text('exp', `-${'9'.repeat(500)}`),
    'exp as text': text('exp', '"9999999999"'),
    'exp in a list': text('exp', '[9999999999]'),
    'exp that is true': text('exp', 'true'),
    'exp that is nought': text('exp', '-0'),
    'nbf beyond every number': text('nbf', '1e400'),
    'iat beyond every number': text('iat', '1e400'),
    'a __proto__ in place of the claims': `{"__proto__":${JSON.stringify(claims)}}`,
    'a constructor in place of the claims': `{"constructor":{"prototype":${JSON.stringify(claims)}}}`,
    'sub that is an object with a text': text('sub', '{"toString":"x"}'),
    'aud that looks like a list': text('aud', `{"0":${JSON.stringify(resource)},"length":1}`),
    'a list in place of the claims': `[${JSON.stringify(claims)}]`,
    null: 'null',
    nothing: ' ',
    'bytes that are no text': Uint8Array.of(0xff, 0xfe, 0x7b, 0x7d),
    'claims twice': `${JSON.stringify(claims)}${JSON.stringify(claims)}`
  }
  for (const [title, payload] of Object.entries(payloads)) t.strictSame(answerOf(await get(await signRaw(key, header, payload))), invalidToken, title)
  t.strictSame(handled, [])

  const harmless: Record<string, string> = {
    '__proto__ beside the claims': text('__proto__', '{"admin":true}'),
    'a claim named like a method': text('hasOwnProperty', '1'),
    'exp in the far future': text('exp', '1e300')
  }
  for (const [title, payload] of Object.entries(harmless)) {
    t.strictSame(answerOf(await get(await signRaw(key, header, payload))), accepted, title)
  }
  t.equal(({} as Record<string, unknown>).admin, undefined)
})

test('a subject belongs to its issuer (R8725-12)', async t => {
  const a = await createFakeIssuer()
  const b = await createFakeIssuer({ issuer: 'https://other.example' })
  const app = await createApp(t, optionsFor(a, {
    authorizationServers: [a.issuer, b.issuer],
    fetch: async (url, init) => await (url.startsWith(a.issuer) ? a : b).fetch(url, init)
  }))
  app.get('/', async request => [request.accessToken!.issuer, request.accessToken!.subject])
  const answers = []
  for (const issuer of [a, b]) answers.push((await app.inject({ url: '/', headers: bearer(await issuer.token()) })).json())
  t.strictSame(answers, [[a.issuer, 'user-1'], [b.issuer, 'user-1']])
})
