import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { createApp, optionsFor, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeIssuer } from '../support/issuer.ts'

const issuer = await createFakeIssuer()
const scopes = { read: 'Read', write: 'Write', unused: 'Nobody asks', admin: { advertised: false } }
const url = '/.well-known/oauth-protected-resource'

test('scopesSupported: routes (F8, S3)', async t => {
  const options = optionsFor(issuer, { scopes, scopesSupported: 'routes' })
  const app = await createApp(t, options)
  await app.register(async child => {
    await child.register(oauthResourceServer, options)
    child.get('/child', { config: { oauth: { scopes: ['child'] } } }, async () => 'child')
  })
  app.get('/', { config: { oauth: { anyOfScopes: ['admin', 'write', 'read'] } } }, async () => 'ok')
  const first = await app.inject(url)
  t.strictSame(first.json().scopes_supported, ['read', 'write', 'child'])
  t.equal((await app.inject({ url, headers: { 'if-none-match': String(first.headers.etag) } })).statusCode, 304)
  t.match((await app.inject('/')).headers['www-authenticate'], /scope="admin"/, 'a challenge still says what is needed')
})

test('liveScopes (S6)', async t => {
  const clock = createTestClock()
  let granted: string[] | null = ['write']
  const app = await createApp(t, optionsFor(issuer, {
    scopes,
    clock,
    liveScopes: { source: async () => { if (granted === null) throw new Error('down'); return granted }, maxAgeSeconds: 60 }
  }))
  const advertised = async (): Promise<unknown> => (await app.inject(url)).json().scopes_supported
  t.strictSame(await advertised(), ['write'])
  granted = null
  t.strictSame(await advertised(), ['write'])
  clock.advance(60)
  t.strictSame(await advertised(), ['write'], 'the last answer, while the source is asked again behind')
  t.strictSame(await advertised(), ['read', 'write', 'unused'])
})

test('a source that never settles delays the first request for the document alone [C5]', async t => {
  const clock = createTestClock()
  let calls = 0
  const app = await createApp(t, optionsFor(issuer, {
    scopes, clock, liveScopes: { source: () => { calls++; return new Promise(() => {}) }, timeoutMs: 20, maxAgeSeconds: 1 }
  }))
  const advertised = async (): Promise<unknown> => (await app.inject(url)).json().scopes_supported
  t.strictSame(await advertised(), ['read', 'write', 'unused'])
  for (let i = 0; i < 3; i++) {
    clock.advance(3600)
    const [one, other] = await Promise.all([advertised(), advertised()])
    t.strictSame([one, other], [['read', 'write', 'unused'], ['read', 'write', 'unused']])
    t.equal(calls, i + 2, 'asked again behind, once')
  }
})

test('a signed copy cannot know what is known late (F8)', t => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const metadata = { signed_metadata: `${encode({ alg: 'ES256' })}.${encode({ iss: resource, resource })}.c2ln` }
  for (const late of [{ scopesSupported: 'routes' }, { liveScopes: { source: async () => [] } }] as const) {
    t.throws(() => resolveConfig(optionsFor(issuer, { metadata, ...late })), { message: /signed_metadata and .* contradict each other/ })
  }
  t.match(resolveConfig(optionsFor(issuer, { liveScopes: { source: async () => [], timeoutMs: 5 } })).config.liveScopes, { maxAgeMs: 300_000, timeoutMs: 5 })
  t.end()
})

for (const [errorDescriptions, expected] of [
  ['public', 'error_description="The access token is invalid"'], ['none', undefined],
  ['reason', 'error_description="The access token is invalid (token_malformed)"']
] as const) {
  test(`errorDescriptions: ${errorDescriptions} (F22)`, async t => {
    const app = await createApp(t, optionsFor(issuer, { errorDescriptions }))
    app.get('/', async () => 'ok')
    app.get('/elsewhere', { config: { oauth: false } }, async (_request, reply) => reply.code(401).send('no'))
    const refused = await app.inject({ url: '/', headers: { authorization: 'Bearer x' } })
    const challenge = String(refused.headers['www-authenticate'])
    t.match(challenge, /error="invalid_token"/)
    t.equal(/error_description="[^"]*"/.exec(challenge)?.[0], expected)
    t.equal(refused.json().message, 'The access token is invalid', 'the body is the host\'s')
    const elsewhere = await app.inject({ url: '/elsewhere', headers: { authorization: 'Bearer x' } })
    t.notMatch(elsewhere.headers['www-authenticate'], /token_malformed/)
    t.notMatch((await app.inject('/')).headers['www-authenticate'], /error/)
  })
}
