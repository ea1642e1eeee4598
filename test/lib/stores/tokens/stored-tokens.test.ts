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

test('text that is no token set is refused', t => {
  const broken: unknown[] = [
    null, 7, [], {}, { ...tokens, accessToken: 7 }, { ...tokens, tokenType: 'bearer' }, { ...tokens, refreshToken: undefined }, { ...tokens, refreshToken: 7 },
    { ...tokens, expiresAt: '7' }, { ...tokens, scopes: 'read' }, { ...tokens, scopes: [7] }, { ...tokens, issuer: 7 },
    { ...tokens, refreshableUntil: '7' }, { ...tokens, accessToken: 'at-secret\nx' }
  ]
  for (const text of ['', '{', JSON.stringify(tokens).slice(0, -1), ...broken.map(value => JSON.stringify(value))]) {
    t.throws(() => parseTokenSet(text), text)
  }
  t.end()
})
