import { test } from 'tap'
import type { Test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import type { ConnectOptions } from '../../../../lib/client/connect/connection-options.ts'
import type { Connection } from '../../../../lib/client/connect/connection.ts'
import { AuthorizationError } from '../../../../lib/errors/authorization-error.ts'
import { createConnectionWorld, fetchOf, machine, stores } from '../../../support/connection-world.ts'
import type { Stores } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import type { FakeBrowser } from '../../../support/fake-browser.ts'
import type { FakeOAuth, FakeOAuthOptions } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'

interface World {
  readonly fake: FakeOAuth
  readonly browser: FakeBrowser
  readonly connection: Connection
  readonly kept: Stores
  /** The identifiers of the clients that signed in, in order. */
  readonly clients: () => Array<string | null>
  readonly registrations: () => number
  /** The authorization server loses its clients. */
  readonly forgetClients: (error?: string) => void
}

/** A user who signed in with a client that was registered dynamically. */
async function signedIn (t: Test, fakeOptions: FakeOAuthOptions = {}, options: Partial<ConnectOptions> = {}): Promise<World> {
  const kept = stores()
  const { fake, browser, connection } = await createConnectionWorld(fakeOptions, { ...kept, ...options })
  await connection.authorize()
  t.equal((await connection.fetch(fake.resource)).status, 200)
  const original = fake.fetch
  let forgotten: string | null = null
  let error = 'invalid_client'
  fake.answer('https://login.example.com/token', async request => {
    if (request.form.get('client_id') === forgotten) return Response.json({ error }, { status: 401 })
    fake.answer('https://login.example.com/token', null)
    return await original(request.url, { method: request.method, headers: request.headers, body: request.body })
  })
  return {
    fake,
    browser,
    connection,
    kept,
    clients: () => fake.authorizations.map(parameters => parameters.get('client_id')),
    registrations: () => fake.log().filter(line => line.endsWith('/register')).length,
    forgetClients (code = 'invalid_client') {
      error = code
      forgotten = fake.authorizations.at(-1)!.get('client_id')
      fake.killTokens()
    }
  }
}

for (const error of ['invalid_client', 'unauthorized_client']) {
  test(`RFC 6749 section 5.2: ${error} for a refresh drops the registration, and the next sign-in registers anew (F2)`, async t => {
    const { fake, connection, kept, clients, registrations, forgetClients } = await signedIn(t)
    const { accessToken, refreshToken } = await connection.session.token()
    forgetClients(error)
    await t.rejects(connection.session.refresh(accessToken), { name: 'SessionError' })
    t.same((await kept.connectionStore.read())!.clients, {})
    t.match(await kept.connectionStore.read(), { clientId: clients()[0], registration: { clientId: clients()[0] } }, 'the tokens keep their client')
    t.equal((await kept.tokenStore.read())!.tokens!.refreshToken, refreshToken, 'R28 and the refresh token is kept')
    await connection.authorize()
    t.equal(registrations(), 2)
    t.equal(new Set(clients()).size, 2)
    t.equal((await connection.fetch(fake.resource)).status, 200)
  })
}

test('RFC 6749 section 5.2: another error, or a client that was registered in advance, drops nothing (F2)', async t => {
  const { connection, kept, forgetClients, clients } = await signedIn(t)
  const { accessToken } = await connection.session.token()
  forgetClients('invalid_request')
  await t.rejects(connection.session.refresh(accessToken), { name: 'SessionError' })
  t.match((await kept.connectionStore.read())!.clients, { 'https://login.example.com': { clientId: clients()[0] } })

  const known = await createConnectionWorld({}, { clients: machine })
  await known.connection.fetch(known.fake.resource)
  known.fake.answer('https://login.example.com/token', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
  await t.rejects(known.connection.session.refresh((await known.connection.session.token()).accessToken), { name: 'SessionError' })
  await t.rejects(known.connection.authorize(), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_client' })
  t.equal(known.browser.visited.length, 2, 'it is not tried again')
})

test('RFC 6749 section 5.2: a code that is refused as invalid_client is requested again by a new client, once (F2)', async t => {
  const { connection, browser, registrations, clients, forgetClients } = await signedIn(t)
  forgetClients()
  await connection.authorize()
  t.equal(registrations(), 2)
  t.equal(browser.visited.length, 3)
  t.equal(browser.closed, 3)
  t.equal(clients()[0], clients()[1])
  t.not(clients()[2], clients()[1])

  const always = await createConnectionWorld()
  always.fake.answer('https://login.example.com/token', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
  await t.rejects(always.connection.authorize(), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_client' })
  t.equal(always.browser.visited.length, 2, 'and not for ever')
})

test('RFC 6749 section 4.1.2.1: an authorization response with unauthorized_client drops the registration (F2)', async t => {
  const { fake, kept } = await signedIn(t)
  const redirectUri = 'http://127.0.0.1:33418/callback'
  const connection = await connect({ url: fake.resource, redirectUri, fetch: fetchOf(fake), ...kept })
  const { url, pending } = await connection.begin()
  const answer = new URL(`${redirectUri}?error=unauthorized_client&state=${pending.state}&iss=${fake.issuer}`)
  await t.rejects(connection.complete(pending, answer), { ...failed('FST_OAUTH_AUTHORIZATION_REFUSED'), oauthError: 'unauthorized_client' })
  const again = await connection.begin()
  t.not(again.url.searchParams.get('client_id'), url.searchParams.get('client_id'))
  await connection.complete(again.pending, await fake.consent(again.url))
  t.equal((await connection.fetch(fake.resource)).status, 200)
})

test('RFC 9126: a pushed request that is refused as invalid_client is pushed again by a new client, once (F2)', async t => {
  const { fake, connection, clients, registrations } = await signedIn(t, { server: { require_pushed_authorization_requests: true } })
  const forgotten = clients()[0]
  const original = fake.fetch
  fake.answer('https://login.example.com/par', async ({ form, url, method, headers, body }) => {
    if (form.get('client_id') === forgotten) return Response.json({ error: 'invalid_client' }, { status: 401 })
    fake.answer('https://login.example.com/par', null)
    return await original(url, { method, headers, body })
  })
  await connection.authorize()
  t.equal(registrations(), 2)
  t.not(clients()[1], forgotten)
  fake.answer('https://login.example.com/par', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
  await t.rejects(connection.authorize(), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_client' })
  t.equal(registrations(), 3)
})

test('a user who does not return may see the error page of a forgotten client: the next sign-in registers anew (F2)', async t => {
  const { fake, kept, registrations } = await signedIn(t)
  let stays = true
  const browser = createFakeBrowser(fake)
  const connection = await connect({
    url: fake.resource,
    fetch: fetchOf(fake),
    ...kept,
    browser: {
      async prepare (preferred) {
        const prepared = await browser.prepare(preferred)
        return { ...prepared, visit: async (url, state) => { if (stays) throw new AuthorizationError('FST_OAUTH_INTERACTION_ABORTED'); return await prepared.visit(url, state) } }
      }
    }
  })
  await t.rejects(connection.authorize(), failed('FST_OAUTH_INTERACTION_ABORTED'))
  t.same((await kept.connectionStore.read())!.clients, {})
  await t.rejects(connection.authorize(), failed('FST_OAUTH_INTERACTION_ABORTED'))
  t.equal(registrations(), 2)
  stays = false
  await connection.authorize()
  t.equal(registrations(), 2, 'a client that was registered just now is kept')
})

test('RFC 6749 section 4.1.2.1: a user who declines does not lose the registration of the client (F2)', async t => {
  const { fake, kept, clients } = await signedIn(t)
  const connection = await connect({ url: fake.resource, fetch: fetchOf(fake), browser: createFakeBrowser(fake, { error: 'access_denied', code: undefined }), ...kept })
  await t.rejects(connection.authorize(), { ...failed('FST_OAUTH_AUTHORIZATION_REFUSED'), oauthError: 'access_denied' })
  t.match((await kept.connectionStore.read())!.clients, { 'https://login.example.com': { clientId: clients()[0] } })
})

test('signOut drops the registrations where that is asked for (F2)', async t => {
  const { connection, kept, registrations } = await signedIn(t)
  t.equal(await connection.signOut({ forgetClients: true }), true)
  t.same((await kept.connectionStore.read())!.clients, {})
  await connection.authorize()
  t.equal(registrations(), 2)
})

test('RFC 7009: tokens of a forgotten client cannot be revoked; the sign-out ends, and drops the registration (F2)', async t => {
  const { fake, connection, kept } = await signedIn(t)
  fake.answer('https://login.example.com/revoke', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
  t.equal(await connection.signOut(), false)
  t.same((await kept.connectionStore.read())!.clients, {})
  const revocations = fake.log().filter(line => line.endsWith('/revoke')).length
  t.equal(await connection.signOut(), true, 'nothing is left to revoke')
  await connection.authorize()
  await kept.connectionStore.write({ ...(await kept.connectionStore.read())!, clients: {} })
  t.equal(await connection.signOut(), false, 'also when the registration was dropped before')
  t.equal(fake.log().filter(line => line.endsWith('/revoke')).length, revocations + 1)
})

test('forget drops tokens, key and registrations, and sends nothing (F2)', async t => {
  const { fake, connection, kept, registrations } = await signedIn(t, { document: { dpop_bound_access_tokens_required: true } })
  const before = fake.received.length
  await connection.forget()
  t.equal(fake.received.length, before)
  t.equal(connection.session.state, 'signed_out')
  t.equal((await kept.tokenStore.read())!.tokens, null)
  t.match(await kept.connectionStore.read(), { issuer: null, proofKey: null, clients: {} })
  t.equal(await connection.signOut(), true, 'and nothing is revoked later')
  t.equal(fake.received.length, before)
  await connection.authorize()
  t.equal(registrations(), 2)
})

test('a registration that another process made meanwhile is kept (F2)', async t => {
  const { connection, kept, forgetClients, clients, registrations } = await signedIn(t)
  const { accessToken } = await connection.session.token()
  const stored = (await kept.connectionStore.read())!
  const theirs = { ...stored.registration!, clientId: 'theirs' }
  await kept.connectionStore.write({ ...stored, clients: { 'https://login.example.com': theirs } })
  forgetClients()
  await t.rejects(connection.session.refresh(accessToken), { name: 'SessionError' })
  t.same((await kept.connectionStore.read())!.clients, { 'https://login.example.com': theirs })
  await connection.authorize()
  t.equal(clients().at(-1), 'theirs')
  t.equal(registrations(), 1)
})
