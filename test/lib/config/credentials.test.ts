import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { bearer } from '../../support/app.ts'
import { plainOptions } from '../../support/hint.ts'
import { accepted, answerOf, createTestServer, invalidToken, noCredentials } from '../../support/server.ts'

test('where the token is, and how long it can be', t => {
  t.match(resolveConfig(plainOptions).config, { tokenHeader: null, maxTokenLength: 16_384 })
  t.match(resolveConfig({ ...plainOptions, tokenHeader: 'Cf-Access-Jwt-Assertion', maxTokenLength: 65_536 }).config,
    { tokenHeader: 'cf-access-jwt-assertion', maxTokenLength: 65_536 })
  for (const [extra, message] of [
    [{ tokenHeader: 'Authorization' }, 'tokenHeader must not be Authorization, which is read by default; leave tokenHeader out'],
    [{ tokenHeader: 'a b' }, /^tokenHeader must be a string that matches .* \(the name of a header\), got "a b"$/],
    [{ tokenHeader: '' }, /^tokenHeader must be a string/],
    [{ maxTokenLength: 10 }, 'maxTokenLength must be an integer from 256 to 1048576, got 10']
  ] as const) t.throws(() => resolveConfig({ ...plainOptions, ...extra }), { name: 'OptionError', message })
  t.end()
})

test('the token of a gateway is read from its own header, and Authorization is not [B9]', async t => {
  const { app, issuer, get } = await createTestServer(t, { options: { tokenHeader: 'Cf-Access-Jwt-Assertion' } })
  const token = await issuer.token()
  t.strictSame(answerOf(await app.inject({ url: '/', headers: { 'cf-access-jwt-assertion': token } })), accepted)
  t.strictSame(answerOf(await get(token)), noCredentials)
  t.strictSame(answerOf(await app.inject({ url: '/', headers: { ...bearer(token), 'cf-access-jwt-assertion': `${token.slice(0, -8)}AAAAAAAA` } })), invalidToken)
})

test('a token of 20 KB is accepted where maxTokenLength allows it [B6]', async t => {
  for (const [maxTokenLength, expected] of [[undefined, invalidToken], [32_768, accepted]] as const) {
    const { issuer, get } = await createTestServer(t, { options: maxTokenLength === undefined ? {} : { maxTokenLength } })
    t.strictSame(answerOf(await get(await issuer.token({ groups: 'g'.repeat(15_000) }))), expected, String(maxTokenLength))
  }
})
