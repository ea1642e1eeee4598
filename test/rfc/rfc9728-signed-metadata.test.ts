import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { JsonWebKey, createPrivateKey } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import { createLocalJWKSet, decodeProtectedHeader, generateKeyPair, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import type { MetadataKeyOptions, OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'

const base = { resource, authorizationServers: ['https://login.example.com'], metadata: { resource_name: 'API' } } satisfies OAuthResourceServerOptions
const document = '/.well-known/oauth-protected-resource'
const keySet = '/.well-known/jwks.json'
const ec = (): MetadataKeyOptions['privateKey'] => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

type Members = Record<string, unknown> & { signed_metadata: string, jwks_uri: string }

async function fetched (app: FastifyInstance, url = document): Promise<Members> {
  return (await app.inject({ url })).json<Members>()
}

/** As a client that supports signed metadata does it (section 3.3). */
async function verified (app: FastifyInstance, url = document) {
  const members = await fetched(app, url)
  const keys = (await app.inject({ url: new URL(members.jwks_uri).pathname })).json<JSONWebKeySet>()
  const { clock } = app.oauthConfig
  const { payload } = await jwtVerify(members.signed_metadata, createLocalJWKSet(keys), { issuer: members.resource as string, currentDate: new Date(clock.now()) })
  return { members, payload, keys }
}

const start = async (t: Test, signedMetadata: OAuthResourceServerOptions['signedMetadata'], more: Partial<OAuthResourceServerOptions> = {}) => {
  const clock = createTestClock()
  const app = await createApp(t, { ...base, clock, signedMetadata: signedMetadata!, ...more })
  await app.ready()
  return { app, clock }
}

test('RFC 9728 2.2 signed_metadata is a JWT with iss and the members of the document, verified by jwks_uri [F9, R9728-38, R9728-39, R9728-42]', async t => {
  const { app } = await start(t, { keys: [{ privateKey: ec() }] })
  const { members, payload, keys } = await verified(app)
  const { signed_metadata: signed, ...plain } = members
  const { iss, iat, exp, ...claims } = payload
  t.strictSame(claims, plain, 'exactly what the document says, and not itself')
  t.equal(signed.split('.').length, 3)
  t.equal(iss, resource)
  t.ok(iat! <= app.oauthConfig.clock.now() / 1000 && exp! > app.oauthConfig.clock.now() / 1000 + 3600)
  t.strictSame(plain.jwks_uri, `${resource}${keySet}`)
  t.strictSame(keys.keys.map(({ use, alg, kid }) => [use, alg, typeof kid]), [['sig', 'ES256', 'string']], 'R9728-22')
  t.notOk('d' in keys.keys[0]!)
})

test('keys of every kind sign: of Node.js, of WebCrypto, and private JWKs', async t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const cases: ReadonlyArray<[alg: string, MetadataKeyOptions['privateKey']]> = [
    ['ES256', ec()],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['EdDSA', generateKeyPairSync('ed25519').privateKey],
    ['RS256', rsa],
    ['RS256', rsa.export({ format: 'jwk' })],
    ['ES256', (await generateKeyPair('ES256')).privateKey as MetadataKeyOptions['privateKey']]
  ]
  for (const [alg, privateKey] of cases) {
    const { app } = await start(t, { keys: [{ privateKey, keyId: `key-${alg}` }], issuer: resource })
    const { members } = await verified(app)
    t.same(decodeProtectedHeader(members.signed_metadata), { alg, kid: `key-${alg}`, typ: 'JWT' })
    t.notMatch(JSON.stringify(app.oauthConfig), /"d":/, 'no secret in a printed configuration')
  }
})

test('the document and the key set are cached, and a document stays the same while nothing changes [R9728-43]', async t => {
  const { app, clock } = await start(t, { keys: [{ privateKey: ec() }], keysMaxAgeSeconds: 300 })
  const first = await app.inject({ url: document })
  clock.advance(60)
  const second = await app.inject({ url: document, headers: { 'if-none-match': String(first.headers.etag) } })
  t.equal(second.statusCode, 304)
  const keys = await app.inject({ url: keySet, headers: { authorization: 'Bearer nonsense' } })
  t.strictSame([keys.statusCode, keys.headers['cache-control'], keys.headers['access-control-allow-origin'], keys.headers['content-type']],
    [200, 'public, max-age=300', '*', 'application/jwk-set+json; charset=utf-8'])
  t.equal((await app.inject({ url: keySet, headers: { 'if-none-match': String(keys.headers.etag) } })).statusCode, 304)
  t.strictSame([(await app.inject({ method: 'HEAD', url: keySet })).statusCode, (await app.inject({ method: 'HEAD', url: keySet })).body], [200, ''])
})

test('a signature is made anew long before it expires: no cached document has an expired one', async t => {
  const { app, clock } = await start(t, { keys: [{ privateKey: ec() }], lifetimeSeconds: 7200 })
  const seen = new Set<string>()
  for (let step = 0; step < 100; step++) {
    const { payload, members } = await verified(app)
    t.ok(payload.exp! - 3600 >= clock.now() / 1000, 'as long as it may be cached')
    seen.add(members.signed_metadata)
    clock.advance(300)
  }
  t.equal(seen.size <= 10, true, String(seen.size))
})

test('RFC 9728 2.2 through a rotation every document can be verified, whatever is in caches [F9]', async t => {
  const names = ['one', 'two', 'three']
  const made = new Map<string, MetadataKeyOptions>(names.map(keyId => [keyId, { privateKey: ec(), keyId }]))
  let listed = ['one']
  let isDown = false
  const { app, clock } = await start(t, {
    keys: async () => {
      if (isDown) throw new Error('the vault is closed')
      return listed.map(name => made.get(name)!)
    },
    refreshSeconds: 60,
    keysMaxAgeSeconds: 300
  }, { metadataMaxAgeSeconds: 600 })
  const documents: string[] = []
  const keySets: string[] = []
  const signers: string[] = []
  const known = new Set<string>()
  const changes: Record<number, () => void> = {
    5: () => { listed = ['two', 'one'] },
    20: () => { listed = ['two'] },
    // The worst: at once, and then again before the first has ended.
    40: () => { listed = ['three'] },
    42: () => { listed = ['one'] },
    60: () => { isDown = true; listed = ['two'] },
    70: () => { isDown = false }
  }
  for (let minute = 0; minute < 100; minute++) {
    changes[minute]?.()
    documents.push((await fetched(app)).signed_metadata)
    keySets.push((await app.inject({ url: keySet })).body)
    signers.push(decodeProtectedHeader(documents.at(-1)!).kid!)
    // A client has a document of the last ten minutes, and a key set of the last five.
    for (const signed of new Set(documents.slice(-11))) {
      for (const keys of new Set(keySets.slice(-6))) {
        if (known.has(signed + keys)) continue
        known.add(signed + keys)
        await t.resolves(jwtVerify(signed, createLocalJWKSet(JSON.parse(keys) as JSONWebKeySet), { currentDate: new Date(clock.now()) }), `minute ${minute}`)
      }
    }
    clock.advance(60)
    // The keys are loaded behind the requests.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  }
  const kids = (minute: number): unknown[] => (JSON.parse(keySets[minute]!) as JSONWebKeySet).keys.map(({ kid }) => kid).sort()
  t.equal(signers[7], 'one', 'a key that is new is published before it signs')
  t.strictSame(kids(7), ['one', 'two'])
  t.equal(signers[15], 'two')
  t.strictSame(kids(39), ['two'], 'a removed key is not published for ever')
  t.equal(signers[59], 'one')
  t.equal(signers[69], 'one', 'the keys that were loaded before, while they cannot be loaded')
  t.equal(signers[99], 'two')
})

test('a list of keys: the first signs, all are published', async t => {
  const keys = [{ privateKey: ec(), keyId: 'new' }, { privateKey: ec(), keyId: 'old' }]
  const { app, clock } = await start(t, { keys })
  clock.advance(100_000)
  const { members, keys: published } = await verified(app)
  t.equal(decodeProtectedHeader(members.signed_metadata).kid, 'new')
  t.strictSame(published.keys.map(({ kid }) => kid), ['new', 'old'])
})

test('what changes in the document is signed at once: scopes of routes, scopes that are granted [R9728-42]', async t => {
  let granted = ['a', 'b']
  const clock = createTestClock()
  const app = await createApp(t, {
    ...base, clock, signedMetadata: { keys: [{ privateKey: ec() }] }, scopes: { a: '', b: '', c: '' }, scopesSupported: 'routes',
    liveScopes: { source: async () => granted, maxAgeSeconds: 1 }
  })
  app.get('/a', { config: { oauth: { scopes: ['a'] } } }, async () => 'a')
  app.get('/b', { config: { oauth: { scopes: ['b'] } } }, async () => 'b')
  await app.ready()
  t.strictSame((await verified(app)).payload.scopes_supported, ['a', 'b'])
  granted = ['b']
  clock.advance(2)
  await fetched(app)
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  const { members, payload } = await verified(app)
  t.strictSame([payload.scopes_supported, members.scopes_supported], [['b'], ['b']])
})

test('several resources of a server: each document is signed by its own keys, and one URL may serve all of them', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const child = (path: string, signedMetadata: OAuthResourceServerOptions['signedMetadata']) => app.register(async scope => {
    await scope.register(oauthResourceServer, { ...base, resource: `${resource}${path}`, signedMetadata: signedMetadata! })
  })
  await child('/a', { keys: [{ privateKey: ec(), keyId: 'a' }], keysMaxAgeSeconds: 600 })
  await child('/b', { keys: [{ privateKey: ec(), keyId: 'b' }], keysMaxAgeSeconds: 60 })
  await child('/c', { keys: [{ privateKey: ec(), keyId: 'c' }], jwksUri: 'https://gateway.example/team/c:keys', jwksPath: '/c:keys', issuer: 'https://registry.example' })
  await app.ready()
  for (const name of ['a', 'b']) {
    const { signed_metadata: signed, ...members } = await fetched(app, `${document}/${name}`)
    const keys = await app.inject({ url: keySet })
    const { payload, protectedHeader } = await jwtVerify(signed, createLocalJWKSet(keys.json<JSONWebKeySet>()), { issuer: `${resource}/${name}` })
    t.strictSame([protectedHeader.kid, payload.resource, members.resource], [name, `${resource}/${name}`, `${resource}/${name}`])
    t.equal(keys.headers['cache-control'], 'public, max-age=60')
  }
  const { signed_metadata: signed, jwks_uri: uri } = await fetched(app, `${document}/c`)
  t.equal(uri, 'https://gateway.example/team/c:keys')
  await jwtVerify(signed, createLocalJWKSet((await app.inject({ url: '/c:keys' })).json<JSONWebKeySet>()), { issuer: 'https://registry.example' })
})

test('what cannot sign stops the boot, and no key is in the message', async t => {
  const privateKey = ec()
  const jwk = (privateKey as ReturnType<typeof createPrivateKey>).export({ format: 'jwk' }) as JsonWebKey & { d: string }
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const cases: ReadonlyArray<readonly [options: object, message: RegExp, more?: object]> = [
    [{ keys: [] }, /signedMetadata\.keys must be/],
    [{ keys: 'x' }, /signedMetadata\.keys must be/],
    [{ keys: [{}] }, /signedMetadata\.keys\[0\]: it is no private key/],
    [{ keys: [null] }, /keys\[0\]: it is no private key/],
    [{ keys: [{ privateKey: { ...jwk, x: 'x' } }] }, /keys\[0\]: it is no private key/],
    [{ keys: [{ privateKey: createPublicKey(privateKey as never) }] }, /keys\[0\]: it is no private key/],
    [{ keys: [{ privateKey, keyId: '' }] }, /keys\[0\]: keyId must be a non-empty string/],
    [{ keys: [{ privateKey }, { privateKey }] }, /signedMetadata\.keys has two keys with the keyId/],
    [{ keys: [{ privateKey: weak }] }, /keys\[0\]: an RSA key must have 2048 bits or more/],
    [{ keys: [{ privateKey: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey }] }, /keys\[0\]: a key of kty EC and crv secp256k1 cannot sign metadata/],
    [{ keys: [{ privateKey: generateKeyPairSync('x25519').privateKey }] }, /keys\[0\]: a key of kty OKP and crv X25519 cannot sign metadata/],
    [{ keys: [{ privateKey }], jwksUri: 'http://x.example/keys' }, /signedMetadata\.jwksUri must be https/],
    [{ keys: [{ privateKey }], jwksUri: 'https://x.example' }, /signedMetadata\.jwksUri must have a path and no query/],
    [{ keys: [{ privateKey }], lifetimeSeconds: 60 }, /signedMetadata\.lifetimeSeconds must be at least twice metadataMaxAgeSeconds \(7200\)/],
    [{ keys: [{ privateKey }] }, /metadata\.jwks_uri follows from signedMetadata; remove it, or set signedMetadata\.jwksUri/, { metadata: { jwks_uri: `${resource}/keys` } }],
    [{ keys: [{ privateKey }] }, /metadata\.signed_metadata follows from signedMetadata; remove it/, { metadata: { signed_metadata: 'a.b.c' } }],
    [{ keys: [{ privateKey }] }, /contradict each other/, { documentServedElsewhere: true }],
    [{ keys: async () => [] }, /signedMetadata\.keys could not be loaded: .*non-empty list/],
    [{ keys: async () => { throw new Error('the vault is closed') } }, /signedMetadata\.keys could not be loaded: "the vault is closed"/]
  ]
  for (const [signedMetadata, message, more] of cases) {
    const boot = createApp(t, { ...base, signedMetadata, ...more } as never).then(async app => await app.ready())
    const error = await boot.then(() => null, (thrown: Error) => thrown)
    t.match(error?.message, message)
    t.notMatch(String(error?.message), jwk.d)
  }
})
