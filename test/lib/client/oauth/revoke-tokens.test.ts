import { test } from 'tap'
import { revokeTokens } from '../../../../lib/client/oauth/grants.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { accessTo } from '../../../support/outbound.ts'

const tokens = { accessToken: 'at', refreshToken: 'rt' }
const revocationUrl = 'https://login.example.com/revoke'

test('RFC 7009 2.2: both tokens are revoked; an unknown token counts as revoked [R7009-03]', async t => {
  const fake = createFakeOAuth()
  t.equal(await revokeTokens(accessTo(fake), tokens), true)
  t.same(fake.received.map(({ form }) => Object.fromEntries(form)), [
    { token: 'rt', token_type_hint: 'refresh_token', client_id: 'client-1' }, { token: 'at', token_type_hint: 'access_token', client_id: 'client-1' }
  ])
  t.equal(await revokeTokens(accessTo(fake), { accessToken: 'at', refreshToken: null }), true)
  t.equal(fake.received.length, 3)
})

test('RFC 7009: a server without revocation, or without revocation of that token type, is no failure [R7009-03]', async t => {
  t.equal(await revokeTokens(accessTo(createFakeOAuth({ server: { revocation_endpoint: undefined } })), tokens), false)
  const fake = createFakeOAuth()
  fake.answer(revocationUrl, ({ form }) => form.get('token') === 'rt' ? new Response('') : Response.json({ error: 'unsupported_token_type' }, { status: 400 }))
  t.equal(await revokeTokens(accessTo(fake), tokens), false)
  t.equal(fake.received.length, 2)
  fake.answer(revocationUrl, ({ form }) => form.get('token') === 'at' ? new Response('') : Response.json({ error: 'unsupported_token_type' }, { status: 400 }))
  t.equal(await revokeTokens(accessTo(fake), tokens), false)
})

test('RFC 7009 2.2.1: a 503 can be repeated, a refusal cannot [R7009-03]', async t => {
  const fake = createFakeOAuth()
  fake.answer(revocationUrl, () => new Response('', { status: 503 }))
  await t.rejects(revokeTokens(accessTo(fake), tokens), { ...failed('FST_OAUTH_SERVER_UNAVAILABLE'), responseStatus: 503 })
  fake.answer(revocationUrl, () => Response.json({ error: 'invalid_client', error_description: 'gone' }, { status: 401 }))
  await t.rejects(revokeTokens(accessTo(fake), tokens), { ...failed('FST_OAUTH_REVOCATION_FAILED'), oauthError: 'invalid_client', description: 'gone', responseStatus: 401 })
})
