import { decodeJwt, generateKeyPair, jwtVerify } from 'jose'
import { test } from 'tap'
import { createProofKey, createProver } from '../../../../lib/client/oauth/dpop.ts'
import { beginAuthorization, completeAuthorization } from '../../../../lib/client/oauth/authorization-code.ts'
import { exchangeToken, requestClientCredentials, requestIdentityAssertion, requestWithAssertion, revokeTokens } from '../../../../lib/client/oauth/grants.ts'
import { createRefresh } from '../../../../lib/client/oauth/refresh-token.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { accessTo } from '../../../support/outbound.ts'

const urn = 'urn:ietf:params:oauth:'

test('RFC 6749 section 4.4: client credentials with Basic, post or a signed assertion', async t => {
  const fake = createFakeOAuth()
  const question = { resource: fake.resource, scopes: ['read'] }
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const authentications = [
    { method: 'client_secret_basic', clientSecret: 'top secret' },
    { method: 'client_secret_post', clientSecret: 'top secret' },
    { method: 'private_key_jwt', privateKey, keyId: 'k1' }
  ] as const
  for (const authentication of authentications) {
    const tokens = await requestClientCredentials(accessTo(fake, { client: { clientId: 'machine-1', authentication } }), question)
    t.match(tokens, { accessToken: /^at-/, refreshToken: null, scopes: ['read'] }, authentication.method)
  }
  const [basic, post, signed] = fake.tokenRequests
  t.match(Object.fromEntries(basic!), { grant_type: 'client_credentials', resource: fake.resource, scope: 'read' })
  t.match(fake.received[0]!.headers.get('authorization'), /^Basic /)
  t.equal(post!.get('client_secret'), 'top secret')
  const { payload } = await jwtVerify(signed!.get('client_assertion')!, publicKey, { audience: fake.issuer, issuer: 'machine-1', subject: 'machine-1' })
  t.type(payload.jti, 'string')
})

test('RFC 7523 section 3: a client assertion has the time of the given clock', async t => {
  const fake = createFakeOAuth()
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const ahead = Date.now() + 3_600_000
  const access = accessTo(fake, { client: { clientId: 'machine-1', authentication: { method: 'private_key_jwt', privateKey } }, clock: { now: () => ahead } })
  await requestClientCredentials(access, { resource: fake.resource, scopes: null })
  const { payload } = await jwtVerify(fake.tokenRequests[0]!.get('client_assertion')!, publicKey, { currentDate: new Date(ahead) })
  t.ok(Math.abs(payload.iat! - ahead / 1000) <= 60)
})

test('RFC 8707: the resource is always sent, a scope only where there is one (MCPC-10)', async t => {
  const fake = createFakeOAuth()
  t.equal((await requestClientCredentials(accessTo(fake), { resource: fake.resource, scopes: null })).scopes, null)
  t.equal(fake.tokenRequests[0]!.get('scope'), null)
  t.equal(fake.tokenRequests[0]!.get('resource'), fake.resource)
})

test('RFC 6749 section 4.4.3: a refresh token for client credentials is dropped', async t => {
  const fake = createFakeOAuth()
  fake.answer('https://login.example.com/token', () => Response.json({ access_token: 'a', token_type: 'bearer', refresh_token: 'r' }))
  t.equal((await requestClientCredentials(accessTo(fake), { resource: fake.resource, scopes: null })).refreshToken, null)
})

test('RFC 8707 section 2: a request that is refused is not repeated (R8707-06)', async t => {
  const fake = createFakeOAuth()
  fake.answer('https://login.example.com/token', () => Response.json({ error: 'invalid_target' }, { status: 400 }))
  await t.rejects(requestClientCredentials(accessTo(fake), { resource: fake.resource, scopes: null }), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_target' })
  t.equal(fake.received.length, 1)
})

test('RFC 9449 section 8: with a new nonce, the client assertion and the proof are new, too (R9449-36)', async t => {
  const fake = createFakeOAuth({ serverNonce: 'n1' })
  const { privateKey } = await generateKeyPair('ES256')
  const access = accessTo(fake, {
    client: { clientId: 'machine-1', authentication: { method: 'private_key_jwt', privateKey } }, prover: await createProver((await createProofKey())!)
  })
  t.match(await requestClientCredentials(access, { resource: fake.resource, scopes: null }), { tokenType: 'DPoP' })
  t.equal(new Set(fake.tokenRequests.map(form => form.get('client_assertion'))).size, 2)
  t.equal(new Set(fake.received.map(({ headers }) => headers.get('dpop'))).size, 2)
  fake.answer('https://login.example.com/token', () => Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: { 'dpop-nonce': 'other' } }))
  await t.rejects(requestClientCredentials(access, { resource: fake.resource, scopes: null }), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'use_dpop_nonce' })
  t.equal(fake.received.length, 4, 'once more, and no further')
})

test('RFC 9449 section 8.2: a nonce is used until the server sends another one (R9449-32)', async t => {
  const fake = createFakeOAuth()
  const headers = [{ 'dpop-nonce': 'n1' }, {}, { 'dpop-nonce': 'n2' }, {}]
  fake.answer('https://login.example.com/token', () => Response.json({ access_token: 'a', token_type: 'DPoP' }, { headers: headers[fake.received.length - 1]! }))
  const access = accessTo(fake, { prover: await createProver((await createProofKey())!) })
  while (fake.received.length < headers.length) await requestClientCredentials(access, { resource: fake.resource, scopes: null })
  t.strictSame(fake.received.map(sent => decodeJwt(sent.headers.get('dpop')!).nonce), [undefined, 'n1', 'n1', 'n2'])
})

test('RFC 9449 section 8.2: a nonce beside a bearer token is ignored', async t => {
  const fake = createFakeOAuth()
  fake.answer('https://login.example.com/token', () => Response.json({ access_token: 'a', token_type: 'Bearer' }, { headers: { 'dpop-nonce': 'n' } }))
  t.match(await requestClientCredentials(accessTo(fake), { resource: fake.resource, scopes: null }), { accessToken: 'a', tokenType: 'Bearer' })
})

test('RFC 9449 5: a bearer token is refused if a key-bound one was requested [MCPD-01]', async t => {
  const fake = createFakeOAuth()
  fake.answer('https://login.example.com/token', () => Response.json({ access_token: 'a', token_type: 'Bearer' }))
  const prover = await createProver((await createProofKey())!)
  await t.rejects(requestClientCredentials(accessTo(fake, { prover }), { resource: fake.resource, scopes: null }), failed('FST_OAUTH_TOKEN_TYPE_REFUSED'))
})

test('RFC 8693: token exchange with and without an actor token [F69]', async t => {
  const fake = createFakeOAuth()
  const question = { resource: 'https://next.example.com/api', scopes: ['read'], subject: { token: 'subject-token', type: 'access_token' } } as const
  t.match(await exchangeToken(accessTo(fake), question), { accessToken: /^at-/, scopes: ['read'] })
  t.same(Object.fromEntries(fake.tokenRequests[0]!), {
    grant_type: `${urn}grant-type:token-exchange`,
    client_id: 'client-1',
    resource: 'https://next.example.com/api',
    scope: 'read',
    subject_token: 'subject-token',
    subject_token_type: `${urn}token-type:access_token`,
    requested_token_type: `${urn}token-type:access_token`
  })
  await exchangeToken(accessTo(fake), { ...question, actor: { token: 'actor-token', type: 'https://example.com/kind' }, audience: 'next' })
  t.match(Object.fromEntries(fake.tokenRequests[1]!), { actor_token: 'actor-token', actor_token_type: 'https://example.com/kind', audience: 'next' })
})

test('ID-JAG: an assertion of the identity provider, and a token for it (F69)', async t => {
  const provider = createFakeOAuth({ issuer: 'https://idp.example.com' })
  const fake = createFakeOAuth()
  const question = { resource: fake.resource, scopes: ['read'] }
  const assertion = await requestIdentityAssertion(accessTo(provider), { ...question, subject: { token: 'id-token', type: 'id_token' }, audience: fake.issuer })
  t.equal(assertion, 'id-jag-1')
  t.match(Object.fromEntries(provider.tokenRequests[0]!), {
    requested_token_type: `${urn}token-type:id-jag`, subject_token_type: `${urn}token-type:id_token`, audience: fake.issuer, resource: fake.resource
  })
  t.match(await requestWithAssertion(accessTo(fake), { ...question, assertion }), { accessToken: /^at-/ })
  t.match(Object.fromEntries(fake.tokenRequests[0]!), { grant_type: `${urn}grant-type:jwt-bearer`, assertion: 'id-jag-1', resource: fake.resource })
  provider.answer('https://idp.example.com/token', () => Response.json({ access_token: 'a', token_type: 'N_A', issued_token_type: `${urn}token-type:jwt` }))
  await t.rejects(requestIdentityAssertion(accessTo(provider), { ...question, subject: { token: 'x', type: 'id_token' }, audience: fake.issuer }), failed('FST_OAUTH_TOKEN_TYPE_REFUSED', { message: /: the response has no identity assertion$/ }))
})

test('RFC 8693 2.2.1: a response with the token type N_A has no access token and is refused [F69]', async t => {
  const fake = createFakeOAuth()
  fake.answer('https://login.example.com/token', () => Response.json({ access_token: 'a', token_type: 'N_A' }))
  await t.rejects(exchangeToken(accessTo(fake), { resource: fake.resource, scopes: null, subject: { token: 'x', type: 'jwt' } }), failed('FST_OAUTH_TOKEN_RESPONSE_INVALID'))
})

test('a server without the endpoint, and one that keeps its endpoint inside', async t => {
  const question = { resource: 'https://mcp.example.com', scopes: null }
  await t.rejects(requestClientCredentials(accessTo(createFakeOAuth({ server: { token_endpoint: undefined } })), question), failed('FST_OAUTH_ENDPOINT_MISSING'))
  const fake = createFakeOAuth({ server: { token_endpoint: 'https://169.254.169.254/token' } })
  await t.rejects(requestClientCredentials(accessTo(fake), question), failed('FST_OAUTH_ADDRESS_REFUSED'))
  t.same(fake.received, [])
})

test('RFC 6749 section 2.3: with Basic authentication no body has a client_id, and with post one has (F9)', async t => {
  for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
    const fake = createFakeOAuth()
    const access = accessTo(fake, { client: { clientId: 'c', authentication: { method, clientSecret: 's' } } })
    const request = { resource: fake.resource, scopes: null }
    const subject = { token: 't', type: 'access_token' } as const
    await requestClientCredentials(access, request)
    await exchangeToken(access, { ...request, subject })
    await requestIdentityAssertion(access, { ...request, subject, audience: 'https://other.example.com' })
    await requestWithAssertion(access, { ...request, assertion: 'a' })
    await revokeTokens(access, { accessToken: 'a', refreshToken: 'r' })
    const refresh = createRefresh({ server: access.server, clientId: 'c', authentication: access.client.authentication, resource: null, fetch: fake.fetch })
    await refresh({ accessToken: 'a', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null }, new AbortController().signal).catch(() => {})
    const { pending, url } = await beginAuthorization(access, { ...request, redirectUri: 'http://127.0.0.1/cb' })
    await completeAuthorization(access, pending, await fake.consent(url))
    const forms = fake.received.filter(({ method: verb }) => verb === 'POST')
    t.equal(forms.length, 8)
    for (const { form, headers } of forms) {
      t.equal(form.get('client_id'), method === 'client_secret_post' ? 'c' : null, form.toString())
      t.equal(headers.has('authorization'), method === 'client_secret_basic')
    }
  }
})

test('RFC 8707: no request has a resource where the access says that the server refuses it (F8)', async t => {
  const fake = createFakeOAuth()
  const access = accessTo(fake, { omitResource: true })
  const request = { resource: fake.resource, scopes: ['read'] }
  await requestClientCredentials(access, request)
  await exchangeToken(access, { ...request, subject: { token: 't', type: 'access_token' } })
  await requestWithAssertion(access, { ...request, assertion: 'a' })
  const { url, pending } = await beginAuthorization(access, { ...request, redirectUri: 'http://127.0.0.1/cb' })
  t.equal(url.searchParams.get('resource'), null)
  t.equal(pending.resource, fake.resource, 'the identifier is still known')
  t.match(await completeAuthorization(access, pending, await fake.consent(url)), { scopes: ['read'] })
  t.same(fake.tokenRequests.map(form => form.get('resource')), [null, null, null, null])
})
