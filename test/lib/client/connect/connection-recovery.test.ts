import { test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import { requestClientCredentials } from '../../../../lib/client/oauth/grants.ts'
import type { TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import type { ConnectionStore } from '../../../../lib/stores/connections/connection-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createConnectionWorld, fetchOf, machine, stores } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'

const metadata = 'https://login.example.com/.well-known/oauth-authorization-server'

test('RFC 6749 4.4: the grant of a machine is the refresh of its session, also outside of connection.fetch [F6]', async t => {
  const kept = stores()
  const fake = createFakeOAuth({ challenge: 'scope="read"' })
  const clock = createTestClock()
  const options = { url: fake.resource, clients: machine, grant: requestClientCredentials, fetch: fetchOf(fake), clock, ...kept }
  const connection = await connect(options)
  await connection.fetch(fake.resource)
  const first = await connection.session.token()
  clock.advance(301)
  const second = await connection.session.token()
  t.not(second.accessToken, first.accessToken)
  t.equal((await kept.tokenStore.read())!.tokens!.accessToken, second.accessToken, 'processes share them')
  t.equal((await connection.session.refresh(second.accessToken)).accessToken, (await connection.session.token()).accessToken)
  t.same(fake.tokenRequests.map(form => form.get('scope')), ['read', 'read', 'read'])
  await connection.close()

  const again = await connect(options)
  clock.advance(301)
  const before = fake.received.length
  t.equal((await again.fetch(fake.resource)).status, 200)
  t.same(fake.log().slice(before), [`GET ${metadata}`, 'POST https://login.example.com/token', `GET ${fake.resource}`], 'after a restart, too')
  fake.answer(metadata, () => new Response('', { status: 503 }))
  await again.close()
})

test('a grant of the host that throws is tried again; one that the authorization server refuses is not', async t => {
  const fake = createFakeOAuth()
  const clock = createTestClock()
  let fails: 'no' | 'throws' | 'refused' = 'no'
  const connection = await connect({
    url: fake.resource,
    clients: machine,
    fetch: fetchOf(fake),
    clock,
    session: { attempts: 2, backOffMs: 1 },
    async grant (access, request) {
      if (fails === 'throws') {
        fails = 'no'
        throw new Error('the vault does not answer')
      }
      return await requestClientCredentials(access, request)
    }
  })
  await connection.fetch(fake.resource)
  clock.advance(301)
  fails = 'throws'
  t.ok(await connection.session.token())
  clock.advance(301)
  fake.answer('https://login.example.com/token', () => Response.json({ error: 'invalid_client' }, { status: 401 }))
  await t.rejects(connection.session.token(), { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED', needsAuthorization: true, cause: { oauthError: 'invalid_client' } })
})

test('RFC 9449: the proof key is read again only when the tokens changed, and a store that fails is named [F12]', async t => {
  const kept = stores()
  let reads = 0
  let isBroken = false
  const connectionStore: ConnectionStore = {
    async read () {
      reads++
      if (isBroken) throw new Error('Redis did not answer')
      return await kept.connectionStore.read()
    },
    write: async connection => await kept.connectionStore.write(connection)
  }
  const { fake, connection } = await createConnectionWorld({ document: { dpop_bound_access_tokens_required: true } }, { ...kept, connectionStore })
  await connection.fetch(fake.resource)
  reads = 0
  for (let i = 0; i < 10; i++) t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(reads, 0)
  isBroken = true
  t.equal((await connection.fetch(fake.resource)).status, 200)

  isBroken = false
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...kept, connectionStore })
  isBroken = true
  await t.rejects(again.fetch(fake.resource), { name: 'SessionError', code: 'FST_OAUTH_SESSION_STORE_FAILED', cause: { message: 'Redis did not answer' } })
})

/** Stores that tell in which order they were written. */
function createWatchedStores (): { tokenStore: TokenStore, connectionStore: ConnectionStore, log: string[] } {
  const { tokenStore, connectionStore } = stores()
  const log: string[] = []
  return {
    log,
    connectionStore: {
      read: async () => await connectionStore.read(),
      async write (connection) {
        log.push(`connection ${connection.issuer} beside ${(await tokenStore.read())?.tokens?.refreshToken === undefined ? 'no tokens' : 'tokens'}`)
        await connectionStore.write(connection)
      }
    },
    tokenStore: {
      read: async () => await tokenStore.read(),
      exclusively: async (work, signal) => await tokenStore.exclusively(work, signal),
      async write (tokens, insteadOf) {
        log.push(tokens === null ? 'no tokens' : 'tokens')
        return await tokenStore.write(tokens, insteadOf)
      }
    }
  }
}

test('a connection is written before its tokens; tokens of another issuer are removed before its connection is written (R38)', async t => {
  const { log, ...watched } = createWatchedStores()
  const fake = createFakeOAuth()
  const connection = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), clients: machine, ...watched })
  await connection.authorize()
  t.same(log, [`connection ${fake.issuer} beside no tokens`, 'tokens'])
  log.length = 0
  await connection.authorize()
  t.same(log, [`connection ${fake.issuer} beside tokens`, 'tokens'], 'tokens of the same issuer are replaced')
  await connection.close()

  log.length = 0
  const next = createFakeOAuth({ issuer: 'https://next.example.com', resource: fake.resource })
  const clients = [{ ...machine[0], issuer: 'https://next.example.com' }]
  const moved = await connect({ url: fake.resource, browser: createFakeBrowser(next), fetch: fetchOf(next), clients, ...watched })
  await moved.authorize()
  t.same(log, ['no tokens', 'connection https://next.example.com beside no tokens', 'tokens'])
})

test('a resource that asks for ever more scopes causes two authorizations in one request, and no more (MCPC-14)', async t => {
  let serial = 0
  const { fake, browser, connection } = await createConnectionWorld()
  fake.answer(fake.resource, ({ headers }) => headers.get('authorization') === null
    ? new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer' } })
    : new Response('', { status: 403, headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="s${++serial}"` } }))
  t.equal((await connection.fetch(fake.resource)).status, 403)
  t.equal(browser.visited.length, 2)
})

test('RFC 9110 15.4.8: a first request that meets a 307 leads to a sign-in, and is carried out once [F1]', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  fake.answer(fake.resource, () => new Response(null, { status: 307, headers: { location: `${fake.resource}/` } }))
  const response = await connection.fetch(fake.resource, { method: 'POST', body: 'order' })
  t.equal(response.status, 200)
  t.match(await response.json(), { body: 'order' })
  t.equal(browser.visited.length, 1)
})

test('a refresh token that the authorization server rejects in its own words leads to a sign-in [F3] (R28)', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  fake.killTokens()
  fake.answer('https://login.example.com/token', ({ form }) => {
    fake.answer('https://login.example.com/token', null)
    return form.get('grant_type') === 'refresh_token'
      ? Response.json({ code: 400, error_code: 'refresh_token_not_found', msg: 'Invalid Refresh Token' }, { status: 400 })
      : new Response('', { status: 500 })
  })
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 2)
  t.equal(connection.session.state, 'signed_in')
})

test('a clock that is set back ends the cool-down of an authorization that failed [F12]', async t => {
  const clock = createTestClock()
  const fake = createFakeOAuth()
  const browser = createFakeBrowser(fake, { error: 'access_denied', code: undefined })
  const connection = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), clock })
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_AUTHORIZATION_REFUSED'))
  clock.advance(-86_400)
  await t.rejects(connection.fetch(fake.resource), failed('FST_OAUTH_AUTHORIZATION_REFUSED'))
  t.equal(browser.visited.length, 2)
})

test('RFC 8414: an authorization server without usable metadata causes no sign-in, and the refresh token is kept (RFSH-08)', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  await connection.close()
  const { tokens } = (await kept.tokenStore.read())!
  const answers = [
    () => new Response('', { status: 404 }),
    () => Response.json({ ...fake.server, token_endpoint: 'https://169.254.169.254/token' })
  ]
  for (const answer of answers) {
    fake.answer(metadata, answer)
    const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), session: { attempts: 1 }, ...kept })
    await t.rejects(again.session.refresh(tokens!.accessToken), { name: 'SessionError', code: 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', needsAuthorization: false })
    await again.close()
  }
  t.same((await kept.tokenStore.read())!.tokens, tokens)
})

test('RFC 6749 4.4: a grant at an authorization server without a usable token endpoint is an outage (RFSH-08)', async t => {
  for (const endpoint of [undefined, 'https://169.254.169.254/token']) {
    const kept = stores()
    const fake = createFakeOAuth()
    const options = { url: fake.resource, clients: machine, grant: requestClientCredentials, fetch: fetchOf(fake), session: { attempts: 1 }, ...kept }
    const connection = await connect(options)
    await connection.authorize()
    await connection.close()
    fake.answer(metadata, () => Response.json({ ...fake.server, token_endpoint: endpoint }))
    const again = await connect(options)
    await t.rejects(again.session.refresh((await again.session.token()).accessToken), {
      code: 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', needsAuthorization: false, cause: { outcome: 'retry' }
    }, String(endpoint))
  }
})

test('a connection whose stores are empty writes nothing before the first request', async t => {
  const kept = stores()
  const write = async (): Promise<never> => { throw new Error('written') }
  for (const signedOutBefore of [false, true]) {
    if (signedOutBefore) await kept.tokenStore.write(null, null)
    const { connection } = await createConnectionWorld({}, { tokenStore: { ...kept.tokenStore, write }, connectionStore: { ...kept.connectionStore, write } })
    t.equal(connection.session.state, 'signed_out')
  }
})
