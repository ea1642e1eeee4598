import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { test } from 'tap'
import { beginAuthorization, completeAuthorization } from '../../../../lib/client/oauth/authorization-code.ts'
import type { AuthorizationRequest, PendingAuthorization } from '../../../../lib/client/oauth/authorization-code.ts'
import { describedError } from '../../../../lib/client/oauth/oauth-call.ts'
import { createProofKey, createProver } from '../../../../lib/client/oauth/dpop.ts'
import type { ServerMetadata } from '../../../../lib/client/discovery/server-discovery.ts'
import type { FakeOAuth } from '../../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { accessTo } from '../../../support/outbound.ts'

const redirectUri = 'https://app.example.com/callback'
const requestOf = (fake: FakeOAuth, changes: Partial<AuthorizationRequest> = {}): AuthorizationRequest =>
  ({ redirectUri, resource: fake.resource, scopes: ['read'], ...changes })

test('RFC 7636, RFC 8707: the authorization request, and the state kept for its response [MCPC-09 MCPC-10 MCPC-18 MCPC-21]', async t => {
  const fake = createFakeOAuth({ server: { authorization_endpoint: 'https://login.example.com/authorize?tenant=1' } })
  const { url, pending } = await beginAuthorization(accessTo(fake), requestOf(fake, { parameters: { login_hint: 'ada', state: 'mine', resource: 'https://evil.example' } }))
  t.same(JSON.parse(JSON.stringify(pending)), pending, 'it is plain JSON')
  t.match(pending, { issuer: fake.issuer, clientId: 'client-1', redirectUri, resource: fake.resource, scopes: ['read'] })
  t.same(Object.fromEntries(url.searchParams), {
    tenant: '1',
    login_hint: 'ada',
    response_type: 'code',
    client_id: 'client-1',
    redirect_uri: redirectUri,
    resource: fake.resource,
    scope: 'read',
    state: pending.state,
    code_challenge: createHash('sha256').update(pending.codeVerifier).digest('base64url'),
    code_challenge_method: 'S256'
  })
  const again = await beginAuthorization(accessTo(fake), requestOf(fake))
  t.not(again.pending.state, pending.state)
  t.not(again.pending.codeVerifier, pending.codeVerifier)
})

test('R9449 parameters that are sent when there is a reason (R9470-13, MCPC-22)', async t => {
  const fake = createFakeOAuth()
  const { url } = await beginAuthorization(accessTo(fake), requestOf(fake, {
    scopes: ['read', 'offline_access'], acrValues: ['gold', 'silver'], maxAgeSeconds: 0, proofKeyThumbprint: 'thumb'
  }))
  t.match(Object.fromEntries(url.searchParams), { acr_values: 'gold silver', max_age: '0', dpop_jkt: 'thumb', prompt: 'consent', scope: 'read offline_access' })
  const bare = await beginAuthorization(accessTo(fake), requestOf(fake, { scopes: null }))
  for (const name of ['scope', 'acr_values', 'max_age', 'dpop_jkt', 'prompt']) t.equal(bare.url.searchParams.get(name), null, name)
})

test('an authorization is not started without PKCE, a valid redirect URI or a valid endpoint [MCPC-09 MCPC-27 MCPC-29]', async t => {
  const begin = async (server: Record<string, unknown>, request: Partial<AuthorizationRequest> = {}): Promise<unknown> => {
    const fake = createFakeOAuth({ server })
    return await beginAuthorization(accessTo(fake), requestOf(fake, request))
  }
  await t.rejects(begin({ code_challenge_methods_supported: undefined }), failed('FST_OAUTH_PKCE_UNSUPPORTED'))
  await t.rejects(begin({ code_challenge_methods_supported: ['plain'] }), failed('FST_OAUTH_PKCE_UNSUPPORTED'))
  await t.rejects(begin({ authorization_endpoint: undefined }), failed('FST_OAUTH_ENDPOINT_MISSING'))
  await t.rejects(begin({ authorization_endpoint: 'javascript:alert(1)' }), failed('FST_OAUTH_ADDRESS_REFUSED'))
  for (const uri of ['http://app.example.com/cb', 'com.example.app:/cb', 'com.example.app://localhost/cb', 'https://app.example.com/cb#x', 'https://a:b@app.example.com/', 'https://a@app.example.com/', 'https://:b@app.example.com/', 'x', 'http://127.0.0.1.evil.com/']) {
    await t.rejects(begin({}, { redirectUri: uri }), failed('FST_OAUTH_REDIRECT_URI_REFUSED'), uri)
  }
  await t.rejects(begin({}, { redirectUri: 'http://ada:secret@app.example.com/cb?secret=1' }), failed('FST_OAUTH_REDIRECT_URI_REFUSED', { message: /: "http:\/\/\*\*\*@app\.example\.com\/cb"$/ }))
  for (const uri of ['http://127.0.0.1:1234/cb', 'http://localhost/cb', 'http://[::1]:1/cb']) await begin({}, { redirectUri: uri })
})

test('RFC 7636, RFC 8707: the code is redeemed with the verifier and the resource [MCPC-10 R8707-05]', async t => {
  const fake = createFakeOAuth()
  const access = accessTo(fake, { clock: { now: () => 1_000_000 } })
  const { url, pending } = await beginAuthorization(access, requestOf(fake))
  const tokens = await completeAuthorization(access, pending, await fake.consent(url))
  t.match(tokens, { accessToken: /^at-/, refreshToken: /^rt-/, tokenType: 'Bearer', expiresAt: 1_300_000, scopes: ['read'] })
  t.match(Object.fromEntries(fake.tokenRequests[0]!), { grant_type: 'authorization_code', resource: fake.resource, redirect_uri: redirectUri, client_id: 'client-1', code_verifier: pending.codeVerifier })
})

test('an unrequested ID token does not make the token response fail [RFSH-03]', async t => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const alg of ['ES256', 'EdDSA', 'PS256']) {
    const fake = createFakeOAuth()
    fake.answer(`${fake.issuer}/token`, () => {
      const now = Math.floor(Date.now() / 1000)
      const id = `${part({ alg })}.${part({ iss: fake.issuer, aud: 'client-1', sub: 'ann', iat: now, exp: now + 300 })}.c2ln`
      return Response.json({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r', id_token: id })
    })
    const { url, pending } = await beginAuthorization(accessTo(fake), requestOf(fake, { scopes: ['openid'] }))
    t.match(await completeAuthorization(accessTo(fake), pending, await fake.consent(url)), { accessToken: 'a', refreshToken: 'r' }, alg)
  }
})

test('an access token with characters that cannot be sent is refused [R54]', async t => {
  const fake = createFakeOAuth()
  fake.answer(`${fake.issuer}/token`, () => Response.json({ access_token: 'secret\nx', token_type: 'Bearer' }))
  const { url, pending } = await beginAuthorization(accessTo(fake), requestOf(fake))
  const error = await completeAuthorization(accessTo(fake), pending, await fake.consent(url)).catch((caught: unknown) => caught)
  t.match(error, { code: 'FST_OAUTH_TOKEN_RESPONSE_INVALID' })
  t.notMatch(inspect(error, { depth: 10 }), 'secret')
})

test('the query alone will do for an answer, and an answer without a scope means what was asked for', async t => {
  const fake = createFakeOAuth({ grants: () => [] })
  const { url, pending } = await beginAuthorization(accessTo(fake), requestOf(fake))
  t.same((await completeAuthorization(accessTo(fake), pending, (await fake.consent(url)).searchParams)).scopes, ['read'])
})

test('RFC 9207: the issuer of the authorization response must match [MCPC-19 MCPC-20]', async t => {
  const issuer = 'https://login.example.com'
  const cases: Array<[boolean | undefined, string | undefined, boolean]> = [
    [true, issuer, true],
    [true, undefined, false],
    [true, '', false],
    [true, 'https://evil.example.com', false],
    [true, `${issuer}/`, false],
    [true, 'https://LOGIN.example.com', false],
    [true, `${issuer}:443`, false],
    [undefined, undefined, true],
    [false, undefined, true],
    [undefined, issuer, true],
    [undefined, 'https://evil.example.com', false],
    [undefined, `${issuer}/`, false]
  ]
  for (const [advertised, iss, good] of cases) {
    const fake = createFakeOAuth({ server: { authorization_response_iss_parameter_supported: advertised } })
    const access = accessTo(fake)
    const { url, pending } = await beginAuthorization(access, requestOf(fake))
    const answer = completeAuthorization(access, pending, await fake.consent(url, { iss }))
    if (good) t.ok(await answer, `${advertised} ${iss}`)
    else {
      await t.rejects(answer, failed('FST_OAUTH_RESPONSE_MIXED_UP'), `${advertised} ${iss}`)
      t.same(fake.tokenRequests, [], 'the code goes nowhere')
    }
  }
})

test('RFC 9207 2.4: the error of a response is shown only if state and iss match [MCPC-20 MCPC-21]', async t => {
  const fake = createFakeOAuth()
  const access = accessTo(fake)
  const { url, pending } = await beginAuthorization(access, requestOf(fake))
  const error = { error: 'access_denied', error_description: 'call "0800" = now\u0007', code: undefined }
  await t.rejects(completeAuthorization(access, pending, await fake.consent(url, { ...error, iss: 'https://evil.example' })), { ...failed('FST_OAUTH_RESPONSE_MIXED_UP'), oauthError: null, description: null, message: /^(?!.*(denied|0800))/ })
  await t.rejects(completeAuthorization(access, pending, await fake.consent(url, { ...error, state: 'other' })), { ...failed('FST_OAUTH_RESPONSE_UNEXPECTED'), oauthError: null, message: /^(?!.*(denied|0800))/ })
  await t.rejects(completeAuthorization(access, pending, await fake.consent(url, error)), { ...failed('FST_OAUTH_AUTHORIZATION_REFUSED'), oauthError: 'access_denied', description: 'call 0800 now' })
  await t.rejects(completeAuthorization(access, pending, await fake.consent(url, { error: 'access_denied' })), { ...failed('FST_OAUTH_AUTHORIZATION_REFUSED'), description: null })
})

test('an error response of the authorization server is shown with its description, both bounded [R54]', async t => {
  t.same(describedError({ error: 'x'.repeat(101), error_description: 'y'.repeat(501) }), {
    message: `${'x'.repeat(100)} (${'y'.repeat(500)})`, oauthError: 'x'.repeat(100), description: 'y'.repeat(500)
  })
  t.same(describedError({ error: 'a"b' }), { message: 'a b', oauthError: 'a b', description: null })
  t.same(describedError({ error: 'a', error_description: '""' }), { message: 'a', oauthError: 'a', description: '' }, 'nothing printable is left')
})

test('responses without a matching state are refused [MCPC-21]', async t => {
  const fake = createFakeOAuth()
  const access = accessTo(fake)
  const { url, pending } = await beginAuthorization(access, requestOf(fake))
  for (const changes of [{ state: undefined }, { state: '' }, { state: 'x' }, { code: undefined }]) {
    await t.rejects(completeAuthorization(access, pending, await fake.consent(url, changes)), failed('FST_OAUTH_RESPONSE_UNEXPECTED'))
  }
  for (const name of ['state', 'iss', 'code', 'error']) {
    const answer = await fake.consent(url, name === 'error' ? { error: 'access_denied' } : {})
    answer.searchParams.append(name, answer.searchParams.get(name)!)
    await t.rejects(completeAuthorization(access, pending, answer), failed('FST_OAUTH_RESPONSE_UNEXPECTED'), `${name} twice`)
  }
  const good = await fake.consent(url)
  const elsewhere: Array<Partial<PendingAuthorization>> = [{ issuer: 'https://other.example' }, { clientId: 'other' }]
  for (const changes of elsewhere) await t.rejects(completeAuthorization(access, { ...pending, ...changes }, good), failed('FST_OAUTH_RESPONSE_UNEXPECTED', { message: /started with another server or client$/ }))
  t.same(fake.tokenRequests, [])
  t.ok(await completeAuthorization(access, pending, good))
})

test('an authorization request is pushed where no other is taken', async t => {
  const fake = createFakeOAuth({ server: { require_pushed_authorization_requests: true } })
  const { url, pending } = await beginAuthorization(accessTo(fake), requestOf(fake))
  t.same([...url.searchParams.keys()], ['client_id', 'request_uri'])
  const answer = await fake.consent(url)
  t.equal(fake.authorizations[0]!.get('resource'), fake.resource)
  t.ok(await completeAuthorization(accessTo(fake), pending, answer))
  fake.answer('https://login.example.com/par', () => Response.json({ error: 'invalid_scope' }, { status: 400 }))
  await t.rejects(beginAuthorization(accessTo(fake), requestOf(fake)), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_scope' })
})

test('a code for a token that is bound to a key (RFSH-13, MCPD-01)', async t => {
  const fake = createFakeOAuth({ serverNonce: 'nonce-1' })
  const access = accessTo(fake, { prover: await createProver((await createProofKey())!) })
  const { url, pending } = await beginAuthorization(access, requestOf(fake))
  t.match(await completeAuthorization(access, pending, await fake.consent(url)), { tokenType: 'DPoP' })
  t.equal(fake.tokenRequests.length, 2, 'once to learn the nonce')
})

test('errors and invalid responses of the token endpoint', async t => {
  const trade = async (response: () => Response): Promise<unknown> => {
    const fake = createFakeOAuth()
    const access = accessTo(fake)
    const { url, pending } = await beginAuthorization(access, requestOf(fake))
    const back = await fake.consent(url)
    fake.answer('https://login.example.com/token', response)
    return await completeAuthorization(access, pending, back)
  }
  const token = { access_token: 'secret-token', token_type: 'Bearer' }
  t.match(await trade(() => Response.json(token)), { refreshToken: null, expiresAt: null })
  await t.rejects(trade(() => Response.json({ error: 'invalid_grant' }, { status: 400 })), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_grant', responseStatus: 400 })
  await t.rejects(trade(() => Response.json({ error: 'invalid_client' }, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_client' })
  for (const status of [500, 503, 429]) await t.rejects(trade(() => new Response('', { status })), { ...failed('FST_OAUTH_SERVER_UNAVAILABLE'), responseStatus: status }, String(status))
  for (const status of [302, 404]) await t.rejects(trade(() => new Response('', { status })), failed('FST_OAUTH_TOKEN_RESPONSE_INVALID'), String(status))
  await t.rejects(trade(() => { throw new Error('down') }), failed('FST_OAUTH_SERVER_UNAVAILABLE', { message: /: network$/ }))
  for (const body of [{}, { ...token, access_token: 7 }, { ...token, expires_in: 'soon' }, { ...token, scope: [] }, { ...token, refresh_token: {} }]) {
    const error = await trade(() => Response.json(body)).catch((failure: unknown) => failure as Error)
    t.match(error, failed('FST_OAUTH_TOKEN_RESPONSE_INVALID'), JSON.stringify(body))
    t.notMatch(JSON.stringify(Object.getOwnPropertyNames(error).map(name => String((error as unknown as Record<string, unknown>)[name]))), /secret-token/, 'R54 without what was sent')
  }
  await t.rejects(trade(() => new Response('<html>', { status: 200 })), failed('FST_OAUTH_TOKEN_RESPONSE_INVALID', { message: /invalid response: ./ }), 'the message says what is wrong')
  await t.rejects(trade(() => Response.json({ ...token, token_type: 'DPoP' })), failed('FST_OAUTH_TOKEN_TYPE_REFUSED'))
  await t.rejects(trade(() => Response.json({ ...token, token_type: 'mac' })), failed('FST_OAUTH_TOKEN_RESPONSE_INVALID'))
})

test('a token endpoint on this machine may be asked without TLS, and no other', async t => {
  const fake = createFakeOAuth({ issuer: 'http://localhost:9000' })
  const access = accessTo(fake)
  await t.rejects(beginAuthorization(access, requestOf(fake)), failed('FST_OAUTH_ADDRESS_REFUSED'))
  const { createHttpClient } = await import('../../../../lib/http/http-client.ts')
  const inDevelopment = accessTo(fake, { httpClient: createHttpClient({ fetch: fake.fetch, allowLoopback: true }) })
  const { url, pending } = await beginAuthorization(inDevelopment, requestOf(fake))
  t.ok(await completeAuthorization(inDevelopment, pending, await fake.consent(url)))
  const lying = { ...fake.server, token_endpoint: 'https://10.0.0.1/token' } as unknown as ServerMetadata
  await t.rejects(completeAuthorization({ ...inDevelopment, server: lying }, pending, await fake.consent(url)), failed('FST_OAUTH_ADDRESS_REFUSED'))
})
