import { test } from 'tap'
import { isSendable, refreshTokenIn, withoutIdToken } from '../../../../lib/client/oauth/token-response.ts'

test('a response is passed on without its challenge and its ID token, and otherwise unchanged', async t => {
  const headers = new Headers({ 'content-type': 'application/json', 'www-authenticate': 'Bearer', 'dpop-nonce': 'n' })
  const response = withoutIdToken({ text: '{"access_token":"a","id_token":"b","c":[1]}', status: 200, headers })
  t.strictSame(await response.json(), { access_token: 'a', c: [1] })
  t.equal(response.headers.get('www-authenticate'), null)
  t.equal(response.headers.get('dpop-nonce'), 'n')
  t.equal(headers.get('www-authenticate'), 'Bearer', 'what was given stays as it was')
  for (const text of ['{"access_token": "a"}', '[{"id_token":"b"}]', 'null', '"id_token"', '{', '']) {
    t.equal(await withoutIdToken({ text, status: 400, headers }).text(), text)
  }
})

test('the refresh token of a successful response (RFSH-03)', t => {
  t.equal(refreshTokenIn({ text: '{"refresh_token":"r"}', status: 200 }), 'r')
  for (const [text, status] of [['{"refresh_token":"r"}', 400], ['{"refresh_token":""}', 200], ['{"refresh_token":"a\\tb"}', 200], ['["r"]', 200], ['r', 200]] as const) {
    t.equal(refreshTokenIn({ text, status }), null, text)
  }
  t.end()
})

test('a token that a header can have (R54)', t => {
  for (const token of ['a', 'a.b_c-d~+/=', ' a']) t.ok(isSendable(token))
  for (const token of ['', 'a\n', 'a\r\nx: y', '\u007f', 'é']) t.notOk(isSendable(token))
  t.end()
})
