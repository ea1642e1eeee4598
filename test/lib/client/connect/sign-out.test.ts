import { test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'
import { createConnectionWorld, fetchOf, machine, stores } from '../../../support/connection-world.ts'
import { createFakeBrowser } from '../../../support/fake-browser.ts'
import type { FakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'

const metadata = 'https://login.example.com/.well-known/oauth-authorization-server'
const unavailable = (): Response => new Response('', { status: 503 })
/** What was given back, in order. */
const givenBack = (fake: FakeOAuth): Array<string | null> => fake.received.filter(({ url }) => url.endsWith('/revoke')).map(({ form }) => form.get('token'))
const pair = ({ refreshToken, accessToken }: TokenSet): Array<string | null> => [refreshToken, accessToken]

test('RFC 7009: sign-out removes the stored tokens and revokes them at the authorization server [R7009-03]', async t => {
  const { fake, browser, connection } = await createConnectionWorld()
  t.equal(await connection.signOut(), true, 'there is nothing to give back')
  await connection.fetch(fake.resource)
  fake.answer('https://login.example.com/revoke', () => new Response('', { status: 503 }))
  await t.rejects(connection.signOut(), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  t.equal(connection.session.state, 'signed_out', 'here it is over')
  fake.answer('https://login.example.com/revoke', null)
  t.equal(await connection.signOut(), true, 'it can be told later')
  t.same(fake.received.filter(({ url }) => url.endsWith('/revoke')).slice(1).map(({ form }) => form.get('token')?.slice(0, 3)), ['rt-', 'at-'])
  t.equal(await connection.signOut(), true)
  t.equal((await connection.fetch(fake.resource)).status, 200, 'and one can come back')
  t.equal(browser.visited.length, 2)
  t.equal(fake.log().filter(line => line.endsWith('/register')).length, 1, 'as the same client')
})

test('RFC 7009: sign-out removes the stored tokens even if the authorization server cannot be reached [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  fake.answer('https://login.example.com/.well-known/oauth-authorization-server', () => new Response('', { status: 503 }))
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...kept })
  await t.rejects(again.signOut(), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  t.equal(again.session.state, 'signed_out')
  t.equal((await kept.tokenStore.read())!.tokens, null)
  t.match(await kept.connectionStore.read(), { issuer: null, proofKey: null })
})

test('RFC 7009: sign-out revokes the refresh token also if the authorization server does not rotate it [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const { refreshToken } = (await kept.tokenStore.read())!.tokens!
  fake.killTokens()
  fake.answer('https://login.example.com/token', () => {
    fake.answer('https://login.example.com/token', null)
    return Response.json({ access_token: 'renewed', token_type: 'Bearer', expires_in: 300 })
  })
  fake.answer(fake.resource, ({ headers }) => headers.get('authorization') === 'Bearer renewed' ? new Response('fine') : new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }))
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(await connection.signOut(), true)
  t.same(givenBack(fake), [refreshToken, 'renewed'])
})

test('RFC 7009: sign-out revokes the tokens that another process refreshed [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const other = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...kept })
  const theirs = await other.session.refresh((await other.session.token()).accessToken)
  t.equal(await connection.signOut(), true)
  t.same(givenBack(fake), pair(theirs), 'though this process never saw it')
})

test('RFC 7009: if discovery fails, sign-out reports no revocation and can be repeated [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const { tokens } = (await kept.tokenStore.read())!
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), ...kept })
  fake.answer(metadata, unavailable)
  await t.rejects(again.signOut(), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  await t.rejects(again.signOut(), failed('FST_OAUTH_SERVER_UNAVAILABLE'), 'nor the second time')
  fake.answer(metadata, null)
  t.equal(await again.signOut(), true)
  t.same(givenBack(fake), pair(tokens!))
})

test('RFC 7009: if the token store fails, the tokens are still revoked, and sign-out can be repeated [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const { tokens } = (await kept.tokenStore.read())!
  let isBroken = true
  const write: typeof kept.tokenStore.write = async (...record) => {
    if (isBroken) throw new Error('disk full')
    return await kept.tokenStore.write(...record)
  }
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), tokenStore: { ...kept.tokenStore, write }, connectionStore: kept.connectionStore })
  await t.rejects(again.signOut(), { name: 'SessionError', code: 'FST_OAUTH_SESSION_STORE_FAILED' })
  t.same(givenBack(fake), pair(tokens!))
  t.match(await kept.connectionStore.read(), { issuer: 'https://login.example.com' }, 'it is still known whose they are')
  isBroken = false
  t.equal(await again.signOut(), true)
  t.equal((await kept.tokenStore.read())!.tokens, null)
})

test('RFC 7009: if store and revocation both fail, sign-out throws the store error, and a later call revokes [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const { tokens } = (await kept.tokenStore.read())!
  let writes = 0
  const write: typeof kept.tokenStore.write = async (...record) => {
    const written = await kept.tokenStore.write(...record)
    if (writes++ === 0) throw new Error('no answer, though it was done')
    return written
  }
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), tokenStore: { ...kept.tokenStore, write }, connectionStore: kept.connectionStore })
  fake.answer(metadata, unavailable)
  await t.rejects(again.signOut(), { name: 'SessionError', code: 'FST_OAUTH_SESSION_STORE_FAILED' })
  t.same(givenBack(fake), [])
  fake.answer(metadata, null)
  t.equal(await again.signOut(), true)
  t.same(givenBack(fake), pair(tokens!))
})

test('RFC 7009: sign-out revokes tokens that another process writes meanwhile [R7009-03]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const last = (await kept.tokenStore.read())!
  const rotated = { ...last.tokens!, accessToken: 'at-other', refreshToken: 'rt-other' }
  let isFirst = true
  const write: typeof kept.tokenStore.write = async (...record) => {
    if (isFirst) await kept.tokenStore.write(rotated, last.generation)
    isFirst = false
    return await kept.tokenStore.write(...record)
  }
  const again = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), tokenStore: { ...kept.tokenStore, write }, connectionStore: kept.connectionStore })
  t.equal(await again.signOut(), true)
  t.same(givenBack(fake), ['rt-other', 'at-other'])
})

test('RFC 7009: after a failed revocation and a new sign-in, the next sign-out revokes both pairs of tokens [R7009-03]', async t => {
  const { fake, connection } = await createConnectionWorld()
  const first = await connection.fetch(fake.resource).then(async () => await connection.session.token())
  fake.answer('https://login.example.com/revoke', unavailable)
  await t.rejects(connection.signOut(), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  const second = await connection.fetch(fake.resource).then(async () => await connection.session.token())
  fake.answer('https://login.example.com/revoke', null)
  const before = givenBack(fake).length
  t.equal(await connection.signOut(), true)
  t.same(givenBack(fake).slice(before), [...pair(first), ...pair(second)])
})

test('RFC 7009: sign-out revokes client credentials tokens, and returns false if the server does not support that token type [R7009-03]', async t => {
  const { fake, connection } = await createConnectionWorld({}, { clients: machine, browser: undefined as never, grant: async () => token })
  const token: TokenSet = { accessToken: 'at-machine', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null, issuer: fake.issuer }
  await connection.authorize()
  t.equal(await connection.signOut(), true)
  t.same(givenBack(fake), ['at-machine'])
  await connection.authorize()
  fake.answer('https://login.example.com/revoke', () => Response.json({ error: 'unsupported_token_type' }, { status: 400 }))
  t.equal(await connection.signOut(), false, 'it lives until it expires')
  t.equal(await connection.signOut(), true, 'and is not asked about again')
})

test('RFC 7009: only the client that the tokens were issued to revokes them [R7009-03 RFSH-12]', async t => {
  const kept = stores()
  const { fake, connection } = await createConnectionWorld({}, kept)
  await connection.fetch(fake.resource)
  const other = await connect({ url: fake.resource, browser: createFakeBrowser(fake), fetch: fetchOf(fake), clients: machine, ...kept, connectionStore: { ...kept.connectionStore, read: async () => ({ ...(await kept.connectionStore.read())!, registration: null, clients: {} }) } })
  await t.rejects(other.signOut(), failed('FST_OAUTH_CLIENT_LOST'))
  t.equal(other.session.state, 'signed_out')
  t.same(givenBack(fake), [])
})
