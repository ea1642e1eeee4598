import { test } from 'tap'
import type { MemoryRevocationStore } from '../../lib/stores/revocations/memory-revocation-store.ts'
import { createMemoryRevocationStore } from '../../lib/stores/revocations/memory-revocation-store.ts'
import type { Revocation } from '../../lib/stores/revocations/revocation.ts'
import type { RevocationStore } from '../../lib/stores/revocations/revocation-store.ts'
import { createTestClock } from '../support/clock.ts'
import { createIntrospectionServer } from '../support/introspection.ts'
import type { TestServer } from '../support/server.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

const issuer = 'https://login.example.com'

async function setup (t: Parameters<typeof createTestServer>[0], longestLifetimeSeconds = 86_400): Promise<TestServer & { store: MemoryRevocationStore }> {
  // The store is made before the server is; both live by the clock of the server.
  const clock = createTestClock()
  const store = createMemoryRevocationStore({ clock, longestLifetimeSeconds })
  const server = await createTestServer(t, { options: { revocations: store, clock }, issuer: { clock } })
  return { ...server, clock, store }
}

test('what is revoked is refused with the next request, and nothing else is (F62, R7009-01, H25)', async t => {
  const claims = { jti: 'token-a', sid: 'session-a', grant: 'grant-a' }
  const revocations: Array<[Revocation, others: Record<string, unknown>]> = [
    [{ issuer, tokenId: 'token-a' }, { ...claims, jti: 'token-b' }],
    [{ issuer, sessionId: 'session-a' }, { ...claims, jti: 'token-b', sid: 'session-b' }],
    [{ issuer, subject: 'user-1' }, { ...claims, jti: 'token-b', sub: 'user-2' }]
  ]
  for (const [revocation, others] of revocations) {
    const { issuer: fake, get, store, handled } = await setup(t)
    const [token, other] = [await fake.token(claims), await fake.token(others)]
    for (const one of [token, other]) t.strictSame(answerOf(await get(one)), accepted)
    store.revoke(revocation)
    t.strictSame(answerOf(await get(token)), invalidToken, JSON.stringify(revocation))
    t.strictSame(answerOf(await get(other)), accepted)
    t.equal(handled.length, 3)
    t.strictSame(fake.requests.length, 2, 'and nobody was asked')
  }
})

test('a grant, where the issuer says which one a token came from (R7009-01)', async t => {
  const clock = createTestClock()
  const revocations = createMemoryRevocationStore({ clock })
  const { get, issuer: fake } = await createTestServer(t, { options: { revocations, clock }, issuer: { clock }, rule: { claims: { grant: ['ext', 'grant'] } } })
  const token = await fake.token({ ext: { grant: 'grant-a' } })
  t.strictSame(answerOf(await get(token)), accepted)
  revocations.revoke({ issuer, grantId: 'grant-a' })
  t.strictSame(answerOf(await get(token)), invalidToken)
  t.strictSame(answerOf(await get(await fake.token({ ext: { grant: 'grant-b' } }))), accepted)
})

test('who comes back after that is let in (R7009-01)', async t => {
  const { clock, get, issuer: fake, store } = await setup(t)
  const token = await fake.token()
  store.revoke({ issuer, subject: 'user-1' })
  clock.advance(1)
  t.strictSame(answerOf(await get(token)), invalidToken)
  t.strictSame(answerOf(await get(await fake.token())), accepted)
})

test('opaque tokens are revoked alike, before their issuer says so (R7009-01)', async t => {
  const clock = createTestClock()
  const revocations = createMemoryRevocationStore({ clock })
  const { endpoint, get } = await createIntrospectionServer(t, { cacheSeconds: 60 }, { options: { revocations, clock }, issuer: { clock } })
  const token = endpoint.issue({ iat: 1_800_000_000 - 1 })
  t.strictSame(answerOf(await get(token)), accepted)
  revocations.revoke({ issuer, subject: 'user-1' })
  t.strictSame(answerOf(await get(token)), invalidToken)
})

test('a token that its issuer revoked is refused when its answer is old (R7009-01)', async t => {
  const { clock, endpoint, get } = await createIntrospectionServer(t)
  const token = endpoint.issue()
  t.strictSame(answerOf(await get(token)), accepted)
  endpoint.tokens.delete(token)
  clock.advance(9)
  t.strictSame(answerOf(await get(token)), accepted, 'the window is what cacheSeconds says')
  clock.advance(1)
  t.strictSame(answerOf(await get(token)), invalidToken)
})

test('revocations are of one issuer, and kept until the tokens are gone (R7009-02)', async t => {
  const { clock, get, issuer: fake, store } = await setup(t, 600)
  const token = await fake.token({ jti: 'a', exp: 1_800_000_599 })
  store.revoke({ issuer: 'https://other.example', tokenId: 'a' })
  t.strictSame(answerOf(await get(token)), accepted)
  store.revoke({ issuer, tokenId: 'a' })
  clock.advance(598)
  t.strictSame(answerOf(await get(token)), invalidToken)
  clock.advance(10)
  store.revoke({ issuer, tokenId: 'b' })
  t.equal(store.size, 1)
})

test('a store that cannot answer is an outage and no verdict (H40)', async t => {
  const stores: RevocationStore['isRevoked'][] = [
    () => { throw new Error('down') },
    async () => { throw new Error('down') },
    () => undefined as unknown as boolean,
    async () => 'no' as unknown as boolean
  ]
  for (const isRevoked of stores) {
    let down = false
    const { get, issuer: fake, handled } = await createTestServer(t, { options: { revocations: { isRevoked: token => down && isRevoked(token) } } })
    const token = await fake.token()
    t.strictSame(answerOf(await get(token)), accepted)
    down = true
    const response = await get(token)
    t.strictSame(answerOf(response), unavailable, 'also of a token that is known')
    t.equal(response.headers['retry-after'], '5')
    t.strictSame(answerOf(await get(await fake.token())), unavailable)
    down = false
    t.strictSame(answerOf(await get(token)), accepted)
    t.equal(handled.length, 2)
  }
})

test('a store may be an object of a class', async t => {
  class Store {
    readonly dead = new Set<string>()
    async isRevoked ({ subject }: { subject: string }): Promise<boolean> { return this.dead.has(subject) }
  }
  const revocations = new Store()
  const { get, issuer: fake } = await createTestServer(t, { options: { revocations } })
  t.strictSame(answerOf(await get(await fake.token())), accepted)
  revocations.dead.add('user-1')
  t.strictSame(answerOf(await get(await fake.token())), invalidToken)
})
