import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import type { Test } from 'tap'
import { connect } from '../../lib/client/connect/connect.ts'
import { requestClientCredentials } from '../../lib/client/oauth/grants.ts'
import type { Session } from '../../lib/client/session/session.ts'
import { createSession } from '../../lib/client/session/session.ts'
import { RefreshError } from '../../lib/errors/client-errors.ts'
import { createMemoryTokenStore } from '../../lib/stores/tokens/token-store.ts'
import type { TokenSet } from '../../lib/stores/tokens/token-store.ts'
import { createTestClock } from '../support/clock.ts'
import { fetchOf, machine } from '../support/connection-world.ts'
import { createFakeOAuth } from '../support/fake-oauth.ts'
import { startProxy } from '../support/forward-proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const codeOf = (body: Buffer): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

/** A session with the real engine behind it. */
async function signedIn (accessToken: string, tokenType: TokenSet['tokenType'] = 'Bearer', refresh?: (tokens: TokenSet) => TokenSet): Promise<Session> {
  let serial = 0
  const session = createSession({
    tokenStore: createMemoryTokenStore(), refresh: async tokens => refresh?.(tokens) ?? { ...tokens, accessToken: `new-${++serial}` }
  })
  await session.signIn({ accessToken, tokenType, refreshToken: 'r', expiresAt: null, scopes: null })
  return session
}

test('RFC 9449 9: a stale nonce and an invalid token in one request cost one refresh, as in createFetch [F7]', async t => {
  const asked: string[] = []
  const upstream = await startUpstream(t, (received, response) => {
    const [token, nonce] = [received.all('authorization')[0], received.all('dpop')[0]]
    asked.push(`${token} ${nonce}`)
    if (nonce !== 'n2') response.writeHead(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n2' }).end()
    else if (token !== 'DPoP new-1') response.writeHead(401, { 'www-authenticate': 'DPoP error="invalid_token"', 'dpop-nonce': 'n2' }).end()
    else response.end('fine')
  })
  let nonce = 'stale'
  const proof = { proofFor: async () => nonce, sawNonce: (_url: string, seen: string) => { nonce = seen } }
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session: await signedIn('old', 'DPoP'), proof } })
  t.equal((await ask('', { method: 'POST', body: 'x' })).status, 200)
  t.same(asked, ['DPoP old stale', 'DPoP old n2', 'DPoP new-1 n2'])
})

test('a path that always answers 401 does not block other callers, and its own callers get Retry-After [R30 C3]', async t => {
  const live = new Set(['old'])
  let serial = 0
  const upstream = await startUpstream(t, (received, response) => {
    const token = received.all('authorization')[0]!.split(' ')[1]!
    response.writeHead(received.url !== '/broken' && live.has(token) ? 200 : 401).end()
  })
  const session = await signedIn('old', 'Bearer', tokens => {
    live.add(`new-${++serial}`)
    return { ...tokens, accessToken: `new-${serial}` }
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  t.equal((await ask('/fine')).status, 200)
  for (let i = 0; i < 4; i++) {
    const broken = await ask('/broken')
    t.same([broken.status, codeOf(broken.body)], [502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED'])
    t.ok(Number(broken.all('retry-after')[0]) > 0)
    t.equal((await ask('/fine')).status, 200)
  }
  t.equal(session.refreshes, 2, 'and refreshes no more than twice in a cool-down')
})

test('a refresh that the authorization server refuses with a non-standard error: the response says that a sign-in is needed [R28 F3]', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(401).end() })
  const session = await signedIn('old', 'Bearer', () => { throw new RefreshError('keep', { message: 'refresh_token_not_found' }) })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  const answer = await ask()
  t.same([answer.status, codeOf(answer.body)], [502, 'FST_OAUTH_FORWARD_SESSION_OVER'])
})

test('RFC 6749 4.4: the session of a machine is refreshed by its grant, in the proxy too [F6]', async t => {
  const fake = createFakeOAuth()
  const clock = createTestClock()
  const connection = await connect({ url: fake.resource, clients: machine, grant: requestClientCredentials, fetch: fetchOf(fake), clock })
  await connection.authorize()
  let expected = `Bearer ${(await connection.session.token()).accessToken}`
  const upstream = await startUpstream(t, (received, response) => { response.writeHead(received.all('authorization')[0] === expected ? 200 : 401).end() })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session: connection.session } })
  t.equal((await ask()).status, 200)
  clock.advance(301)
  expected = 'Bearer at-2'
  t.equal((await ask()).status, 200, 'after it expired')
  expected = 'Bearer at-3'
  t.equal((await ask()).status, 200, 'and after the upstream rejected it')
  t.same(fake.tokenRequests.map(form => form.get('grant_type')), ['client_credentials', 'client_credentials', 'client_credentials'])
  await connection.close()
})

/** An upstream that tells when the connection of an answer is given up. */
async function startEndless (t: Test): Promise<{ origin: string, closed: Promise<void> }> {
  let gone!: () => void
  const closed = new Promise<void>(resolve => { gone = resolve })
  const server = createServer((request, response) => {
    if (request.headers.authorization === 'Bearer new-1') {
      response.end('ok')
      return
    }
    response.on('close', gone)
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).write('without end')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, closed }
}

test('the connection of a first response that is not passed on is released [R19]', async t => {
  const upstream = await startEndless(t)
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session: await signedIn('old') } })
  t.equal((await ask()).status, 200)
  await t.resolves(upstream.closed)
})

test('a caller cannot add another value to a credential header [R41]', async t => {
  const upstream = await startUpstream(t)
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { headers: { 'X-Account': 'ours' } } })
  await ask('', { headers: ['x-account', 'mine'] })
  t.same(upstream.received[0]!.all('x-account'), ['ours'])
})
