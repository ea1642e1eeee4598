import { test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createConnectionWorld, fetchOf, machine, stores } from '../../../support/connection-world.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import type { FakeOAuth } from '../../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'

const authorizationServer = 'https://login.example.com'

/** A `fetch` that follows redirects, where it is let. */
function following (fake: FakeOAuth): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const response = await fake.fetch(input as string, init)
    const location = response.headers.get('location')
    if (location === null || init.redirect === 'manual') return response
    const { method = 'GET', body, ...rest } = init
    const next = await fake.fetch(location, response.status === 303 && method !== 'HEAD' ? { ...rest, method: 'GET' } : { ...rest, method, body: body! })
    return Object.defineProperties(next, { redirected: { value: true }, url: { value: location } })
  }
}

test('a challenge from another server after a redirect causes no sign-in and no repetition [R54 MCPC-13]', async t => {
  const fake = createFakeOAuth()
  const browser = createFakeBrowser(fake)
  const connection = await connect({ url: fake.resource, browser, fetch: following(fake) })
  await connection.fetch(fake.resource)
  const order = `${fake.resource}/order`
  let orders = 0
  fake.answer(order, () => { orders++; return new Response(null, { status: 303, headers: { location: 'https://evil.example.com/receipt' } }) })
  for (const [status, challenge] of [[403, 'Bearer error="insufficient_scope", scope="admin everything"'], [401, 'Bearer error="invalid_token"'], [401, 'Bearer']] as const) {
    fake.answer('https://evil.example.com/receipt', () => new Response('', { status, headers: { 'www-authenticate': challenge } }))
    orders = 0
    t.equal((await connection.fetch(order, { method: 'POST', body: '1 pizza' })).status, status)
    t.equal(orders, 1, 'the order is carried out once')
  }
  t.equal(browser.visited.length, 1)
  t.notOk(fake.authorizations.some(parameters => parameters.get('scope')?.includes('admin')))
})

test('RFC 9110 15.4.4: a POST that was carried out before a redirect is not repeated, a GET is [R51]', async t => {
  const fake = createFakeOAuth({ scopesOf: path => path.endsWith('/receipt') ? ['receipts'] : [] })
  const browser = createFakeBrowser(fake)
  const connection = await connect({ url: fake.resource, browser, fetch: following(fake) })
  await connection.fetch(fake.resource)
  let orders = 0
  fake.answer(`${fake.resource}/order`, () => { orders++; return new Response(null, { status: 303, headers: { location: `${fake.resource}/receipt` } }) })
  t.equal((await connection.fetch(`${fake.resource}/order`, { method: 'POST', body: '1 pizza' })).status, 403)
  t.equal(orders, 1)
  t.equal(fake.authorizations.at(-1)!.get('scope'), 'receipts', 'what it needs is there the next time')
  const reading = createFakeOAuth({ scopesOf: path => path.endsWith('/receipt') ? ['receipts'] : [] })
  const reader = await connect({ url: reading.resource, browser: createFakeBrowser(reading), fetch: following(reading) })
  reading.answer(`${reading.resource}/last`, () => new Response(null, { status: 302, headers: { location: `${reading.resource}/receipt` } }))
  t.equal((await reader.fetch(`${reading.resource}/last#top`)).status, 200)
})

test('an answer that gives the URL it is of is repeated when that is the one that was asked for (R51)', async t => {
  const fake = createFakeOAuth()
  const named: typeof globalThis.fetch = async (input, init) => {
    const response = await fake.fetch(input as string, init ?? {})
    return Object.defineProperty(response, 'url', { value: fake.received.at(-1)!.url })
  }
  const connection = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: async (input, init) => await named(String(input).replace(/#.*/, ''), init) })
  fake.answer(`${fake.resource}/empty`, ({ headers }) => headers.get('authorization') === null ? new Response(null, { status: 401 }) : new Response('fine'))
  t.equal(await (await connection.fetch(`${fake.resource}/empty#part`, { method: 'POST', body: 'x' })).text(), 'fine')
})

test('an aborted request ends at once, and the sign-in continues for other requests [R53]', async t => {
  const fake = createFakeOAuth()
  const browser = createFakeBrowser(fake)
  const visited = createDeferred<void>()
  const consented = createDeferred<void>()
  const connection = await connect({
    url: fake.resource,
    fetch: fetchOf(fake),
    browser: {
      async prepare (preferred) {
        const prepared = await browser.prepare(preferred)
        return { ...prepared, async visit (url, state) { visited.resolve(); await consented.promise; return await prepared.visit(url, state) } }
      }
    }
  })
  const controller = new AbortController()
  const impatient = connection.fetch(fake.resource, { signal: controller.signal })
  const patient = connection.fetch(fake.resource)
  await visited.promise
  const reason = new Error('enough')
  controller.abort(reason)
  await t.rejects(impatient, reason)
  const stream = new ReadableStream({ start (streaming) { streaming.close() } })
  await t.rejects(connection.fetch(fake.resource, { method: 'POST', body: stream, duplex: 'half', signal: AbortSignal.abort(reason) } as RequestInit), reason, 'also before anything is sent')
  consented.resolve()
  t.equal((await patient).status, 200)
  t.equal(browser.visited.length, 1)
})

test('an answer that leads to a sign-in holds no connection', async t => {
  const fake = createFakeOAuth()
  const connection = await connect({ url: fake.resource, redirectUri: 'https://app.example.com/callback', fetch: fetchOf(fake) })
  let cancelled = 0
  const refusal = (cancel: () => void): Response =>
    new Response(new ReadableStream({ pull (controller) { controller.enqueue(new Uint8Array(1024)) }, cancel }), { status: 401, headers: { 'www-authenticate': 'Bearer' } })
  fake.answer(fake.resource, () => refusal(() => { cancelled++ }))
  await t.rejects(connection.fetch(fake.resource), { name: 'SignInNeededError' })
  t.equal(cancelled, 1)
  fake.answer(fake.resource, () => refusal(() => { throw new Error('broken pipe') }))
  await t.rejects(connection.fetch(fake.resource), { name: 'SignInNeededError' }, 'whatever becomes of it')
})

test('a streamed body is sent once and with a token, also if the stored token has expired [R51]', async t => {
  const clock = createTestClock()
  const { fake, browser, connection } = await createConnectionWorld({}, { clock })
  await connection.fetch(fake.resource)
  fake.answer(`${authorizationServer}/token`, ({ form }) => {
    fake.answer(`${authorizationServer}/token`, null)
    return form.get('grant_type') === 'refresh_token' ? Response.json({ error: 'invalid_grant' }, { status: 400 }) : unexpected()
  })
  clock.advance(301)
  const before = fake.received.length
  const body = new ReadableStream({ start (controller) { controller.enqueue(new TextEncoder().encode('streamed')); controller.close() } })
  const response = await connection.fetch(fake.resource, { method: 'POST', body, duplex: 'half' } as RequestInit)
  t.match(await response.json(), { body: 'streamed' })
  t.same(fake.received.slice(before).filter(({ url }) => url === fake.resource).map(({ headers }) => headers.get('authorization') !== null), [true])
  t.equal(browser.visited.length, 2)
})

function unexpected (): Response {
  throw new Error('a refresh was to come first')
}

test('a response to a streamed body is returned whole, after an authorization for later requests [R51]', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  fake.answer(`${fake.resource}/write`, () => new Response('not yet', { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' } }))
  const response = await connection.fetch(`${fake.resource}/write`, { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' } as RequestInit)
  t.equal(response.status, 403)
  t.equal(browser.visited.length, 2)
  t.equal(await response.text(), 'not yet')
})

test('a streamed body on a closed connection throws the SessionError', async t => {
  const { fake, connection } = await createConnectionWorld()
  await connection.fetch(fake.resource)
  await connection.close()
  const body = new ReadableStream({ start (controller) { controller.close() } })
  await t.rejects(connection.fetch(fake.resource, { method: 'POST', body, duplex: 'half' } as RequestInit), { name: 'SessionError', code: 'FST_OAUTH_SESSION_CLOSED' })
})

test('RFC 6749 10.4: only the client that a refresh token was issued to sends it [RFSH-12]', async t => {
  const kept = stores()
  const clock = createTestClock()
  const fake = createFakeOAuth()
  fake.answer(`${authorizationServer}/register`, () => Response.json({ client_id: 'old', client_secret: 's', client_secret_expires_at: Math.floor(clock.now() / 1000) + 100, token_endpoint_auth_method: 'client_secret_basic' }, { status: 201 }))
  const options = { url: fake.resource, fetch: fetchOf(fake), clock, ...kept }
  const first = await connect({ ...options, browser: createFakeBrowser(fake) })
  await first.fetch(fake.resource)
  await first.close()
  const { tokens } = (await kept.tokenStore.read())!
  fake.answer(`${authorizationServer}/register`, null)
  const before = fake.received.length
  const asked = (): string[] => fake.log().slice(before).filter(line => line.startsWith('POST'))

  const renamed = await connect({ ...options, browser: createFakeBrowser(fake), clients: machine, connectionStore: { ...kept.connectionStore, read: async () => ({ ...(await kept.connectionStore.read())!, registration: null, clients: {} }) } })
  await t.rejects(renamed.session.refresh(tokens!.accessToken), { name: 'SessionError', code: 'FST_OAUTH_SESSION_REFRESH_REFUSED', cause: { outcome: 'keep', cause: { code: 'FST_OAUTH_CLIENT_LOST' } } }, 'clients was changed')
  await renamed.close()

  clock.advance(301)
  const server = await connect({ url: fake.resource, fetch: fetchOf(fake), clock, ...kept, redirectUri: 'https://app.example.com/callback' })
  await t.rejects(server.session.token(), { name: 'SessionError', code: 'FST_OAUTH_SESSION_REFRESH_REFUSED' }, 'the registration has expired')
  t.same(asked(), [], 'nothing is registered, nor is the refresh token shown')
  t.same((await kept.tokenStore.read())!.tokens, tokens, 'the session is kept')
  await t.rejects(server.fetch(fake.resource), { name: 'SignInNeededError' }, 'but nobody can renew it')
  await server.close()

  const browser = createFakeBrowser(fake)
  const again = await connect({ ...options, browser })
  t.equal((await again.fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 1)
  t.not(browser.visited[0]!.searchParams.get('client_id'), 'old')
  const { clientId } = (await kept.connectionStore.read())!
  t.equal(clientId, browser.visited[0]!.searchParams.get('client_id'))
  await again.close()
})

test('an expired token whose client no longer exists leads to one sign-in [RFSH-12 RFSH-08]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  await connection.close()
  fake.killTokens()
  const browser = createFakeBrowser(fake)
  const again = await connect({ url: fake.resource, fetch: fetchOf(fake), browser, clients: machine, ...kept, connectionStore: { ...kept.connectionStore, read: async () => ({ ...(await kept.connectionStore.read())!, registration: null, clients: {} }) } })
  t.equal((await again.fetch(fake.resource)).status, 200)
  t.equal(browser.visited.length, 1)
  t.equal(browser.visited[0]!.searchParams.get('client_id'), 'machine')
})
