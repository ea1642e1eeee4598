import { test } from 'tap'
import { createAuthorizationFlow } from '../../../../lib/client/connect/authorization-flow.ts'
import { emptyConnection, createMemoryConnectionStore } from '../../../../lib/stores/connections/connection-store.ts'
import { emptyHint, readChallenge } from '../../../../lib/client/fetch/classify.ts'
import { connect } from '../../../../lib/client/connect/connect.ts'
import { createProofKey, exportProofKey } from '../../../../lib/client/oauth/dpop.ts'
import { stores } from '../../../support/connection-world.ts'
import type { Stores } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { outboundTo } from '../../../support/outbound.ts'

test('before an authorization there is no authorization server to go to', async t => {
  const fake = createFakeOAuth()
  const authorizer = createAuthorizationFlow({ url: fake.resource }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  await t.rejects(authorizer.accessOf(emptyConnection), failed('FST_OAUTH_SIGN_IN_NEEDED'))
  t.equal(await authorizer.prover(), null)
  t.same(fake.received, [])
})

test('two simultaneous authorizations register one client, and each response is matched to its client [MCPC-20]', async t => {
  const fake = createFakeOAuth()
  let registrations = 0
  fake.answer('https://login.example.com/register', () => Response.json({ client_id: `c${++registrations}` }, { status: 201 }))
  const store = createMemoryConnectionStore()
  const hint = readChallenge(new Headers())
  const redirectUri = 'https://app.example.com/callback'
  const authorizer = createAuthorizationFlow({ url: fake.resource }, outboundTo(fake), store, { now: () => 0 })
  const [first, second] = await Promise.all([authorizer.begin(hint, redirectUri), authorizer.begin(hint, redirectUri)])
  t.equal(registrations, 1)
  // Another process that began at the same time has a client of its own, and wrote last.
  const { clients } = (await store.read())!
  await store.write({ ...emptyConnection, clients: { [fake.issuer]: { ...clients[fake.issuer]!, clientId: 'theirs' } } })
  for (const { url, pending } of [first, second]) {
    const { connection, tokens } = await authorizer.complete(JSON.parse(JSON.stringify(pending)) as typeof pending, await fake.consent(url))
    t.match(connection, { clientId: 'c1', registration: { clientId: 'c1' } })
    await store.write(connection)
    t.equal((await authorizer.accessOf(connection)).client.clientId, 'c1', 'what was issued to it is shown by it')
    t.match(tokens.refreshToken, /^rt-/)
  }
  fake.answer('https://login.example.com/register', () => new Response('', { status: 503 }))
  await store.write(emptyConnection)
  for (let i = 0; i < 2; i++) await t.rejects(authorizer.begin(hint, redirectUri), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  fake.answer('https://login.example.com/register', null)
  t.match((await authorizer.begin(hint, redirectUri)).pending.clientId, /^client-/, 'a failure is nobody\'s for long')
})

test('RFC 6749 section 10.4: connection data is written before its tokens, and tokens of another issuer are removed before it', async t => {
  const log: string[] = []
  const { tokenStore, connectionStore } = stores()
  const watched: Stores = {
    connectionStore: {
      read: connectionStore.read,
      async write (connection) {
        log.push(`connection of ${connection.issuer} beside ${(await tokenStore.read())?.tokens?.issuer ?? 'no tokens'}`)
        await connectionStore.write(connection)
      }
    },
    tokenStore: {
      ...tokenStore,
      async write (tokens, insteadOf) {
        log.push(`tokens of ${tokens?.issuer ?? 'nobody'}`)
        return await tokenStore.write(tokens, insteadOf)
      }
    }
  }
  const fakes = ['https://one.example.com', 'https://two.example.com'].map(issuer => createFakeOAuth({ issuer }))
  let current = fakes[0]!
  const connection = await connect({
    url: current.resource,
    clients: fakes.map(({ issuer }) => ({ issuer, clientId: 'c', authentication: { method: 'none' } })),
    browser: createFakeBrowser({ consent: async url => await current.consent(url) }),
    fetch: async (input, init = {}) => await current.fetch(String(input), init),
    ...watched
  })
  await connection.authorize()
  t.same(log, ['connection of https://one.example.com beside no tokens', 'tokens of https://one.example.com'])
  log.length = 0
  current = fakes[1]!
  await connection.authorize()
  t.same(log, ['tokens of nobody', 'connection of https://two.example.com beside no tokens', 'tokens of https://two.example.com'])
})

test('RFC 9449 5.1: the algorithm of a proof key is one that the authorization server and the resource support, ES256 if neither says', async t => {
  const algorithmOf = async (server: unknown, document: unknown): Promise<unknown> => {
    const fake = createFakeOAuth({ server: { dpop_signing_alg_values_supported: server }, document: { dpop_signing_alg_values_supported: document } })
    const flow = createAuthorizationFlow({ url: fake.resource, proofOfPossession: 'always' }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
    const { pending } = await flow.begin(emptyHint, 'https://app.example.com/callback')
    return pending.proofKey?.alg
  }
  t.equal(await algorithmOf(undefined, undefined), 'ES256')
  t.equal(await algorithmOf(['ES384'], undefined), 'ES384')
  t.equal(await algorithmOf(undefined, ['ES384']), 'ES384')
  t.equal(await algorithmOf(['ES256', 'ES384'], ['ES384']), 'ES384')
  t.equal(await algorithmOf('ES384', 'ES384'), 'ES256', 'a value that is no list is ignored')
})

test('RFC 9449: a resource that challenges for DPoP alone gets a key, a resource that challenges for Bearer does not', async t => {
  const fake = createFakeOAuth()
  const flow = createAuthorizationFlow({ url: fake.resource }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  for (const needsProof of [true, false]) {
    const { url, pending } = await flow.begin({ ...emptyHint, needsProof }, 'https://app.example.com/callback')
    t.equal(pending.proofKey !== null, needsProof)
    t.equal(url.searchParams.has('dpop_jkt'), needsProof)
  }
})

test('the authorization request has the parameters of the options, and offline_access unless it is switched off', async t => {
  const fake = createFakeOAuth({ server: { scopes_supported: ['read', 'offline_access'] } })
  const parametersOf = async (options: object): Promise<URLSearchParams> => {
    const flow = createAuthorizationFlow({ url: fake.resource, scopes: ['read'], ...options }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
    return (await flow.begin(emptyHint, 'https://app.example.com/callback')).url.searchParams
  }
  const parameters = await parametersOf({ authorizationParameters: { login_hint: 'ann' } })
  t.same([parameters.get('login_hint'), parameters.get('scope')], ['ann', 'read offline_access'])
  const other = await parametersOf({ offlineAccess: false })
  t.same([other.get('login_hint'), other.get('scope')], [null, 'read'])
})

test('simultaneous authorizations with different redirect URIs register each of them', async t => {
  const fake = createFakeOAuth()
  const flow = createAuthorizationFlow({ url: fake.resource }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  const redirectUris = ['https://app.example.com/one', 'https://app.example.com/two']
  await Promise.all(redirectUris.map(async redirectUri => await flow.begin(emptyHint, redirectUri)))
  const registered = fake.received.filter(({ url }) => url.endsWith('/register')).map(({ body }) => (JSON.parse(body) as { redirect_uris: string[] }).redirect_uris)
  t.same(registered.flat().sort(), redirectUris)
})

test('the metadata of an authorization server is requested once for all token requests', async t => {
  const fake = createFakeOAuth()
  const flow = createAuthorizationFlow({ url: fake.resource, clients: [{ issuer: fake.issuer, clientId: 'c', authentication: { method: 'none' } }] }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  const connection = { ...emptyConnection, issuer: fake.issuer, clientId: 'c' }
  for (let i = 0; i < 2; i++) t.equal((await flow.accessOf(connection)).server.issuer, fake.issuer)
  t.equal(fake.received.length, 1)
  const other = createAuthorizationFlow({ url: fake.resource, clients: [{ issuer: fake.issuer, clientId: 'c', authentication: { method: 'none' } }] }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  await other.begin(emptyHint, 'https://app.example.com/callback')
  const before = fake.received.length
  await other.accessOf(connection)
  t.equal(fake.received.length, before, 'also after an authorization')
})

test('RFC 9449 8.2: one prover makes all proofs with a key, because it keeps the nonces', async t => {
  const store = createMemoryConnectionStore()
  const flow = createAuthorizationFlow({ url: 'https://mcp.example.com' }, outboundTo(createFakeOAuth()), store, { now: () => 0 })
  const storeKey = async (): Promise<void> => { await store.write({ ...emptyConnection, proofKey: await exportProofKey((await createProofKey())!) }) }
  await storeKey()
  const prover = await flow.prover()
  t.equal(await flow.prover(), prover)
  await storeKey()
  t.not((await flow.prover())!.thumbprint, prover!.thumbprint)
})
