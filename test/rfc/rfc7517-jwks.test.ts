import type { JWK } from 'jose'
import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import { optionsFor } from '../support/app.ts'
import { createFakeIssuer, createSigningKey } from '../support/issuer.ts'
import { encodePart, partsOf } from '../support/raw-token.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

const other = (await createSigningKey('other', 'ES256')).publicJwk
const rsa = (await createSigningKey('key-1', 'RS256')).publicJwk

/** What is published instead of the key alone, and what becomes of a token with and without a `kid`. */
const sets: Array<[title: string, keys: (key: JWK) => unknown[], withId: boolean, withoutId: boolean]> = [
  ['JWKS-01 the key alone', key => [key], true, true],
  ['JWKS-01 a key for encryption with the same id first', key => [{ ...other, kid: 'key-1', use: 'enc' }, key], true, true],
  ['JWKS-01 the key, for encryption', key => [{ ...key, use: 'enc' }], false, false],
  ['JWKS-01 a key of another type with the same id', key => [rsa, key], true, true],
  ['JWKS-01 the key, for another algorithm', key => [{ ...key, alg: 'ES384' }], false, false],
  ['JWKS-01 the key, to be signed with', key => [{ ...key, key_ops: ['sign'] }], false, false],
  ['JWKS-01 the key, to be checked with', key => [{ ...key, key_ops: ['verify'] }], true, true],
  ['JWKS-01 the key under another id', key => [{ ...key, kid: 'key-2' }], false, true],
  ['JWKS-02 two keys that would do', key => [other, key], true, true],
  ['JWKS-02 two keys of one id', key => [{ ...other, kid: 'key-1' }, key], true, true],
  ['JWKS-02 none', () => [], false, false],
  ['JWKS-10 a key of a type that nobody knows', key => [{ kty: 'XX', kid: 'key-1', x: 'x' }, key], true, true],
  ['JWKS-10 a broken key of another id', key => [{ kty: 'RSA', kid: 'key-9' }, { kty: 'EC', crv: 'P-999', kid: 'key-8' }, key], true, true],
  ['JWKS-10 what is no key at all', key => [null, 7, 'x', [], {}, { kid: 'key-1' }, key], true, true],
  ['JWKS-09 a private key', key => [{ ...key, d: 'AAAA' }], false, false]
]

for (const [title, keysFor, withId, withoutId] of sets) {
  test(title, async t => {
    for (const [kid, good] of [['key-1', withId], [undefined, withoutId]] as const) {
      const { issuer, get } = await createTestServer(t)
      issuer.answer(issuer.jwksUri, () => Response.json({ keys: keysFor(issuer.keys[0]!.publicJwk) }))
      t.strictSame(answerOf(await get(await issuer.token({}, { kid }))), good ? accepted : invalidToken, `kid ${kid}`)
    }
  })
}

test('a new key is looked up once (JWKS-03)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  await issuer.rotate()
  t.strictSame(answerOf(await get(await issuer.token())), accepted, 'right after the start')
  t.strictSame(issuer.requests, [issuer.metadataUrl, issuer.jwksUri, issuer.jwksUri])
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  t.strictSame(answerOf(await get(await issuer.token({}, { kid: 'unknown' }))), unavailable, 'the next one may be new, too (E2)')
  t.strictSame(answerOf(await get(await issuer.token({ iat: clock.now() / 1000 - 6 }, { kid: 'unknown' }))), invalidToken, 'unless the token is older')
  t.equal(issuer.requests.length, 3)
})

test('a thousand unknown ids cause one look-up in a cool-down (JWKS-04)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  for (const burst of [1, 2, 3]) {
    const tokens = await Promise.all(Array.from({ length: 1000 }, (_, i) => issuer.token({}, { kid: `unknown-${burst}-${i}` })))
    const half = tokens.length / 2
    const answers = await Promise.all(tokens.slice(0, half).map(token => get(token)))
    for (const token of tokens.slice(half)) answers.push(await get(token))
    t.ok(answers.every(({ statusCode }) => statusCode === 401 || statusCode === 503))
    t.ok(answers.some(({ statusCode }) => statusCode === 401))
    t.equal(issuer.requests.length, 2 + burst)
    clock.advance(30)
  }
})

test('a burst of unknown ids does not hide a new key for longer than a cool-down (JWKS-05)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  for (let i = 0; i < 10; i++) t.strictSame(answerOf(await get(await issuer.token({}, { kid: `unknown-${i}` }))), i === 0 ? invalidToken : unavailable)
  await issuer.rotate()
  const token = await issuer.token()
  t.strictSame(answerOf(await get(token)), unavailable, 'within the cool-down it cannot be decided (E2)')
  clock.advance(29.999)
  t.strictSame(answerOf(await get(token)), unavailable)
  clock.advance(0.001)
  t.strictSame(answerOf(await get(token)), accepted, 'and then the very same token is good')
  t.equal(issuer.requests.length, 4)
})

test('how long keys are kept (JWKS-06)', async t => {
  const cases: Array<[cacheControl: string | null, seconds: number]> = [
    [null, 600], ['max-age=300', 300], ['max-age=1', 60], ['no-store', 60], ['max-age=9999999', 86_400]
  ]
  for (const [cacheControl, seconds] of cases) {
    const { clock, issuer, get } = await createTestServer(t)
    const headers: Record<string, string> = cacheControl === null ? {} : { 'cache-control': cacheControl }
    issuer.answer(issuer.jwksUri, () => Response.json({ keys: issuer.keys.map(key => key.publicJwk) }, { headers }))
    const fetched = (): number => issuer.requests.filter(url => url === issuer.jwksUri).length
    await get(await issuer.token())
    clock.advance(seconds - 1)
    await get(await issuer.token())
    t.equal(fetched(), 1, `${cacheControl}: kept`)
    clock.advance(1)
    await get(await issuer.token())
    t.equal(fetched(), 2, `${cacheControl}: renewed`)
  }
})

test('a removed key stops working, for tokens that are remembered too (JWKS-07)', async t => {
  const { clock, issuer, get, handled } = await createTestServer(t, { options: { tokenCache: { maxAgeSeconds: 3600 } } })
  const [stolen] = issuer.keys
  const old = await issuer.token({ exp: clock.now() / 1000 + 7200 }, {}, stolen)
  t.strictSame(answerOf(await get(old)), accepted)
  await issuer.rotate()
  t.strictSame(answerOf(await get(old)), accepted, 'as long as nobody has looked')
  t.strictSame(answerOf(await get(await issuer.token())), accepted, 'a token with the new key makes it known')
  t.strictSame(answerOf(await get(old)), invalidToken)
  t.strictSame(answerOf(await get(await issuer.token({}, {}, stolen))), invalidToken)
  t.equal(handled.length, 3)
})

test('a removed key stops working when the keys are due (JWKS-07)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  const [stolen] = issuer.keys
  const old = await issuer.token({ exp: clock.now() / 1000 + 7200 }, {}, stolen)
  t.strictSame(answerOf(await get(old)), accepted)
  await issuer.rotate()
  clock.advance(600)
  t.strictSame(answerOf(await get(old)), accepted, 'the last good keys are served while they are renewed (C2)')
  while (issuer.requests.length < 3) await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.strictSame(answerOf(await get(old)), invalidToken)
})

test('an outage (JWKS-08)', async t => {
  const { clock, issuer, get } = await createTestServer(t, { options: { discovery: { maxStaleSeconds: 3600 } } })
  const long = await issuer.token({ exp: clock.now() / 1000 + 100_000 })
  const down = (): never => { throw new Error('down') }
  issuer.answer(issuer.jwksUri, down)
  const cold = await get(long)
  t.strictSame(answerOf(cold), unavailable, 'before the keys were ever known')
  t.equal(cold.headers['retry-after'], '5')
  clock.advance(5)
  issuer.answer(issuer.jwksUri, null)
  t.strictSame(answerOf(await get(long)), accepted)
  issuer.answer(issuer.jwksUri, down)
  issuer.answer(issuer.metadataUrl, down)
  clock.advance(4199)
  t.strictSame(answerOf(await get(long)), accepted, 'the last good keys serve')
  clock.advance(1)
  t.strictSame(answerOf(await get(await issuer.token())), unavailable, 'and not for ever')
  t.strictSame(answerOf(await get(long)), accepted, 'though what was verified with them is remembered')
  clock.advance(60)
  t.strictSame(answerOf(await get(long)), unavailable, 'for as long as it always is')
})

test('a published secret is no key (JWKS-09)', async t => {
  const { issuer, get } = await createTestServer(t)
  const secret = Buffer.from('a secret that everybody can read')
  issuer.answer(issuer.jwksUri, () => Response.json({
    keys: [{ kty: 'oct', kid: 'shared', alg: 'HS256', k: secret.toString('base64url') }, issuer.keys[0]!.publicJwk]
  }))
  const { claims } = partsOf(await issuer.token())
  const input = `${encodePart({ alg: 'HS256', typ: 'at+jwt', kid: 'shared' })}.${encodePart(claims)}`
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const signature = Buffer.from(await crypto.subtle.sign('HMAC', key, Buffer.from(input))).toString('base64url')
  t.strictSame(answerOf(await get(`${input}.${signature}`)), invalidToken)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
})

test('keys are fetched over https, and nothing is sent along (JWKS-12)', async t => {
  const issuer = await createFakeIssuer()
  const asked: RequestInit[] = []
  const { get, issuer: watched } = await createTestServer(t, {
    options: { fetch: async (url, init) => { asked.push(init); return await watched.fetch(url, init) } }
  })
  t.strictSame(answerOf(await get(await watched.token())), accepted)
  t.equal(asked.length, 2)
  for (const { headers, credentials, redirect, method, body } of asked) {
    t.strictSame({ headers, credentials, redirect, method, body }, {
      headers: { accept: 'application/json' }, credentials: 'omit', redirect: 'manual', method: 'GET', body: undefined
    })
  }
  const servers = (jwksUri: string) => ({ authorizationServers: [{ issuer: issuer.issuer, jwksUri }] })
  t.throws(() => resolveConfig(optionsFor(issuer, servers('http://keys.example/jwks'))), /jwksUri/)
  t.doesNotThrow(() => resolveConfig(optionsFor(issuer, servers('http://localhost:9000/jwks'))))
  const lying = await createTestServer(t)
  lying.issuer.answer(lying.issuer.metadataUrl, () => Response.json({ issuer: lying.issuer.issuer, jwks_uri: 'http://keys.example/jwks' }))
  t.strictSame(answerOf(await lying.get(await lying.issuer.token())), unavailable)
  t.notOk(lying.issuer.requests.includes('http://keys.example/jwks'))
})
