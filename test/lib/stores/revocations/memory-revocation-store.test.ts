import { test } from 'tap'
import { createMemoryRevocationStore } from '../../../../lib/stores/revocations/memory-revocation-store.ts'
import type { RevocableToken } from '../../../../lib/stores/revocations/revocation-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { revocationSuite } from '../../../support/revocation-suite.ts'

const start = 1_800_000_000
const issuer = 'https://login.example.com'
const token: RevocableToken = {
  issuer, subject: 'user-1', tokenId: 'token-1', grantId: null, sessionId: null, actor: null, issuedAt: start, authenticatedAt: null
}

revocationSuite('revocations in memory', (clock, longestLifetimeSeconds, leewaySeconds = 0) =>
  createMemoryRevocationStore({ clock, longestLifetimeSeconds, leewaySeconds }), { numRuns: 500 })

test('how long it is remembered', async t => {
  const clock = createTestClock(start)
  const store = createMemoryRevocationStore({ clock, longestLifetimeSeconds: 100 })
  store.revoke({ issuer, tokenId: 'token-1' })
  clock.advance(50)
  store.revoke({ issuer, subject: 'user-2' })
  t.equal(store.size, 2)
  clock.advance(49)
  t.equal(store.isRevoked(token), true)
  clock.advance(1)
  t.equal(store.isRevoked(token), false, 'what was issued before is long expired')
  store.revoke({ issuer, subject: 'user-3' })
  t.equal(store.size, 2, 'and takes no room')
  store.revoke({ issuer, subject: 'user-2' })
  clock.advance(60)
  store.revoke({ issuer, subject: 'user-4' })
  t.equal(store.size, 3, 'one that is revoked again is young')
})

test('what makes no sense takes no room', t => {
  const store = createMemoryRevocationStore()
  t.throws(() => store.revoke({ issuer } as never), TypeError)
  t.equal(store.size, 0)
  store.revoke({ issuer, subject: 'user-1' })
  t.equal(store.isRevoked({ ...token, issuedAt: Math.floor(Date.now() / 1000) - 5 }), true, 'by the clock of the system')
  t.end()
})

test('a full store refuses new revocations, and forgets none before its time', t => {
  const clock = createTestClock(start)
  const store = createMemoryRevocationStore({ clock, longestLifetimeSeconds: 100, maxEntries: 2 })
  store.revoke({ issuer, tokenId: 'token-1' })
  clock.advance(50)
  store.revoke({ issuer, tokenId: 'token-2' })
  t.throws(() => store.revoke({ issuer, tokenId: 'token-3' }), { name: 'RevocationStoreFullError', code: 'FST_OAUTH_REVOCATION_STORE_FULL', statusCode: 503 })
  store.revoke({ issuer, tokenId: 'token-2' })
  t.equal(store.isRevoked(token), true)
  clock.advance(50)
  store.revoke({ issuer, tokenId: 'token-3' })
  t.equal(store.size, 2)
  t.end()
})

test('an identifier of any length takes little space', t => {
  const store = createMemoryRevocationStore()
  const long = 'x'.repeat(100_000)
  store.revoke({ issuer, subject: long })
  t.equal(store.isRevoked({ ...token, subject: long, issuedAt: 0 }), true)
  t.equal(store.isRevoked({ ...token, subject: `${long}y`, issuedAt: 0 }), false)
  t.end()
})
