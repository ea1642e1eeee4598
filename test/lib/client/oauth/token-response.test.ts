import { test } from 'tap'
import { isSendable, refreshTokenIn, tokenResponse } from '../../../../lib/client/oauth/token-response.ts'

test('an answer comes through without its challenge and its ID token, and else as it was', async t => {
  const headers = new Headers({ 'content-type': 'application/json', 'www-authenticate': 'Bearer', 'dpop-nonce': 'n' })
  const response = tokenResponse('{"access_token":"a","id_token":"b","c":[1]}', 200, headers)
  t.strictSame(await response.json(), { access_token: 'a', c: [1] })
  t.equal(response.headers.get('www-authenticate'), null)
  t.equal(response.headers.get('dpop-nonce'), 'n')
  t.equal(headers.get('www-authenticate'), 'Bearer', 'what was given stays as it was')
  for (const text of ['{"access_token": "a"}', '[{"id_token":"b"}]', 'null', '"id_token"', '{', '']) {
    t.equal(await tokenResponse(text, 400, headers).text(), text)
  }
})

test('RFSH-03 the refresh token that is in an answer', t => {
  t.equal(refreshTokenIn('{"refresh_token":"r"}', 200), 'r')
  for (const [text, status] of [['{"refresh_token":"r"}', 400], ['{"refresh_token":""}', 200], ['{"refresh_token":"a\\tb"}', 200], ['["r"]', 200], ['r', 200]] as const) {
    t.equal(refreshTokenIn(text, status), null, text)
  }
  t.end()
})

test('R54 what can be sent', t => {
  for (const token of ['a', 'a.b_c-d~+/=', ' a']) t.ok(isSendable(token))
  for (const token of ['', 'a\n', 'a\r\nx: y', '\u007f', 'é']) t.notOk(isSendable(token))
  t.end()
})
