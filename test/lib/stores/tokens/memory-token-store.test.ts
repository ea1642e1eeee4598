import { test } from 'tap'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'

const tokens: TokenSet = { accessToken: 'a', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null }

test('compare and set (R38)', async t => {
  const store = createMemoryTokenStore()
  t.equal(await store.read(), null)
  t.equal(await store.write(tokens, 1), null)
  const first = (await store.write(tokens, null))!
  t.strictSame(await store.read(), first)
  t.equal(await store.write(null, null), null)
  const second = (await store.write(null, first.generation))!
  t.strictSame(second, { generation: first.generation + 1, tokens: null })
  t.equal(await store.write(tokens, first.generation), null)
  t.strictSame(await store.read(), second)
})

test('one turn after the other', async t => {
  const store = createMemoryTokenStore()
  const order: string[] = []
  await Promise.all([1, 2].map(async turn => await store.exclusively(async () => {
    order.push(`begin ${turn}`)
    await store.read()
    order.push(`end ${turn}`)
  })))
  t.strictSame(order, ['begin 1', 'end 1', 'begin 2', 'end 2'])
})
