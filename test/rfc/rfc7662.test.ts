import { generateKeyPair, jwtVerify } from 'jose'
import { test } from 'tap'
import type { IntrospectionOptions } from '../../lib/config/introspection.ts'
import { bearer, createApp, optionsFor, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createDeferred } from '../support/deferred.ts'
import { addIntrospection, clientId, createIntrospectionServer, secret } from '../support/introspection.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, insufficientScope, invalidRequest, invalidToken, unavailable } from '../support/server.ts'

type Authentication = IntrospectionOptions['authentication']

test('the question: a form with the token, by POST (F30, R7662-01)', async t => {
  const { endpoint, get, issuer } = await createIntrospectionServer(t)
  t.strictSame(issuer.requests, [])
  const token = endpoint.issue({}, 'a.b+c/d~e_f-')
  t.strictSame(answerOf(await get(token)), accepted)
  t.strictSame(issuer.requests, [issuer.metadataUrl, endpoint.endpoint])
  const [{ method, headers, form }] = endpoint.questions as [typeof endpoint.questions[number]]
  t.equal(method, 'POST')
  t.match(headers.get('content-type'), /^application\/x-www-form-urlencoded/)
  t.equal(headers.get('accept'), 'application/json')
  t.strictSame([...form], [['token_type_hint', 'access_token'], ['token', token]])
})

test('this server says who it is, in each of the ways (R7662-02)', async t => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const ways: Array<[Authentication, (question: { headers: Headers, form: URLSearchParams }, issuer: string) => unknown]> = [
    [{ method: 'client_secret_basic', clientSecret: 'p@ss:wörd %' }, async ({ headers, form }) => {
      const [scheme, encoded] = headers.get('authorization')!.split(' ')
      // RFC 6749 section 2.3.1: each part is form-encoded before the two are joined.
      const [id, password] = Buffer.from(encoded!, 'base64').toString().split(':').map(part => decodeURIComponent(part.replaceAll('+', ' ')))
      t.strictSame([scheme, id, password], ['Basic', clientId, 'p@ss:wörd %'])
      t.strictSame([form.has('client_id'), form.has('client_secret')], [false, false], 'in one way alone')
    }],
    [{ method: 'client_secret_post', clientSecret: 'very secret' }, async ({ headers, form }) => {
      t.strictSame([form.get('client_id'), form.get('client_secret'), headers.get('authorization')], [clientId, 'very secret', null])
    }],
    [{ method: 'private_key_jwt', privateKey, keyId: 'my-key' }, async ({ headers, form }, issuer) => {
      t.equal(headers.get('authorization'), null)
      t.strictSame([form.get('client_id'), form.get('client_assertion_type')], [clientId, 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'])
      const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion')!, publicKey, {
        issuer: clientId, subject: clientId, audience: issuer, currentDate: new Date(1_800_000_000_000), requiredClaims: ['exp', 'jti']
      })
      t.match(protectedHeader, { alg: 'ES256', kid: 'my-key' })
      t.ok(payload.exp! - payload.iat! <= 60, 'and not for long')
    }],
    [{ method: 'private_key_jwt', privateKey }, async ({ form }) => {
      t.equal((await jwtVerify(form.get('client_assertion')!, publicKey, { currentDate: new Date(1_800_000_000_000) })).protectedHeader.kid, undefined)
    }]
  ]
  for (const [authentication, check] of ways) {
    const { endpoint, get, issuer } = await createIntrospectionServer(t, { authentication })
    t.strictSame(answerOf(await get(endpoint.issue())), accepted, authentication.method)
    await check(endpoint.questions[0]!, issuer.issuer)
  }
  const assertions = new Set<string | null>()
  const { endpoint, get } = await createIntrospectionServer(t, { authentication: { method: 'private_key_jwt', privateKey } })
  for (let i = 0; i < 3; i++) await get(endpoint.issue())
  for (const { form } of endpoint.questions) assertions.add(form.get('client_assertion'))
  t.equal(assertions.size, 3, 'an assertion is used once')
})

test('a client certificate is presented by a fetch of one\'s own, at the address that is for it (R7662-02)', async t => {
  const asked: string[] = []
  const alias = 'https://mtls.login.example.com/introspect'
  const server = await createIntrospectionServer(t, {
    authentication: { method: 'tls_client_auth' },
    fetch: async (url, init) => {
      asked.push(url)
      return await server.issuer.fetch(server.endpoint.endpoint, init)
    }
  })
  const { endpoint, get, issuer } = server
  issuer.answer(issuer.metadataUrl, () => Response.json({
    issuer: issuer.issuer, introspection_endpoint: endpoint.endpoint, mtls_endpoint_aliases: { introspection_endpoint: alias }
  }))
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  t.strictSame(asked, [alias])
  const [{ headers, form }] = endpoint.questions as [typeof endpoint.questions[number]]
  t.strictSame([form.get('client_id'), form.get('client_secret'), headers.get('authorization')], [clientId, null, null])
})

test('nobody is asked without saying who is asking (R7662-02)', async t => {
  const issuer = await createFakeIssuer()
  for (const introspection of [{ clientId }, { clientId, authentication: { method: 'none' } }, { authentication: secret }]) {
    const authorizationServers = [{ issuer: issuer.issuer, introspection: introspection as IntrospectionOptions }]
    await t.rejects(createApp(t, optionsFor(issuer, { authorizationServers })), { code: 'FST_OAUTH_OPTION_INVALID' })
  }
})

test('only the boolean true is a yes, and a no has no details (R7662-03, R7662-04)', async t => {
  const rest = { sub: 'user-1', aud: resource, exp: 1_800_000_300 }
  for (const active of [true, false, 'true', 1, null, undefined, [true], {}]) {
    const { endpoint, get, handled } = await createIntrospectionServer(t)
    endpoint.say({ active, ...rest })
    const response = await get('opaque')
    t.strictSame(answerOf(response), active === true ? accepted : invalidToken, JSON.stringify(active))
    t.equal(handled.length, active === true ? 1 : 0)
    if (active !== true) t.strictSame(response.json(), { statusCode: 401, code: 'FST_OAUTH_TOKEN_INVALID', error: 'Unauthorized', message: 'The access token is invalid' })
  }
})

test('an active token is held against everything else (R7662-05, R7662-06)', async t => {
  const now = 1_800_000_000
  const cases: Array<[members: Record<string, unknown>, status: number]> = [
    [{}, 200], [{ aud: [resource, 'other'] }, 200], [{ nbf: now }, 200], [{ iss: 'https://login.example.com' }, 200],
    [{ aud: 'other' }, 401], [{ aud: `${resource}/` }, 401], [{ aud: undefined }, 401], [{ aud: [] }, 401],
    [{ exp: now - 60 }, 401], [{ nbf: now + 60 }, 401], [{ iat: now + 60 }, 401], [{ exp: 'never' }, 401],
    [{ iss: 'https://evil.example' }, 401]
  ]
  for (const [members, status] of cases) {
    const { endpoint, get } = await createIntrospectionServer(t)
    t.equal((await get(endpoint.issue(members))).statusCode, status, JSON.stringify(members))
  }
  const { app, endpoint } = await createIntrospectionServer(t)
  const write = (members: object) => app.inject({ url: '/write', headers: bearer(endpoint.issue({ ...members })) })
  t.strictSame(answerOf(await write({ scope: 'read write' })), accepted)
  t.strictSame(answerOf(await write({ scope: 'read' })), insufficientScope)
  t.strictSame(answerOf(await write({})), insufficientScope)
})

test('without an audience only where the operator said that there need not be one (R7662-06)', async t => {
  const { endpoint, get } = await createIntrospectionServer(t, {}, { rule: { allowMissingAudience: true } })
  t.strictSame(answerOf(await get(endpoint.issue({ aud: undefined }))), accepted)
  t.strictSame(answerOf(await get(endpoint.issue({ aud: 'other' }))), invalidToken, 'and never with another')
})

test('a token that is bound to a key is no bearer token (R7662-07)', async t => {
  for (const members of [{ cnf: { jkt: 'x' } }, { cnf: { 'x5t#S256': 'x' }, token_type: 'Bearer' }, { token_type: 'DPoP', cnf: { jkt: 'x' } }, { token_type: 'DPoP' }]) {
    const { endpoint, get } = await createIntrospectionServer(t)
    t.strictSame(answerOf(await get(endpoint.issue(members))), invalidToken, JSON.stringify(members))
  }
})

test('what an answer says means what it means in a JWT (R7662-08, S14)', async t => {
  const claims = {
    sub: 'user-1', client_id: 'client-1', scope: 'read write', act: { sub: 'staff-1', act: { sub: 'staff-0' } }, acr: 'gold', auth_time: 1_799_999_000,
    authorization_details: [{ type: 'payment', actions: ['read'] }], roles: ['a'], sid: 'session-1', jti: 'token-1'
  }
  const opaque = await createIntrospectionServer(t)
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const app = await createApp(t, optionsFor(issuer, { clock }))
  app.get('/', async request => ({ accessToken: request.accessToken }))
  const fromJwt = (await app.inject({ url: '/', headers: bearer(await issuer.token(claims)) })).json()
  const fromAnswer = (await opaque.get(opaque.endpoint.issue(claims))).json()
  delete fromJwt.accessToken.claims
  delete fromAnswer.accessToken.claims
  t.strictSame(fromAnswer, fromJwt)
  t.match(fromAnswer, { accessToken: { actor: { issuer: issuer.issuer, subject: 'staff-1' }, authenticationContext: 'gold', sessionId: 'session-1' } })
  t.strictSame(answerOf(await opaque.get(opaque.endpoint.issue({ act: { sub: 7 } }))), invalidToken, 'an actor that nobody can read is refused')
})

test('an answer is kept for a while, never past the expiry of the token (F56, R7662-09, R7662-10, T-26)', async t => {
  const cases: Array<[introspection: Partial<IntrospectionOptions>, expiresIn: number | undefined, at: number[], asked: number]> = [
    [{}, 300, [0, 9], 1], [{}, 300, [0, 9, 10], 2], [{}, undefined, [0, 9, 10], 2],
    [{ cacheSeconds: 30 }, 300, [0, 29], 1], [{ cacheSeconds: 30 }, 10, [0, 9], 1], [{ cacheSeconds: 30 }, 300, [0, 30], 2],
    [{ cacheSeconds: 0 }, 300, [0, 0, 0], 3], [{ cacheSeconds: 300 }, 300, [0, 59, 60], 2]
  ]
  for (const [introspection, expiresIn, at, asked] of cases) {
    const server = await createIntrospectionServer(t, introspection)
    const token = server.endpoint.issue({ exp: expiresIn === undefined ? undefined : 1_800_000_000 + expiresIn })
    let now = 0
    for (const second of at) {
      server.clock.advance(second - now)
      now = second
      t.strictSame(answerOf(await server.get(token)), accepted)
    }
    t.equal(server.asked(), asked, JSON.stringify([introspection, expiresIn, at]))
  }
  const { clock, endpoint, get } = await createIntrospectionServer(t, { cacheSeconds: 300 })
  const token = endpoint.issue({ exp: 1_800_000_010 })
  await get(token)
  clock.advance(20)
  t.strictSame(answerOf(await get(token)), invalidToken, 'even when the issuer still calls it active')
})

test('nothing that is kept holds the token (R7662-11)', async t => {
  const { app, endpoint, get } = await createIntrospectionServer(t, { refusedCacheSeconds: 60 })
  const { inspect } = await import('node:util')
  await get(endpoint.issue({}, 'the-good-token'))
  await get('the-bad-token')
  endpoint.questions.length = 0
  endpoint.tokens.clear()
  t.notMatch(inspect(app.accessTokenVerifier, { depth: Infinity, showHidden: true }), /the-(?:good|bad)-token/)
})

test('two issuers share nothing, and nothing is asked at the wrong one (R7662-12, R8414-08)', async t => {
  const clock = createTestClock()
  const [a, b] = [await createFakeIssuer({ clock, issuer: 'https://a.example' }), await createFakeIssuer({ clock, issuer: 'https://b.example' })]
  const [endpointA, endpointB] = [addIntrospection(a, clock), addIntrospection(b, clock)]
  const introspection = (opaquePrefix: string): IntrospectionOptions => ({ clientId, authentication: secret, opaquePrefix, refusedCacheSeconds: 60 })
  const app = await createApp(t, {
    resource,
    authorizationServers: [
      { issuer: a.issuer, introspection: introspection('a_') },
      { issuer: b.issuer, introspection: introspection('b_'), rejectForeignAudiences: true }
    ],
    clock,
    fetch: async (url, init) => await (url.startsWith('https://a.') ? a : b).fetch(url, init)
  })
  app.get('/', async request => request.accessToken)
  const get = (token: string) => app.inject({ url: '/', headers: bearer(token) })
  const token = endpointA.issue({ sub: 'same' }, 'a_')
  const other = endpointB.issue({ sub: 'same', aud: [resource, 'x'] }, 'b_')
  endpointB.tokens.set(token, endpointA.tokens.get(token)!)
  t.match((await get(token)).json(), { issuer: a.issuer, subject: 'same' })
  t.equal((await get(other)).statusCode, 401, 'by the rule of its own issuer')
  t.equal((await get('c_1')).statusCode, 401)
  t.strictSame([endpointA.questions.length, endpointB.questions.length], [1, 1])
  endpointA.answer(() => { throw new Error('down') })
  t.equal((await get(endpointA.issue({}, 'a_'))).statusCode, 503)
  t.equal((await get(endpointB.issue({}, 'b_'))).statusCode, 200, 'what is down is down for its own tokens')
  t.equal((await get(token)).statusCode, 200)
})

test('what was refused is asked about again, unless remembering it is wanted (R7662-13)', async t => {
  for (const [refusedCacheSeconds, asked] of [[0, 20], [30, 2]] as const) {
    const { clock, get, asked: count } = await createIntrospectionServer(t, { refusedCacheSeconds })
    for (let i = 0; i < 10; i++) t.strictSame(answerOf(await get('junk')), invalidToken)
    clock.advance(30)
    for (let i = 0; i < 10; i++) await get('junk')
    t.equal(count(), asked)
  }
})

test('what cannot be a token is not sent (R7662-14)', async t => {
  const { app, get, asked, issuer } = await createIntrospectionServer(t)
  t.strictSame(answerOf(await get('x'.repeat(4097))), invalidToken)
  t.strictSame(answerOf(await get('x'.repeat(10_000))), invalidToken)
  for (const authorization of ['Bearer a b', 'Bearer "x"', 'Bearer ä', 'Bearer a=b', 'Bearer ']) {
    t.strictSame(answerOf(await app.inject({ url: '/', headers: { authorization } })), invalidRequest, authorization)
  }
  t.strictSame(answerOf(await get('eyJhbGciOiJFUzI1NiJ9.e30.')), invalidToken, 'a broken JWT')
  t.strictSame(answerOf(await get(await issuer.token({ iss: 'https://evil.example' }))), invalidToken, 'R8414-07 a JWT of somebody else')
  t.strictSame(issuer.requests, [])
  t.equal(asked(), 0)
})

test('an outage is no verdict (R7662-15, H40)', async t => {
  const outages: Array<() => Response> = [
    () => Response.json({ error: 'invalid_client' }, { status: 401 }),
    () => Response.json({ active: true }, { status: 500 }),
    () => new Response('', { status: 503 }),
    () => new Response('not JSON'),
    () => { throw new Error('reset') }
  ]
  for (const outage of outages) {
    const { endpoint, get, handled } = await createIntrospectionServer(t)
    endpoint.answer(outage)
    const response = await get('opaque')
    t.strictSame(answerOf(response), unavailable)
    t.equal(response.headers['retry-after'], '5')
    t.strictSame(handled, [])
  }
})

test('an issuer that does not introspect this kind of token has said no (R7662-15)', async t => {
  const { endpoint, get } = await createIntrospectionServer(t)
  endpoint.answer(() => Response.json({ error: 'unsupported_token_type' }, { status: 400 }))
  t.strictSame(answerOf(await get('opaque')), invalidToken)
  t.strictSame(answerOf(await get('opaque')), invalidToken, 'and is not down')
})

test('fifty at once ask once (R7662-16)', async t => {
  const { endpoint, get, asked } = await createIntrospectionServer(t)
  const token = endpoint.issue()
  const members = endpoint.tokens.get(token)!
  const answer = createDeferred<Response>()
  endpoint.answer(() => answer.promise)
  const all = Promise.all(Array.from({ length: 50 }, () => get(token)))
  while (asked() === 0) await new Promise(setImmediate)
  answer.resolve(Response.json(members))
  t.ok((await all).every(({ statusCode }) => statusCode === 200))
  t.equal(asked(), 1)
})

test('a JWT of an issuer that is asked: what it says itself is not believed', async t => {
  const { endpoint, get, issuer, asked } = await createIntrospectionServer(t, { opaquePrefix: null })
  const token = await issuer.token({ sub: 'admin', scope: 'write', exp: 1, aud: 'x' })
  t.strictSame(answerOf(await get(token)), invalidToken)
  endpoint.tokens.set(token, { active: true, sub: 'user-1', aud: resource })
  const response = await get(token)
  t.match(response.json(), { accessToken: { subject: 'user-1', scopes: [], claims: { sub: 'user-1' } } })
  t.equal(asked(), 2)
  t.strictSame(answerOf(await get('opaque')), invalidToken, 'and opaque tokens it has none')
  t.equal(asked(), 2)
})

test('never both: a JWT that its issuer signs is not asked about, and one that is refused here neither (F31)', async t => {
  const clock = createTestClock()
  const [jwt, opaque] = [await createFakeIssuer({ clock, issuer: 'https://jwt.example' }), await createFakeIssuer({ clock, issuer: 'https://opaque.example' })]
  const endpoint = addIntrospection(opaque, clock)
  endpoint.say({ active: true, sub: 'user-1', aud: resource })
  const app = await createApp(t, {
    resource,
    authorizationServers: [jwt.issuer, { issuer: opaque.issuer, introspection: { clientId, authentication: secret } }],
    clock,
    fetch: async (url, init) => await (url.startsWith('https://jwt.') ? jwt : opaque).fetch(url, init)
  })
  app.get('/', async request => request.accessToken)
  const status = async (token: string): Promise<number> => (await app.inject({ url: '/', headers: bearer(token) })).statusCode
  t.equal(await status(await jwt.token()), 200)
  t.equal(await status(await jwt.token({ exp: 1 })), 401)
  t.equal(await status(await jwt.token({}, {}, opaque.keys[0])), 401)
  t.equal(endpoint.questions.length, 0)
  t.equal(await status('opaque'), 200)
})
