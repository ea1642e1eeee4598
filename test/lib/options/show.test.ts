import { test } from 'tap'
import { isSecretName, kindOf, show } from '../../../lib/options/show.ts'

test('values in messages', t => {
  const ring: { self?: object } = {}
  ring.self = ring
  for (const [value, shown] of [
    [undefined, 'undefined'], [null, 'null'], [NaN, 'NaN'], [Infinity, 'Infinity'], [-0.5, '-0.5'], [true, 'true'], ['a"b\n', '"a\\"b\\n"'],
    [() => 1, 'a function'], [Symbol('s'), 'a symbol'], [5n, 'a bigint'], [ring, 'an object'], [{ toJSON: () => undefined }, 'an object'],
    [{ a: [1] }, '{"a":[1]}'], ['x'.repeat(200), `"${'x'.repeat(116)}...`],
    [[{ kty: 'EC', d: 'secret', k: 'secret' }], '[{"kty":"EC","d":"***","k":"***"}]'],
    [{ clientSecret: 'x', a: { password: 5 } }, '{"clientSecret":"***","a":{"password":"***"}}'],
    ['-----BEGIN PRIVATE KEY-----\nabc', '"***"'], [{ a: '-----BEGIN RSA PRIVATE KEY-----\nabc' }, '{"a":"***"}'],
    ['https://user:secret@h/', '"https://***@h/"'], ['https://h/@a', '"https://h/@a"']
  ] as const) t.equal(show(value), shown)
  t.end()
})

test('what a value is', t => {
  for (const [value, kind] of [[null, 'null'], [undefined, 'undefined'], [[], 'an array'], [{}, 'an object'], ['x', 'a string'], [5, 'a number'], [() => 1, 'a function']] as const) {
    t.equal(kindOf(value), kind)
  }
  t.end()
})

test('names that a secret is kept under', t => {
  for (const name of ['clientSecret', 'client_secret', 'secret', 'password', 'privateKey', 'private_key', 'headers', 'd', 'k', 'apiKey', 'refreshToken', 'credential', 'Authorization']) {
    t.ok(isSecretName(name), name)
  }
  for (const name of ['secretHeader', 'token', 'tokenCache', 'keyId', 'scopes', 'kid', 'customTokens']) t.notOk(isSecretName(name), name)
  t.end()
})
