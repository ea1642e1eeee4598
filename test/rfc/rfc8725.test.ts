import { createHmac, KeyObject, sign } from 'node:crypto'
import fc from 'fast-check'
import { exportSPKI } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createFakeIssuer, createSigningKey } from '../support/issuer.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { encodePart, partsOf, signRaw } from '../support/raw-token.ts'
import type { Part } from '../support/raw-token.ts'
import { accepted, answerOf, createTestServer, invalidToken } from '../support/server.ts'

/** A token of the issuer with another header, signed with its key all the same. */
async function withHeader (issuer: FakeIssuer, changes: Record<string, unknown>): Promise<string> {
  const { header, claims } = partsOf(await issuer.token())
  return await signRaw(issuer.keys.at(-1)!, { ...header, ...changes }, claims)
}

/** Headers with which a good token is no longer one. */
const refusedHeaders: Record<string, Record<string, unknown>> = {
  'R8725-01 rs256': { alg: 'rs256' },
  'R8725-01 es256': { alg: 'es256' },
  'R8725-01 R8725-04 none': { alg: 'none' },
  'R8725-01 R8725-04 nOnE': { alg: 'nOnE' },
  'R8725-01 HS256': { alg: 'HS256' },
  'R8725-01 no algorithm': { alg: undefined },
  'R8725-01 a list of algorithms': { alg: ['ES256'] },
  'R8725-01 a space more': { alg: 'ES256 ' },
  'R8725-14 a kid that is a path': { kid: '../../x' },
  'R8725-14 a kid that is a query': { kid: "' OR 1=1 --" },
  'R8725-14 a kid of ten thousand characters': { kid: 'k'.repeat(10_000) },
  'R8725-14 a kid that is a number': { kid: 1 },
  'R8725-14 a kid that is an object': { kid: { toString: 'key-1' } },
  'R8725-14 a kid named __proto__': { kid: '__proto__' },
  'R8725-18 JWT': { typ: 'JWT' },
  'R8725-18 a proof': { typ: 'dpop+jwt' },
  'R8725-18 a security event': { typ: 'secevent+jwt' },
  'R8725-18 a logout': { typ: 'logout+jwt' },
  'R8725-18 an introspection': { typ: 'token-introspection+jwt' },
  'R8725-18 an assertion': { typ: 'oauth-id-jag+jwt' },
  'R8725-18 a transaction': { typ: 'txntoken+jwt' },
  'R8725-17 another family': { typ: 'text/at+jwt' },
  'R8725-19 an encryption by password': { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_147_483_647, p2s: 'c2FsdA' },
  'R8725-22 an extension that must be understood': { crit: ['x'], x: 1 },
  'R8725-22 a known claim that must be understood': { crit: ['exp'], exp: 1 },
  'R8725-22 nothing that must be understood': { crit: [] },
  'R8725-22 an unencoded payload': { b64: false, crit: ['b64'] },
  'R8725-22 an unencoded payload, not marked': { b64: false },
  'R8725-22 an encoded payload, marked': { b64: true, crit: ['b64'] }
}

const acceptedHeaders: Record<string, Record<string, unknown>> = {
  'R8725-01 the algorithm of the key': {},
  'R8725-14 no kid, where there is one key': { kid: undefined },
  'R8725-17 R8725-18 at+jwt in full': { typ: 'application/at+jwt' },
  'R8725-22 a header that nobody knows': { x: 1, cty: 'anything' }
}

for (const [headers, answer] of [[refusedHeaders, invalidToken], [acceptedHeaders, accepted]] as const) {
  for (const [title, header] of Object.entries(headers)) {
    test(`${title}: ${answer.status}`, async t => {
      const { issuer, get, handled } = await createTestServer(t)
      t.strictSame(answerOf(await get(await issuer.token())), accepted, 'the token as it was')
      issuer.requests.length = 0
      t.strictSame(answerOf(await get(await withHeader(issuer, header))), answer)
      t.equal(handled.length, answer === accepted ? 2 : 1)
      t.ok(issuer.requests.every(url => url === issuer.jwksUri), 'nothing is asked for but the keys')
    })
  }
}

test('the list of algorithms is the issuer\'s own (R8725-02)', async t => {
  const { issuer, get } = await createTestServer(t, { issuer: { alg: 'RS256' }, rule: { algorithms: ['ES256'] } })
  t.strictSame(answerOf(await get(await issuer.token())), invalidToken)
  t.strictSame(issuer.requests, [], 'no key is looked for')
  await issuer.rotate({ alg: 'ES256' })
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
})

test('no list can name none or a shared secret (R8725-01, R8725-04)', async t => {
  const issuer = await createFakeIssuer()
  for (const algorithm of ['none', 'HS256', 'HS512', 'rs256', 'A128KW']) {
    const server = { issuer: issuer.issuer, algorithms: ['ES256', algorithm] }
    t.throws(() => resolveConfig(optionsFor(issuer, { authorizationServers: [server as never] })), /algorithms/, algorithm)
  }
})

test('one key, one algorithm (R8725-03)', async t => {
  await t.test('a public key is no shared secret', async t => {
    const { issuer, get } = await createTestServer(t, { issuer: { alg: 'RS256' } })
    const jwk = issuer.keys[0]!.publicJwk
    const publicKey = await crypto.subtle.importKey('jwk', jwk, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify'])
    const { claims } = partsOf(await issuer.token())
    const input = `${encodePart({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' })}.${encodePart(claims)}`
    for (const secret of [await exportSPKI(publicKey as CryptoKey), JSON.stringify(jwk), Buffer.from(jwk.n!, 'base64url')]) {
      t.strictSame(answerOf(await get(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`)), invalidToken)
    }
    t.strictSame(answerOf(await get(await issuer.token())), accepted)
  })
  await t.test('a key for RS256 checks no PS256', async t => {
    const { issuer, get } = await createTestServer(t, { issuer: { alg: 'PS256' } })
    const { publicJwk } = issuer.keys[0]!
    for (const [alg, answer] of [['RS256', invalidToken], ['PS384', invalidToken], ['PS256', accepted]] as const) {
      const server = await createTestServer(t, { rule: { jwks: { keys: [{ ...publicJwk, alg }] } } })
      t.strictSame(answerOf(await server.get(await issuer.token({ iat: 1, exp: 9e9 }))), answer, alg)
    }
    t.strictSame(answerOf(await get(await issuer.token())), accepted)
  })
})

test('what is no signed token in compact form (R8725-06, R8725-07, R8725-20, R9068-02)', async t => {
  const { issuer, get } = await createTestServer(t)
  const token = await issuer.token()
  const [header = '', claims = '', signature = ''] = token.split('.')
  const nested = await signRaw(issuer.keys[0]!, { alg: 'ES256', typ: 'at+jwt', kid: 'key-1', cty: 'JWT' }, token)
  const forms: Record<string, string> = {
    'five parts': `${header}.${claims}.${signature}.e30.e30`,
    'a token in a token': nested,
    padding: `${token}=`,
    'the other alphabet': token.replace(/[A-Za-z]$/, '+'),
    'one part': header,
    'dots alone': '..'
  }
  for (const [title, form] of Object.entries(forms)) t.strictSame(answerOf(await get(form)), invalidToken, title)
  for (const json of [`{"payload":"${claims}","protected":"${header}","signature":"${signature}"}`, `"${token}"`, `${header} .${claims}.${signature}`]) {
    t.equal((await get(json)).statusCode, 400, 'and this is no credential at all')
  }
  t.strictSame(answerOf(await get(token)), accepted)
})

test('keys that no sound signature can be checked with (R8725-08, R8725-09)', async t => {
  const ec = await createSigningKey('key-1', 'ES256')
  const rsa = await createSigningKey('key-1', 'RS256')
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }, true, ['sign', 'verify'])
  const weak = await crypto.subtle.exportKey('jwk', publicKey) as JWK
  const padded = Buffer.concat([Buffer.alloc(128), Buffer.from(weak.n!, 'base64url')]).toString('base64url')
  const weakKey = { alg: 'RS256', signText: (input: string) => `${input}.${sign('sha256', Buffer.from(input), KeyObject.from(privateKey)).toString('base64url')}` }
  const cases = {
    'a point that is not on the curve': [ec, { ...ec.publicJwk, y: ec.publicJwk.x! }, invalidToken],
    'a point at the origin': [ec, { ...ec.publicJwk, x: 'A'.repeat(43), y: 'A'.repeat(43) }, invalidToken],
    'a curve that is not the algorithm\'s': [ec, { ...ec.publicJwk, crv: 'P-384' }, invalidToken],
    'a sound point': [ec, ec.publicJwk, accepted],
    'an RSA key of 1024 bits': [weakKey, { kty: 'RSA', e: weak.e!, n: weak.n!, kid: 'key-1', alg: 'RS256' }, invalidToken],
    'an RSA key of 1024 bits that looks longer': [weakKey, { kty: 'RSA', e: weak.e!, n: padded, kid: 'key-1', alg: 'RS256' }, invalidToken],
    'an RSA key of 2048 bits': [rsa, rsa.publicJwk, accepted]
  } as const
  for (const [title, [key, jwk, answer]] of Object.entries(cases)) {
    const { issuer, get } = await createTestServer(t)
    issuer.answer(issuer.jwksUri, () => Response.json({ keys: [jwk] }))
    const { claims } = partsOf(await issuer.token())
    t.strictSame(answerOf(await get(await signRaw(key, { alg: key.alg, typ: 'at+jwt', kid: 'key-1' }, claims))), answer, title)
  }
})

test('what is signed must be read in one way only (R8725-10, R8725-23)', async t => {
  const { issuer, get, handled } = await createTestServer(t)
  const { header, claims } = partsOf(await issuer.token())
  const [headerText, claimsText] = [JSON.stringify(header), JSON.stringify(claims)]
  const before = (text: string, more: string): string => `{${more},${text.slice(1)}`
  const notUtf8 = Buffer.from(claimsText.replace('user-1', 'us\u0080r'), 'latin1')
  const cases: Array<[title: string, header: Part, claims: Part]> = [
    ['claims that are not UTF-8', headerText, notUtf8],
    ['claims in UTF-16', headerText, Buffer.from(claimsText, 'utf16le')],
    ['a byte order mark', headerText, `\ufeff${claimsText}`],
    ['alg twice', before(headerText, '"alg":"none"'), claimsText],
    ['alg twice, once escaped', before(headerText, '"\\u0061lg":"none"'), claimsText],
    ['alg twice, the same', before(headerText, '"alg":"ES256"'), claimsText],
    ['sub twice', headerText, before(claimsText, '"sub":"admin"')],
    ['sub twice, once escaped', headerText, before(claimsText, '"s\\u0075b":"admin"')],
    ['a name twice, further inside', headerText, before(claimsText, '"act":{"sub":"a","sub":"b"}')]
  ]
  for (const [title, ...parts] of cases) t.strictSame(answerOf(await get(await signRaw(issuer.keys[0]!, ...parts))), invalidToken, title)
  t.strictSame(handled, [])
  t.strictSame(answerOf(await get(await signRaw(issuer.keys[0]!, headerText, before(claimsText, '"name":"Jürgen"')))), accepted)
})

test('the keys of one issuer vouch for no other (R8725-11, R8414-08, JWKS-11)', async t => {
  const a = await createFakeIssuer()
  const b = await createFakeIssuer({ issuer: 'https://other.example' })
  const app = await createApp(t, optionsFor(a, {
    authorizationServers: [a.issuer, b.issuer],
    fetch: async (url, init) => await (url.startsWith(a.issuer) ? a : b).fetch(url, init)
  }))
  app.get('/', async () => '')
  t.equal(a.keys[0]!.kid, b.keys[0]!.kid, 'though they have the same id')
  const get = async (token: string): Promise<unknown> => answerOf(await app.inject({ url: '/', headers: bearer(token) }))
  t.strictSame(await get(await a.token()), accepted)
  t.strictSame(await get(await b.token()), accepted)
  t.strictSame(await get(await b.token({ iss: a.issuer })), invalidToken)
  t.strictSame(await get(await a.token({ iss: b.issuer })), invalidToken)
})

test('the audience (R8725-13, MCPS-11)', async t => {
  const { issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token({ aud: 'https://other.example' }))), invalidToken)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
})

test('a token does not say which key it is to be checked with (R8725-15)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  const stranger = await createFakeIssuer({ clock })
  const key = stranger.keys[0]!
  const url = 'https://evil.example/keys'
  const headers: Array<Record<string, unknown>> = [
    { jwk: key.publicJwk }, { jku: url }, { x5u: url }, { x5c: ['MIIB'] }, { jku: url, kid: 'evil' }, { jwk: key.publicJwk, kid: undefined }
  ]
  for (const header of headers) {
    t.strictSame(answerOf(await get(await stranger.token({}, header))), invalidToken, JSON.stringify(Object.keys(header)))
    t.strictSame(answerOf(await get(await issuer.token({}, { ...header, kid: 'key-1' }))), accepted, 'and does no harm beside a good key')
    // Within a cool-down a key that is not known may be a new one.
    clock.advance(30)
  }
  t.notOk(issuer.requests.includes(url))
})

test('keys on this machine are not fetched, unless the issuer is here too (R8725-16)', async t => {
  for (const host of ['127.0.0.1', '127.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254', 'localhost', 'localhost.', '0.0.0.0']) {
    const { issuer, get } = await createTestServer(t)
    issuer.answer(issuer.metadataUrl, () => Response.json({ issuer: issuer.issuer, jwks_uri: `https://${host}/jwks` }))
    t.equal((await get(await issuer.token())).statusCode, 503, host)
    t.notOk(issuer.requests.some(url => url.includes('/jwks')))
  }
  const { issuer, get } = await createTestServer(t, { issuer: { issuer: 'http://localhost:9000' } })
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
})

test('large and compressed tokens cost nothing (R8725-21, R8725-24)', async t => {
  const { app, issuer, get } = await createTestServer(t)
  const token = await issuer.token({ x: 'x'.repeat(64_000) })
  t.strictSame(answerOf(await get(token)), invalidToken)
  t.strictSame(answerOf(await get(await issuer.token({}, { zip: 'DEF' }))), accepted, 'zip says nothing in a signed token, and nothing is unzipped')
  issuer.requests.length = 0
  await app.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(app.listeningOrigin, { headers: bearer(token) })
  t.equal(response.status, 431, 'Node.js itself stops a header that long')
  t.strictSame(answerOf(await get(await issuer.token({ x: 'x'.repeat(11_000) }))), accepted)
  t.strictSame(issuer.requests, [])
})

test('no change of a single character makes another good token', async t => {
  for (const alg of ['ES256', 'RS256', 'EdDSA']) {
    const { app, issuer, get } = await createTestServer(t, { issuer: { alg }, options: { tokenCache: false } })
    const token = await issuer.token({ scope: 'read' })
    t.strictSame(answerOf(await get(token)), accepted)
    const characters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=']
    // 503: another `kid` may be that of a new key.
    const isRefused = async (changed: string): Promise<boolean> =>
      changed === token || [400, 401, 503].includes((await app.inject({ url: '/', headers: bearer(changed) })).statusCode)
    for (const character of characters) {
      for (const at of [token.length - 1, token.lastIndexOf('.') - 1, token.indexOf('.') - 1]) {
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        if (!await isRefused(changed)) t.fail(`${alg}: ${character} at ${at}`)
      }
    }
    await fc.assert(fc.asyncProperty(
      fc.nat({ max: token.length - 1 }), fc.constantFrom('', ...characters), fc.constantFrom(0, 1),
      async (at, character, removed) => await isRefused(token.slice(0, at) + character + token.slice(at + removed))), { numRuns: 300 })
  }
})
