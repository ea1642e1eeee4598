import { test } from 'tap'
import { createSecret, hasSecret } from '../../../lib/forward/secret.ts'

const secret = 'a-secret-that-is-not-to-be-guessed'

test('a secret is 256 random bits in characters of a Bearer token (RFC 6750 2.1)', t => {
  const secrets = Array.from({ length: 10 }, createSecret)
  for (const one of secrets) t.match(one, /^[\w-]{43}$/)
  t.equal(new Set(secrets).size, 10)
  t.end()
})

test('a request has the secret once, in its own header or as a Bearer token where that header is missing', t => {
  for (const [headers, expected] of [
    [['X-Secret', secret], true], [['a', 'b', 'x-secret', secret], true], [['authorization', `Bearer ${secret}`], true],
    [[], false], [['a', secret], false], [['a', 'x-secret', secret, 'b'], false], [['x-secret', `${secret}x`], false], [['x-secret', secret.slice(1)], false],
    [['x-secret', secret.replace('a', 'b')], false], [['x-secret', secret, 'X-Secret', secret], false], [['x-secret', '', 'authorization', `Bearer ${secret}`], false],
    [['authorization', `Basic ${secret}`], false], [['authorization', `Bearer ${secret}`, 'authorization', `Bearer ${secret}`], false]
  ] as const) t.equal(hasSecret(headers, 'x-secret', secret), expected, headers.join(' '))
  t.end()
})
