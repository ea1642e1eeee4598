import fc from 'fast-check'
import { test } from 'tap'
import { parseTokenSet } from '../../../../lib/stores/tokens/stored-tokens.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'

const tokens: TokenSet = { accessToken: 'at-secret', tokenType: 'Bearer', refreshToken: 'rt-secret', expiresAt: 1_800_000_000_000, scopes: ['read'] }

test('the token set that is read is the one that was stored (R38)', t => {
  const arbitrary = fc.record({
    accessToken: fc.string(), tokenType: fc.constantFrom('Bearer' as const, 'DPoP' as const), refreshToken: fc.option(fc.string()),
    expiresAt: fc.option(fc.integer()), scopes: fc.option(fc.array(fc.string())), issuer: fc.option(fc.string()),
    refreshableUntil: fc.option(fc.integer())
  }, { requiredKeys: ['accessToken', 'tokenType', 'refreshToken', 'expiresAt', 'scopes'], noNullPrototype: true })
  fc.assert(fc.property(arbitrary, given => {
    t.strictSame(parseTokenSet(JSON.stringify(given)), given)
  }))
  t.end()
})

test('text that is no token set is refused, whichever member is wrong', t => {
  const wrong = {
    accessToken: [7, null, undefined, 'at-secret\nx', '\nat-secret', 'at-\x7f', 'at-ä'], tokenType: ['bearer', '', null, undefined], refreshToken: [7, undefined],
    expiresAt: ['7', undefined], scopes: ['read', [7], undefined], issuer: [7], refreshableUntil: ['7']
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) t.throws(() => parseTokenSet(JSON.stringify({ ...tokens, [name]: value })), { name: 'TypeError' }, `${name} ${JSON.stringify(value)}`)
  }
  for (const text of ['', '{', 'null', '7', '[]', '{}', JSON.stringify(tokens).slice(0, -1)]) t.throws(() => parseTokenSet(text), text)
  t.end()
})
