import { test } from 'tap'
import { requestClientCredentials } from '../../../../lib/client/oauth/grants.ts'
import { connect } from '../../../../lib/client/connect/connect.ts'
import type { Connection } from '../../../../lib/client/connect/connection.ts'
import { emptyHint } from '../../../../lib/client/fetch/classify.ts'
import { refreshFailureOf } from '../../../../lib/client/fetch/create-fetch.ts'
import { createMemoryConnectionStore } from '../../../../lib/stores/connections/connection-store.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createConnectionWorld, fetchOf, machine, stores } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import type { FakeOAuthOptions } from '../../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'

test('a first 401 leads through discovery and sign-in to a response [F64 MCPC-01 MCPC-11]', async t => {
  const { fake, browser, connection } = await createConnectionWorld({ challenge: 'scope="read"', document: { scopes_supported: ['read', 'write'] } })
  t.same(fake.received, [], 'nothing is sent before there is a reason')
  const response = await connection.fetch(fake.resource, { method: 'POST', body: 'hello' })
  t.match(await response.json(), { scopes: ['read'], body: 'hello' })
  t.same(fake.log(), [
    'POST https://mcp.example.com/mcp',
    'GET https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
    'GET https://login.example.com/.well-known/oauth-authorization-server',
    'POST https://login.example.com/register',
    'POST https://login.example.com/token',
    'POST https://mcp.example.com/mcp'
  ])
  t.match(Object.fromEntries(fake.authorizations[0]!), { scope: 'read', resource: fake.resource, client_id: /^client-/ })
  await connection.fetch(`${fake.resource}/more`)
  t.equal(browser.visited.length, 1)
  t.equal(browser.closed, 1)
})

test('the token is sent only to URLs of its resource [MCPC-16 MCPC-17]', async t => {
  const { fake, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  for (const url of ['https://mcp.example.com/other', 'https://evil.example.com/mcp', 'https://mcp.example.com/mcpx', 'http://mcp.example.com/mcp']) {
    await connection.fetch(url)
    t.equal(fake.received.at(-1)!.headers.get('authorization'), null, url)
  }
  await connection.fetch(new URL('https://mcp.example.com/mcp?x=1'))
  t.match(fake.received.at(-1)!.headers.get('authorization'), /^Bearer at-/)
  t.notOk(fake.received.some(({ url }) => /at-\d/.test(url)), 'never in a URL')
})

test('a resource that covers more than the URL', async t => {
  const fake = createFakeOAuth({ resource: 'https://api.example.com' })
  fake.answer('https://api.example.com/.well-known/oauth-protected-resource/v1/things', () => Response.json(fake.document))
  const options = { url: 'https://api.example.com/v1/things', browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...stores() }
  const connection = await connect(options)
  t.equal((await connection.fetch('https://api.example.com/v1/things')).status, 200)
  t.equal((await connection.fetch('https://api.example.com/v2')).status, 200)
  t.match(fake.received.at(-1)!.headers.get('authorization'), /^Bearer/)
  t.equal(fake.authorizations[0]!.get('resource'), 'https://api.example.com', 'C-1 as it was written')

  const again = await connect(options)
  t.equal((await again.fetch('https://api.example.com/v2')).status, 200, 'also after a restart')
  await again.session.refresh((await again.session.token()).accessToken)
  t.equal(fake.tokenRequests.at(-1)!.get('resource'), 'https://api.example.com')
})

test('a step-up requests all needed scopes in one authorization [F67 MCPC-13 T-29 T-30 RFSH-02]', async t => {
  const { fake, connection } = await createConnectionWorld({ challenge: 'scope="read"', scopesOf: path => path.endsWith('/write') ? ['write'] : ['read'] })
  await connection.fetch(fake.resource)
  const response = await connection.fetch(`${fake.resource}/write`)
  t.match(await response.json(), { scopes: ['read', 'write'] })
  t.same(fake.authorizations.map(parameters => parameters.get('scope')), ['read', 'read write'])
  t.notOk(fake.tokenRequests.some(form => form.get('grant_type') === 'refresh_token'), 'a refresh would not help')
  await connection.fetch(fake.resource)
  t.equal(fake.authorizations.length, 2)
})

test('a step-up that does not help is not repeated [MCPC-14]', async t => {
  const clock = createTestClock()
  const { fake, connection } = await createConnectionWorld({ scopesOf: () => ['admin'], grants: () => ['read'] }, { clock, scopes: ['read'] })
  t.equal((await connection.fetch(fake.resource)).status, 403)
  t.same(fake.authorizations.map(parameters => parameters.get('scope')), ['read', 'read admin'])
  t.equal((await connection.fetch(fake.resource)).status, 403)
  t.equal(fake.authorizations.length, 2)
  clock.advance(60)
  await connection.fetch(fake.resource)
  t.equal(fake.authorizations.length, 3, 'a user may have changed their mind by then')
})

test('RFC 9470 4: acr_values and max_age of the challenge are sent in the authorization request [R9470-13 R9470-14]', async t => {
  const { fake, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  const route = `${fake.resource}/safe`
  const challenged = (): Response => new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="insufficient_user_authentication", acr_values="gold", max_age="300"' } })
  fake.answer(route, challenged)
  t.equal((await connection.fetch(route)).status, 401)
  t.equal(fake.authorizations.length, 2, 'one try')
  t.match(Object.fromEntries(fake.authorizations[1]!), { acr_values: 'gold', max_age: '300' })
  t.notOk(fake.tokenRequests.some(form => form.get('grant_type') === 'refresh_token'), 'RFSH-10 a refresh would not help')
  await connection.fetch(route)
  t.equal(fake.authorizations.length, 2, 'and none after it')
})

test('many requests that need the same ask the user once', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  const responses = await Promise.all(Array.from({ length: 20 }, async () => await connection.fetch(fake.resource)))
  t.same(new Set(responses.map(({ status }) => status)), new Set([200]))
  t.equal(browser.visited.length, 1)
})

test('RFC 9728 5.2: an expired token is refreshed; if that fails, the metadata is discovered again [MCPC-30 R9728-51]', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  fake.killTokens()
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(fake.tokenRequests.at(-1)!.get('grant_type'), 'refresh_token')
  t.equal(fake.tokenRequests.at(-1)!.get('resource'), fake.resource, 'RFSH-01')
  t.equal(browser.visited.length, 1)
  const asked = (): number => fake.log().filter(line => line.includes('oauth-protected-resource')).length
  const before = asked()
  fake.killTokens()
  fake.answer('https://login.example.com/token', ({ form }) => {
    if (form.get('grant_type') === 'refresh_token') return Response.json({ error: 'invalid_grant' }, { status: 400 })
    fake.answer('https://login.example.com/token', null)
    return Response.json({ error: 'invalid_grant' }, { status: 400 })
  })
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'))
  t.equal(asked(), before + 1)
  t.equal(browser.visited.length, 2)
})

test('after a change of the authorization server, nothing of the old one is sent to the new one [MCPC-26 MCPC-06 RFSH-12]', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  const next = createFakeOAuth({ issuer: 'https://next.example.com', resource: fake.resource })
  next.answer('https://next.example.com/register', () => Response.json({ client_id: 'next-client' }, { status: 201 }))
  const original = fake.fetch
  fake.document.authorization_servers = ['https://next.example.com']
  const seen: Array<{ url: string, body: string }> = []
  const both = await connect({
    url: fake.resource,
    browser: { prepare: async preferred => ({ ...await browser.prepare(preferred), visit: async url => await (url.host === 'next.example.com' ? next : fake).consent(url) }) },
    async fetch (input, init = {}) {
      const url = String(input)
      if (new URL(url).host !== 'next.example.com') return await original(url, init)
      seen.push({ url, body: String(init.body) })
      return await next.fetch(url, init)
    }
  })
  fake.document.authorization_servers = ['https://login.example.com']
  await both.fetch(fake.resource)
  const first = fake.authorizations.at(-1)!.get('client_id')!
  fake.document.authorization_servers = ['https://next.example.com']
  fake.answer(fake.resource, ({ headers }) => {
    const good = headers.get('authorization') === 'Bearer at-from-next'
    return good ? Response.json({ ok: true }) : new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
  })
  next.answer('https://next.example.com/token', () => Response.json({ access_token: 'at-from-next', token_type: 'Bearer' }))
  t.equal((await both.fetch(fake.resource)).status, 200)
  t.ok(seen.some(({ url }) => url === 'https://next.example.com/register'), 'registered anew')
  t.notOk(seen.some(({ body }) => body.includes(first) || body.includes('rt-')), 'without the old client and its tokens')
  t.equal(next.authorizations[0]!.get('client_id'), 'next-client')
})

test('scopes of earlier requests are requested again only at the same authorization server, for the same resource [MCPC-13]', async t => {
  const issuers = ['https://login.example.com', 'https://next.example.com']
  const { fake, connection } = await createConnectionWorld({}, { clients: issuers.map(issuer => ({ issuer, clientId: 'c', authentication: { method: 'none' } })) })
  const authorize = async (scope: string): Promise<string | null> => {
    await connection.authorize({ ...emptyHint, scopes: [scope] }).catch(() => {})
    return fake.authorizations.at(-1)!.get('scope')
  }
  t.equal(await authorize('read'), 'read')
  t.equal(await authorize('write'), 'read write')
  fake.document.resource = 'https://mcp.example.com'
  t.equal(await authorize('admin'), 'admin', 'another resource')
  t.equal(await authorize('list'), 'admin list')
  fake.document.authorization_servers = ['https://next.example.com']
  fake.answer('https://next.example.com/.well-known/oauth-authorization-server', () => Response.json({ ...fake.server, issuer: 'https://next.example.com' }))
  t.equal(await authorize('other'), 'other', 'another authorization server')
})

test('RFC 9449: an authorization server sees one key for all authorizations, another one sees another key', async t => {
  const issuers = ['https://login.example.com', 'https://next.example.com']
  const { fake, connection } = await createConnectionWorld({}, { clients: issuers.map(issuer => ({ issuer, clientId: 'c', authentication: { method: 'none' } })) })
  const keyOf = async (): Promise<string | null> => {
    await connection.authorize().catch(() => {})
    return fake.authorizations.at(-1)!.get('dpop_jkt')
  }
  t.equal(await keyOf(), null)
  fake.document.dpop_bound_access_tokens_required = true
  const key = await keyOf()
  t.type(key, 'string', 'the resource needs a key from now on')
  t.equal(await keyOf(), key)
  fake.document.authorization_servers = ['https://next.example.com']
  fake.answer('https://next.example.com/.well-known/oauth-authorization-server', () => Response.json({ ...fake.server, issuer: 'https://next.example.com' }))
  const other = await keyOf()
  t.type(other, 'string')
  t.not(other, key)
})

test('a client that is registered with another authorization server is not used [MCPC-26]', async t => {
  const { fake, connection } = await createConnectionWorld({}, { clients: [{ ...machine[0], issuer: 'https://other.example.com' }], dynamicRegistration: false })
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER'))
  t.notOk(fake.received.some(({ body, headers }) => body.includes('machine') || headers.get('authorization') !== null))
})

test('RFC 6749 4.4: client credentials tokens are requested again when they expire [MCPC-15]', async t => {
  const fake = createFakeOAuth({ challenge: 'scope="read"', scopesOf: path => path.endsWith('/write') ? ['write'] : [] })
  const clock = createTestClock()
  const connection = await connect({ url: fake.resource, clients: machine, grant: requestClientCredentials, fetch: fetchOf(fake), clock })
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.match(Object.fromEntries(fake.tokenRequests[0]!), { grant_type: 'client_credentials', scope: 'read', resource: fake.resource })
  t.equal((await connection.fetch(`${fake.resource}/write`)).status, 200)
  t.equal(fake.tokenRequests[1]!.get('scope'), 'read write')
  clock.advance(301)
  const before = fake.received.length
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(fake.tokenRequests[2]!.get('scope'), 'read write')
  t.notOk(fake.received.slice(before).some(({ url, headers }) => url === fake.resource && headers.get('authorization') === null), 'it does not ask for a challenge again')
})

test('RFC 9449: a resource that requires DPoP, with nonces from resource and authorization server [F68 MCPD-01]', async t => {
  const fakeOptions = { document: { dpop_bound_access_tokens_required: true, dpop_signing_alg_values_supported: ['ES256', 'RS256'] }, server: { dpop_signing_alg_values_supported: ['RS256', 'ES256'] }, serverNonce: 's', resourceNonce: 'r' }
  const { fake, connection } = await createConnectionWorld(fakeOptions)
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal((await connection.fetch(fake.resource)).status, 200)
  const proofs = fake.received.map(({ headers }) => headers.get('dpop')).filter(proof => proof !== null)
  t.equal(new Set(proofs).size, proofs.length, 'R9449-36 every proof is fresh')
  t.type(fake.authorizations[0]!.get('dpop_jkt'), 'string')
  fake.killTokens()
  t.equal((await connection.fetch(fake.resource)).status, 200, 'RFSH-13 the refresh has the same key')
  t.equal(fake.tokenRequests.at(-1)!.get('grant_type'), 'refresh_token')
  await t.rejects((await createConnectionWorld({ ...fakeOptions, server: { dpop_signing_alg_values_supported: ['EdDSA'] } })).connection.authorize(), failed('FST_OAUTH_PROOF_UNSUPPORTED'))
  const never = await createConnectionWorld(fakeOptions, { proofOfPossession: 'never' })
  t.equal((await never.connection.fetch(never.fake.resource)).status, 401)
  const always = await createConnectionWorld({}, { proofOfPossession: 'always' })
  t.equal((await always.connection.fetch(always.fake.resource)).status, 200)
  t.match(always.fake.received.at(-1)!.headers.get('authorization'), /^DPoP /)
})

test('a connection goes on after a restart, key and all', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({ document: { dpop_bound_access_tokens_required: true } }, kept)
  await connection.fetch(fake.resource)
  await connection.close()
  fake.killTokens()
  const browser = createFakeBrowser(fake)
  const again = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), ...kept })
  t.equal((await again.fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 0)
  t.equal(fake.tokenRequests.at(-1)!.get('grant_type'), 'refresh_token')
  await again.authorize()
  t.same(browser.preferred, ['http://127.0.0.1:33418/callback'], 'the redirect URI that is registered is wished for')
  t.equal(fake.log().filter(line => line.endsWith('/register')).length, 1)
})

test('tokens whose key is lost are not sent without it', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({ document: { dpop_bound_access_tokens_required: true } }, kept)
  await connection.fetch(fake.resource)
  await kept.connectionStore.write({ ...(await kept.connectionStore.read())!, proofKey: null })
  t.equal((await connection.fetch(fake.resource)).status, 200, 'this process still has it')
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...kept })
  await t.rejects(again.fetch(fake.resource), { name: 'SessionError', code: 'FST_OAUTH_SESSION_PROOF_MISSING' })
})

test('stored tokens of unknown issuer are not sent', async t => {
  const kept = stores()
  let isLost = false
  const { fake, connection } = await createConnectionWorld({}, { ...kept, connectionStore: { ...kept.connectionStore, read: async () => isLost ? null : await kept.connectionStore.read() } })
  await connection.fetch(fake.resource)
  isLost = true
  const before = fake.tokenRequests.length
  await t.rejects(connection.session.refresh((await connection.session.token()).accessToken), { name: 'SessionError', code: 'FST_OAUTH_SESSION_REFRESH_REFUSED', cause: { cause: { code: 'FST_OAUTH_SIGN_IN_NEEDED' } } })
  t.equal(fake.tokenRequests.length, before)
})

test('stores of another resource are refused, and stored tokens without their connection are not used [MCPC-17]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  await t.rejects(connect({ url: 'https://other.example.com', browser: createFakeBrowser(fake), ...kept }), { code: 'FST_OAUTH_OPTION_INVALID', message: /connectionStore has the connection of "https:\/\/mcp\.example\.com\/mcp"/ })
  await t.rejects(connect({ url: fake.resource, browser: createFakeBrowser(fake), tokenStore: kept.tokenStore }), { code: 'FST_OAUTH_OPTION_INVALID', message: /must be set together/ })
  t.not((await kept.tokenStore.read())!.tokens, null, 'a store that is shared is not wiped for the want of the other')
  const orphaned = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), tokenStore: kept.tokenStore, connectionStore: createMemoryConnectionStore() })
  t.equal(orphaned.session.state, 'signed_out')
})

test('a process that starts while another one signs in does not sign the user out [R38]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  // It reads the one store before the sign-in, and the other one after it.
  const read: typeof kept.connectionStore.read = async () => {
    const before = await kept.connectionStore.read()
    if (connection.session.state !== 'signed_in') await connection.authorize()
    return before
  }
  await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), tokenStore: kept.tokenStore, connectionStore: { ...kept.connectionStore, read } })
  t.not((await kept.tokenStore.read())!.tokens, null)
})

test('an answer that is older than the tokens is no reason to ask again', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  let answerLate!: (response: Response) => void
  let asked = 0
  fake.answer(`${fake.resource}/slow`, async () => asked++ === 0 ? await new Promise<Response>(resolve => { answerLate = resolve }) : new Response('fine'))
  const slow = connection.fetch(`${fake.resource}/slow`)
  await connection.authorize({ resourceMetadata: null, scopes: ['read'], error: null, acrValues: [], maxAgeSeconds: null, needsProof: false })
  t.equal(fake.authorizations[0]!.get('scope'), 'read')
  answerLate(new Response(null, { status: 401 }))
  t.equal(await (await slow).text(), 'fine')
  t.equal(browser.visited.length, 1)
})

test('a web server signs users in by begin and complete', async t => {
  const fake = createFakeOAuth({ challenge: 'scope="read"', document: { dpop_bound_access_tokens_required: true } })
  const kept = stores()
  const options = { url: fake.resource, redirectUri: 'https://app.example.com/callback', fetch: fetchOf(fake) }
  const connection = await connect({ ...options, ...kept })
  const needed = await connection.fetch(fake.resource).catch((error: unknown) => error)
  t.match(needed, { name: 'SignInNeededError', code: 'FST_OAUTH_SIGN_IN_NEEDED', hint: { scopes: ['read'] } })
  await t.rejects(connection.authorize(), failed('FST_OAUTH_SIGN_IN_NEEDED', { name: 'SignInNeededError' }))
  const { url, pending } = await connection.begin((needed as { hint: Parameters<Connection['begin']>[0] }).hint!)
  t.equal(url.searchParams.get('scope'), 'read')
  // Another process may get the answer.
  const elsewhere = await connect({ ...options, ...kept })
  await elsewhere.complete(JSON.parse(JSON.stringify(pending)) as typeof pending, await fake.consent(url))
  t.equal((await connection.fetch(fake.resource)).status, 200)
  const route = `${fake.resource}/safe`
  fake.answer(route, () => new Response('', { status: 401, headers: { 'www-authenticate': 'DPoP error="insufficient_user_authentication", acr_values="gold"' } }))
  const stepUp = await connection.fetch(route).catch((error: unknown) => error as { hint: Parameters<Connection['begin']>[0] })
  const second = await connection.begin((stepUp as { hint: Parameters<Connection['begin']>[0] }).hint!)
  t.equal(second.url.searchParams.get('acr_values'), 'gold')
  await connection.complete(second.pending, await fake.consent(second.url))
  t.equal((await connection.fetch(route)).status, 401, 'R9470-14 the user is not sent round in circles')
  const { connection: desktop } = await createConnectionWorld()
  await t.rejects(desktop.begin(), { code: 'FST_OAUTH_OPTION_INVALID' })
})

test('after a failed sign-in, requests do not start another one during the cool-down', async t => {
  const clock = createTestClock()
  const fake = createFakeOAuth()
  const browser = createFakeBrowser(fake, { error: 'access_denied', code: undefined })
  const connection = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), clock })
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_AUTHORIZATION_REFUSED', { oauthError: 'access_denied' }))
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_AUTHORIZATION_REFUSED'))
  t.equal(browser.visited.length, 1)
  await t.rejects(connection.authorize(), failed('FST_OAUTH_AUTHORIZATION_REFUSED'))
  t.equal(browser.visited.length, 2, 'but whoever clicks is')
  clock.advance(60)
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_AUTHORIZATION_REFUSED'))
  t.equal(browser.visited.length, 3)
  t.equal(browser.closed, 3)
})

test('a resource that rejects every token, and a resource that requires none', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  fake.answer(`${fake.resource}/never`, () => new Response('', { status: 401 }))
  t.equal((await connection.fetch(`${fake.resource}/never`)).status, 401)
  t.equal((await connection.fetch(`${fake.resource}/never`)).status, 401)
  const third = await connection.fetch(`${fake.resource}/never`)
  t.match([third.status, refreshFailureOf(third)], [401, { name: 'SessionError', code: 'FST_OAUTH_SESSION_TOKEN_REJECTED' }], 'and then for a time nobody asks')
  t.equal((await connection.fetch(fake.resource)).status, 200, 'which stops no other request [C3]')
  t.equal(browser.visited.length, 1)
  const forbidding = await createConnectionWorld()
  forbidding.fake.answer(`${fake.resource}/forbidden`, () => new Response('', { status: 403 }))
  t.equal((await forbidding.connection.fetch(`${fake.resource}/forbidden`)).status, 403)
  t.equal(forbidding.browser.visited.length, 0)
  const open = await createConnectionWorld()
  open.fake.answer(open.fake.resource, () => new Response('hello'))
  t.equal(await (await open.connection.fetch(open.fake.resource)).text(), 'hello')
  t.equal(open.browser.visited.length, 0)
})

test('a streamed body is sent once, after the sign-in [R51]', async t => {
  const { fake, browser, connection } = await createConnectionWorld({ scopesOf: path => path.endsWith('/write') ? ['write'] : [] })
  const send = async (path: string): Promise<Response> => {
    const body = new ReadableStream({ start (controller) { controller.enqueue(new TextEncoder().encode('streamed')); controller.close() } })
    return await connection.fetch(fake.resource + path, { method: 'POST', body, duplex: 'half' } as RequestInit)
  }
  t.match(await (await send('')).json(), { body: 'streamed' })
  t.equal(browser.visited.length, 1)
  const before = fake.received.length
  t.equal((await send('/write')).status, 403)
  t.equal(fake.received.slice(before).filter(({ url }) => url.endsWith('/write')).length, 1)
  t.equal(browser.visited.length, 2, 'what it needs is there the next time')
  t.equal((await send('/write')).status, 200)
})

test('untrustworthy metadata fails before the user is sent to an authorization server [MCPC-05 MCPC-28]', async t => {
  const lies: Array<[FakeOAuthOptions, string]> = [
    [{ document: { resource: 'https://evil.example.com/mcp' } }, 'FST_OAUTH_RESOURCE_MISMATCH'],
    [{ document: { authorization_servers: ['https://169.254.169.254'] } }, 'FST_OAUTH_ADDRESS_REFUSED'],
    [{ document: { authorization_servers: ['http://localhost:9000'] } }, 'FST_OAUTH_ADDRESS_REFUSED'],
    [{ document: { authorization_servers: [] } }, 'FST_OAUTH_ISSUER_MISSING'],
    [{ server: { issuer: 'https://evil.example.com' } }, 'FST_OAUTH_ISSUER_MISMATCH'],
    [{ server: { code_challenge_methods_supported: undefined } }, 'FST_OAUTH_PKCE_UNSUPPORTED'],
    [{ server: { authorization_endpoint: 'javascript:alert(1)' } }, 'FST_OAUTH_ADDRESS_REFUSED'],
    [{ server: { protected_resources: ['https://other.example.com'] } }, 'FST_OAUTH_SERVER_MISMATCH']
  ]
  for (const [fakeOptions, fault] of lies) {
    const { fake, browser, connection } = await createConnectionWorld(fakeOptions)
    await t.rejects(connection.fetch(fake.resource), { name: 'AuthorizationError', code: fault }, fault)
    t.equal(browser.visited.length, 0)
    t.same(fake.tokenRequests, [])
  }
})

test('unless that is said to be fine (R9728-59)', async t => {
  const { fake, connection } = await createConnectionWorld({ server: { protected_resources: [] } }, { allowUnlistedResource: true })
  t.equal((await connection.fetch(fake.resource)).status, 200)
})

test('loopback is reached when the resource is there itself, and not otherwise', async t => {
  const development = { resource: 'http://localhost:3000/mcp', issuer: 'http://localhost:4000' }
  const { fake, connection } = await createConnectionWorld(development)
  t.equal((await connection.fetch(fake.resource)).status, 200)
  const strict = await createConnectionWorld(development, { allowLoopback: false })
  await t.rejects(strict.connection.fetch(strict.fake.resource), failed('FST_OAUTH_ADDRESS_REFUSED'))
})

test('an unavailable authorization server causes no sign-in and loses no tokens [RFSH-08]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  await connection.close()
  fake.killTokens()
  const metadata = 'https://login.example.com/.well-known/oauth-authorization-server'
  for (const [answer, fault] of [[() => new Response('', { status: 503 }), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE'], [() => Response.json({ issuer: 'https://evil.example' }), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE']] as const) {
    fake.answer(metadata, answer)
    const browser = createFakeBrowser(fake)
    const again = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), session: { attempts: 1 }, ...kept })
    const response = await again.fetch(fake.resource)
    t.equal(response.status, 401)
    t.match(refreshFailureOf(response), { name: 'SessionError', code: fault })
    t.equal(browser.visited.length, 0)
    await again.close()
  }
  fake.answer(metadata, null)
  const browser = createFakeBrowser(fake)
  t.equal((await (await connect({ url: fake.resource, browser, fetch: fetchOf(fake), ...kept })).fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 0)
})

test('a custom classifier recognizes an invalid token by the resource\'s own error code', async t => {
  const { fake, browser, connection } = await createConnectionWorld({}, { classifier: { invalidTokenCodes: ['expired'] } })
  await connection.fetch(fake.resource)
  let refusals = 0
  fake.answer(`${fake.resource}/own`, () => refusals++ === 0 ? Response.json({ code: 'expired' }, { status: 403 }) : new Response('fine'))
  t.equal(await (await connection.fetch(`${fake.resource}/own`)).text(), 'fine')
  t.equal(fake.tokenRequests.at(-1)!.get('grant_type'), 'refresh_token')
  t.equal(browser.visited.length, 1)
})

test('a session that cannot give a token for other reasons says so', async t => {
  const { fake, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  await connection.close()
  await t.rejects(connection.fetch(fake.resource), { name: 'SessionError', code: 'FST_OAUTH_SESSION_CLOSED' })
})

test('a Request with a body is repeated, too', async t => {
  const { fake, connection } = await createConnectionWorld()
  const response = await connection.fetch(new Request(fake.resource, { method: 'POST', body: 'hello' }))
  t.match(await response.json(), { body: 'hello' })
})

test('a refresh uses the client that was registered in advance', async t => {
  const { fake, browser, connection } = await createConnectionWorld({}, { clients: machine })
  await connection.fetch(fake.resource)
  fake.killTokens()
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 1)
  t.equal(fake.received.filter(({ url }) => url.endsWith('/token')).at(-1)!.headers.get('authorization'), `Basic ${Buffer.from('machine:s').toString('base64')}`)
  t.notOk(fake.log().some(line => line.endsWith('/register')))
})

test('a connection whose tokens are gone begins anew, as the client that it is', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), connectionStore: kept.connectionStore, tokenStore: createMemoryTokenStore() })
  t.equal(await again.signOut(), true)
  fake.answer(`${fake.resource}/empty`, ({ headers }) => headers.get('authorization') === null ? new Response(null, { status: 401 }) : new Response('fine'))
  t.equal(await (await again.fetch(`${fake.resource}/empty`)).text(), 'fine')
  t.equal(fake.log().filter(line => line.endsWith('/register')).length, 1)
})

test('the session of a connection tells the host, and is proven by others', async t => {
  const states: string[] = []
  const { fake, connection } = await createConnectionWorld({ document: { dpop_bound_access_tokens_required: true } }, { session: { onChange (state) { states.push(state) } } })
  await connection.fetch(fake.resource)
  t.same(states, ['signed_out', 'signed_in'])
  const { accessToken } = await connection.session.token()
  const dpop = await connection.proof.proofFor('GET', fake.resource, accessToken)
  t.equal((await fake.fetch(fake.resource, { headers: { authorization: `DPoP ${accessToken}`, dpop } })).status, 200)
})
