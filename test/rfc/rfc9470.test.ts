// RFC 9470, OAuth 2.0 Step Up Authentication Challenge Protocol.
import { test } from 'tap'
import { InsufficientAuthenticationError } from '../../plugins/index.ts'
import type { RouteOptions } from '../../plugins/index.ts'
import { bearerOf, stockChallenge } from '../support/hint.ts'
import type { Answer, TestServer } from '../support/server.ts'
import { accepted, answerOf, createTestServer, insufficientScope, invalidToken } from '../support/server.ts'

const authenticate: Answer = { status: 401, error: 'insufficient_user_authentication', pointer: true }
const gold = 'urn:example:gold'
const silver = 'urn:example:silver'

async function createBank (
  t: Parameters<typeof createTestServer>[0], oauth: RouteOptions, given: Parameters<typeof createTestServer>[1] = {}
): Promise<TestServer> {
  const server = await createTestServer(t, given)
  server.app.get('/bank', { config: { oauth } }, async () => 'money')
  return server
}

test('one challenge says what it takes (F21, R9470-01, R9470-02, R9470-03, R9470-04)', async t => {
  const { get, issuer } = await createBank(t, { acr: [gold, silver], maxAgeSeconds: 300 })
  const response = await get(await issuer.token(), { url: '/bank' })
  t.strictSame(answerOf(response), authenticate)
  const { acr_values: acrValues, max_age: maxAge, scope } = bearerOf(response)
  t.strictSame([acrValues, maxAge, scope], [`${gold} ${silver}`, '300', undefined])
  t.equal(response.json<{ code: string }>().code, 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT')
  t.equal(response.headers['cache-control'], 'no-store')
})

test('a max_age that is no non-negative integer stops the boot (R9470-03)', async t => {
  const { app } = await createTestServer(t)
  for (const maxAgeSeconds of [-1, 0.5, Infinity]) {
    t.throws(() => app.get(`/${maxAgeSeconds}`, { config: { oauth: { maxAgeSeconds } } }, async () => 'x'), { code: 'FST_OAUTH_OPTION_INVALID' })
  }
})

for (const [title, oauth, claims, expected, parameters] of [
  ['both are missing', { acr: [gold], scopes: ['pay'] }, { acr: silver, scope: 'read' }, authenticate, { acr_values: gold, scope: 'pay' }],
  ['the scope alone is missing', { acr: [gold], scopes: ['pay'] }, { acr: gold, scope: 'read' }, insufficientScope,
    { acr_values: undefined, scope: 'pay' }],
  ['the authentication alone is missing', { acr: [gold], scopes: ['pay'] }, { scope: 'pay' }, authenticate,
    { acr_values: gold, scope: undefined }],
  ['nothing is missing', { acr: [gold], scopes: ['pay'] }, { acr: gold, scope: 'pay' }, accepted, null]
] as const) {
  test(`one round trip for authentication and scope: ${title} (R9470-05)`, async t => {
    const { get, issuer } = await createBank(t, oauth)
    const response = await get(await issuer.token(claims), { url: '/bank' })
    t.strictSame(answerOf(response), expected)
    if (parameters === null) return
    const { acr_values: acrValues, scope } = bearerOf(response)
    t.strictSame({ acr_values: acrValues, scope }, parameters)
  })
}

test('contexts are compared by exact membership: a higher one that is not listed does not do (R9470-07)', async t => {
  const { get, issuer } = await createBank(t, { acr: ['1', '2'] })
  for (const [acr, expected] of [['1', accepted], ['2', accepted], ['3', authenticate], ['12', authenticate]] as const) {
    t.strictSame(answerOf(await get(await issuer.token({ acr }), { url: '/bank' })), expected, acr)
  }
})

test('the age of the authentication, with the tolerance of the clocks, also for a token that is known (R9470-08)', async t => {
  const { get, issuer, clock } = await createBank(t, { maxAgeSeconds: 60 }, { options: { clockToleranceSeconds: 2 } })
  const token = await issuer.token({ auth_time: clock.now() / 1000 })
  t.strictSame(answerOf(await get(token, { url: '/bank' })), accepted)
  clock.advance(62)
  t.strictSame(answerOf(await get(token, { url: '/bank' })), accepted)
  clock.advance(1)
  t.strictSame(answerOf(await get(token, { url: '/bank' })), authenticate)
})

test('a refreshed token says when the user authenticated, and is challenged like the first (R9470-09)', async t => {
  const { get, issuer, clock } = await createBank(t, { maxAgeSeconds: 60 })
  const authTime = clock.now() / 1000
  clock.advance(120)
  const refreshed = await issuer.token({ auth_time: authTime })
  t.strictSame(answerOf(await get(refreshed, { url: '/bank' })), authenticate)
})

for (const [oauth, claims] of [
  [{ acr: [gold] }, {}], [{ maxAgeSeconds: 60 }, {}], [{ acr: [gold] }, { acr: 5 }], [{ maxAgeSeconds: 60 }, { auth_time: 'today' }],
  [{ acr: [gold], maxAgeSeconds: 60 }, { acr: gold }]
] as const) {
  test(`what the token does not say is not met: ${JSON.stringify([oauth, claims])} (R9470-10)`, async t => {
    const { get, issuer } = await createBank(t, oauth)
    t.strictSame(answerOf(await get(await issuer.token(claims), { url: '/bank' })), authenticate)
  })
}

test('what introspection says counts alike (R9470-11)', async t => {
  const endpoint = 'https://login.example.com/introspect'
  const introspection = {
    clientId: 'api', authentication: { method: 'client_secret_basic' as const, clientSecret: 'secret' }, endpoint, cacheSeconds: 0
  }
  const { get, issuer, clock } = await createBank(t, { acr: [gold], maxAgeSeconds: 60 }, { rule: { introspection } })
  const now = clock.now() / 1000
  for (const [says, expected] of [
    [{ acr: gold, auth_time: now }, accepted],
    [{ acr: silver, auth_time: now }, authenticate],
    [{ acr: gold, auth_time: now - 66 }, authenticate],
    [{}, authenticate]
  ] as const) {
    issuer.answer(endpoint, () => Response.json({
      active: true, iss: issuer.issuer, aud: 'https://api.example.com', sub: 'ann', client_id: 'app', exp: now + 300, ...says
    }))
    t.strictSame(answerOf(await get('opaque', { url: '/bank' })), expected, JSON.stringify(says))
  }
})

test('what a route takes is not told to callers without a valid token (R9470-12)', async t => {
  const { app, get, issuer, clock } = await createBank(t, { acr: [gold], maxAgeSeconds: 60 })
  const anonymous = await app.inject('/bank')
  t.equal(anonymous.headers['www-authenticate'], stockChallenge)
  const expired = await issuer.token()
  clock.advance(1000)
  for (const token of [expired, 'rubbish']) {
    const response = await get(token, { url: '/bank' })
    t.strictSame(answerOf(response), invalidToken)
    t.notMatch(response.headers['www-authenticate'], /acr_values|max_age/)
  }
})

test('a handler asks for more where only it can know', async t => {
  const { app, get, issuer } = await createTestServer(t)
  app.get('/transfer', async request => {
    if (Number((request.query as { amount: string }).amount) > 1000) {
      throw new Error('wrapped', { cause: new InsufficientAuthenticationError({ acrValues: [gold], maxAgeSeconds: 0 }) })
    }
    return 'done'
  })
  app.setErrorHandler((error: Error, _request, reply) => reply.code(401).send(error.message))
  const token = await issuer.token()
  t.strictSame(answerOf(await get(token, { url: '/transfer?amount=1' })), accepted)
  const response = await get(token, { url: '/transfer?amount=2000' })
  t.strictSame(answerOf(response), authenticate)
  t.match(bearerOf(response), { acr_values: gold, max_age: '0' })
})
