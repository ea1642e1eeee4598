import fc from 'fast-check'
import { test } from 'tap'
import type { Revocation } from '../../../lib/stores/memory-revocation-store.ts'
import { createMemoryRevocationStore } from '../../../lib/stores/memory-revocation-store.ts'
import type { RevocableToken } from '../../../lib/stores/revocation-store.ts'
import { createTestClock } from '../../support/clock.ts'

const start = 1_800_000_000
const issuer = 'https://login.example.com'
const token: RevocableToken = {
  issuer, subject: 'user-1', tokenId: 'token-1', grantId: 'grant-1', sessionId: 'session-1', issuedAt: start
}

test('what is revoked, and what is not', async t => {
  const cases: Array<[revocation: Revocation, changes: Partial<RevocableToken>, revoked: boolean]> = [
    [{ issuer, tokenId: 'token-1' }, {}, true],
    [{ issuer, tokenId: 'token-1' }, { issuedAt: start + 60 }, true],
    [{ issuer, tokenId: 'token-1' }, { issuedAt: null }, true],
    [{ issuer, tokenId: 'token-1' }, { tokenId: 'token-2' }, false],
    [{ issuer, tokenId: 'token-1' }, { tokenId: null }, false],
    [{ issuer, tokenId: 'token-1' }, { issuer: 'https://other.example' }, false],
    [{ issuer, tokenId: 'user-1' }, {}, false],
    [{ issuer, grantId: 'grant-1' }, {}, true],
    [{ issuer, grantId: 'grant-1' }, { grantId: null }, false],
    [{ issuer, grantId: 'grant-1' }, { issuedAt: start + 1 }, false],
    [{ issuer, sessionId: 'session-1' }, {}, true],
    [{ issuer, sessionId: 'session-1' }, { sessionId: 'session-2' }, false],
    [{ issuer, sessionId: 'session-1' }, { issuedAt: start + 1 }, false],
    [{ issuer, subject: 'user-1' }, {}, true],
    [{ issuer, subject: 'user-1' }, { subject: 'user-2' }, false],
    [{ issuer, subject: 'user-1' }, { issuedAt: start - 1 }, true],
    [{ issuer, subject: 'user-1' }, { issuedAt: start + 0.5 }, true],
    [{ issuer, subject: 'user-1' }, { issuedAt: start + 1 }, false],
    [{ issuer, subject: 'user-1' }, { issuedAt: null }, true],
    [{ issuer, subject: 'user-1' }, { issuer: 'https://other.example' }, false]
  ]
  for (const [revocation, changes, revoked] of cases) {
    const store = createMemoryRevocationStore({ clock: createTestClock(start) })
    t.equal(store.isRevoked({ ...token, ...changes }), false)
    store.revoke(revocation)
    t.equal(store.isRevoked({ ...token, ...changes }), revoked, JSON.stringify([revocation, changes]))
  }
})

test('a revocation names one thing', async t => {
  const store = createMemoryRevocationStore()
  const cases: unknown[] = [
    { issuer }, { issuer, tokenId: undefined }, { issuer, tokenId: 7 }, { issuer, tokenId: null }, { tokenId: 'token-1' }, { issuer: 7, tokenId: 'x' },
    { issuer, tokenId: 'token-1', subject: 'user-1' }, token
  ]
  for (const given of cases) {
    t.throws(() => store.revoke(given as Revocation),
      new TypeError('a revocation names an issuer and one of tokenId, grantId, sessionId, subject'), JSON.stringify(given))
  }
  t.equal(store.size, 0)
})

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

test('against a plain list of what was revoked', async t => {
  const id = fc.constantFrom('1', '2', 'subject', '","')
  const revocation = fc.tuple(id, fc.constantFrom('tokenId', 'grantId', 'sessionId', 'subject'), id)
    .map(([by, name, value]) => ({ issuer: by, [name]: value }) as Record<string, string> & Revocation)
  const maybe = fc.option(id)
  const asked = fc.record({
    issuer: id, subject: id, tokenId: maybe, grantId: maybe, sessionId: maybe, issuedAt: fc.option(fc.integer({ min: start - 5, max: start + 50 }))
  })
  const step = fc.oneof(revocation.map(revoke => ({ revoke })), asked.map(ask => ({ ask })), fc.integer({ min: 0, max: 8 }).map(wait => ({ wait })))
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), steps => {
    const clock = createTestClock(start)
    const store = createMemoryRevocationStore({ clock, longestLifetimeSeconds: 20 })
    const list: Array<Record<string, string> & { at: number }> = []
    for (const one of steps) {
      const now = clock.now() / 1000
      if ('wait' in one) clock.advance(one.wait)
      else if ('revoke' in one) {
        store.revoke(one.revoke)
        list.push({ ...one.revoke, at: now } as never)
      } else {
        const { ask } = one
        const expected = list.some(({ at, issuer: by, ...what }) => {
          const [name, value] = Object.entries(what)[0] as [keyof RevocableToken, string]
          const old = name === 'tokenId' || ask.issuedAt === null || ask.issuedAt <= at
          return by === ask.issuer && ask[name] === value && old && now < at + 20
        })
        if (store.isRevoked(ask) !== expected) return false
      }
    }
    return true
  }))
})
