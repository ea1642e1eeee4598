import fc from 'fast-check'
import { test } from 'tap'
import type { Revocation, WritableRevocationStore } from '../../lib/stores/revocations/revocation.ts'
import type { RevocableToken } from '../../lib/stores/revocations/revocation-store.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** Makes an empty store that lives by this clock. One that was made before need not be usable any longer. */
export type MakeRevocationStore = (clock: TestClock, longestLifetimeSeconds: number, leewaySeconds?: number) => Promise<WritableRevocationStore> | WritableRevocationStore

const start = 1_800_000_000
const issuer = 'https://login.example.com'
const foreign = 'https://other.example'
const sam = { issuer, subject: 'sam' }
const token: RevocableToken = {
  issuer, subject: 'user-1', tokenId: 'token-1', grantId: 'grant-1', sessionId: 'session-1', actor: null, issuedAt: start, authenticatedAt: null
}

const cases: ReadonlyArray<readonly [revocation: Revocation, changes: Partial<RevocableToken>, revoked: boolean]> = [
  [{ issuer, tokenId: 'token-1' }, {}, true],
  [{ issuer, tokenId: 'token-1' }, { issuedAt: start + 60 }, true],
  [{ issuer, tokenId: 'token-1' }, { issuedAt: null }, true],
  [{ issuer, tokenId: 'token-1' }, { tokenId: 'token-2' }, false],
  [{ issuer, tokenId: 'token-1' }, { tokenId: null }, false],
  [{ issuer, tokenId: 'token-1' }, { issuer: foreign }, false],
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
  [{ issuer, subject: 'user-1' }, { issuer: foreign }, false],
  // Whoever acts for the subject uses tokens of the subject, too.
  [{ issuer, subject: 'user-1' }, { actor: sam }, true],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam }, true],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam, issuedAt: start - 1 }, true],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam, issuedAt: null }, true],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam, issuedAt: start + 1 }, false],
  [{ issuer, subject: 'user-1', actor: sam }, {}, false],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: { issuer, subject: 'tom' } }, false],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: { issuer: foreign, subject: 'sam' } }, false],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam, subject: 'user-2' }, false],
  [{ issuer, subject: 'user-1', actor: sam }, { actor: sam, issuer: foreign }, false],
  [{ issuer, subject: 'user-1', actor: sam }, { subject: 'sam', actor: { issuer, subject: 'user-1' } }, false],
  [{ issuer, actor: sam }, { actor: sam }, true],
  [{ issuer, actor: sam }, { actor: sam, subject: 'user-2' }, true],
  [{ issuer, actor: sam }, { actor: sam, issuedAt: start + 1 }, false],
  [{ issuer, actor: sam }, {}, false],
  [{ issuer, actor: sam }, { subject: 'sam' }, false],
  [{ issuer, actor: sam }, { actor: { issuer, subject: 'tom' } }, false],
  [{ issuer, actor: sam }, { actor: { issuer: foreign, subject: 'sam' } }, false],
  [{ issuer, actor: sam }, { actor: sam, issuer: foreign }, false],
  // A revocation that is received late.
  [{ issuer, subject: 'user-1', at: start - 60 }, { issuedAt: start - 60 }, true],
  [{ issuer, subject: 'user-1', at: start - 60 }, { issuedAt: start - 59 }, false],
  [{ issuer, subject: 'user-1', at: start - 59.5 }, { issuedAt: start - 60 }, true],
  [{ issuer, tokenId: 'token-1', at: start - 60 }, {}, true],
  [{ issuer, subject: 'user-1', at: start - 86_400 }, { issuedAt: start - 86_400 }, false],
  // None is from the future: it would apply to tokens of a user who signs in again.
  [{ issuer, subject: 'user-1', at: start + 3600 }, { issuedAt: start }, true],
  [{ issuer, subject: 'user-1', at: start + 3600 }, { issuedAt: start + 1 }, false],
  // Tokens of an earlier sign-in, however late they are issued.
  [{ issuer, subject: 'user-1', by: 'issuedAt' }, { authenticatedAt: start - 60, issuedAt: start + 60 }, false],
  [{ issuer, subject: 'user-1', by: 'authenticatedAt' }, { authenticatedAt: start - 60, issuedAt: start + 60 }, true],
  [{ issuer, subject: 'user-1', by: 'authenticatedAt' }, { authenticatedAt: start + 1, issuedAt: start + 60 }, false],
  [{ issuer, subject: 'user-1', by: 'authenticatedAt' }, { issuedAt: start }, true],
  [{ issuer, subject: 'user-1', by: 'authenticatedAt' }, { issuedAt: start + 1 }, false],
  [{ issuer, subject: 'user-1', by: 'authenticatedAt' }, { subject: 'user-2', authenticatedAt: start }, false],
  [{ issuer, sessionId: 'session-1', by: 'authenticatedAt' }, { authenticatedAt: start, issuedAt: start + 60 }, true],
  [{ issuer, sessionId: 'session-1', by: 'authenticatedAt' }, { authenticatedAt: start + 1, issuedAt: start + 60 }, false],
  [{ issuer, sessionId: 'session-1', by: 'authenticatedAt' }, { issuedAt: start + 60 }, true],
  [{ issuer, sessionId: 'session-1', by: 'authenticatedAt' }, { sessionId: 'session-2' }, false],
  [{ issuer, sessionId: 'session-1', by: 'authenticatedAt', at: start - 60 }, { authenticatedAt: start - 59, issuedAt: start }, false]
]

const unclear: readonly unknown[] = [
  { issuer }, { issuer, tokenId: undefined }, { issuer, tokenId: 7 }, { issuer, tokenId: null }, { tokenId: 'token-1' }, { issuer: 7, tokenId: 'x' },
  { issuer, tokenId: 'token-1', subject: 'user-1' }, { ...token, authenticatedAt: undefined }, { ...token, actor: sam },
  { issuer, actor: null }, { issuer, subject: 'user-1', actor: null }, { issuer, actor: 'sam' }, { issuer, actor: { issuer } }, { issuer, actor: { subject: 'sam' } },
  { issuer, subject: 7, actor: sam }, { issuer, tokenId: 'token-1', actor: sam }, { actor: sam }
]

/** What every store of revocations has to do, whatever it is made of: registers its tests under the name. */
export function revocationSuite (name: string, make: MakeRevocationStore, { numRuns = 100 }: { numRuns?: number } = {}): void {
  test(`${name}: what is revoked, and what is not`, async t => {
    for (const [revocation, changes, revoked] of cases) {
      const store = await make(createTestClock(start), 86_400)
      t.equal(await store.isRevoked({ ...token, ...changes }), false)
      await store.revoke(revocation)
      t.equal(await store.isRevoked({ ...token, ...changes }), revoked, JSON.stringify([revocation, changes]))
    }
  })

  test(`${name}: a revocation names one thing, or a pair`, async t => {
    const store = await make(createTestClock(start), 86_400)
    for (const given of unclear) {
      await t.rejects(async () => { await store.revoke(given as Revocation) },
        new TypeError('a revocation must name an issuer and one of tokenId, grantId, sessionId, subject, actor, or subject and actor'), JSON.stringify(given))
    }
    t.equal(await store.isRevoked({ ...token, actor: sam }), false)
  })

  test(`${name}: a revocation with a time that is none, or that nothing can be compared with, is refused`, async t => {
    const store = await make(createTestClock(start), 86_400)
    for (const at of [NaN, Infinity, '1', null]) {
      await t.rejects(async () => { await store.revoke({ issuer, subject: 'user-1', at } as never) }, new TypeError('at of a revocation must be a number of seconds since the epoch'))
    }
    for (const given of [{ tokenId: 'token-1' }, { grantId: 'grant-1' }, { actor: sam }, { subject: 'user-1', actor: sam }, { subject: 'user-1', by: 'iat' }, {}]) {
      await t.rejects(async () => { await store.revoke({ issuer, by: 'authenticatedAt', ...given } as never) },
        new TypeError("by of a revocation must be 'issuedAt', or 'authenticatedAt' for a session or a subject"))
    }
    t.equal(await store.isRevoked(token), false)
  })

  test(`${name}: a clock that is put back takes back nothing`, async t => {
    const clock = createTestClock(start)
    const store = await make(clock, 86_400)
    const pair: Revocation = { issuer, subject: 'user-1', actor: sam }
    const revoked = async (issuedAt: number) => await store.isRevoked({ ...token, actor: sam, issuedAt })
    await store.revoke(pair)
    clock.advance(-2)
    await store.revoke(pair)
    t.equal(await revoked(start), true)
    clock.advance(3)
    await store.revoke(pair)
    t.equal(await revoked(start + 1), true, 'and a later one counts')
    t.equal(await revoked(start + 2), false)
  })

  test(`${name}: a leeway for issuers whose clock is ahead`, async t => {
    for (const revocation of [{ grantId: 'grant-1' }, { subject: 'user-1' }, { subject: 'user-1', actor: sam }, { actor: sam }]) {
      const clock = createTestClock(start)
      const store = await make(clock, 20, 5)
      const revoked = async (issuedAt: number) => await store.isRevoked({ ...token, actor: sam, issuedAt })
      await store.revoke({ issuer, ...revocation } as Revocation)
      t.equal(await revoked(start + 5), true)
      t.equal(await revoked(start + 6), false)
      clock.advance(24)
      t.equal(await revoked(start + 5), true, 'as long as such a token lives')
      clock.advance(1)
      t.equal(await revoked(start + 5), false)
    }
  })

  test(`${name}: against a plain list of what was revoked`, async t => {
    const id = fc.constantFrom('1', '2', 'subject', '","', 'actor')
    const actor = fc.record({ issuer: id, subject: id })
    const revocation = fc.oneof(
      fc.tuple(fc.constantFrom('tokenId', 'grantId', 'sessionId', 'subject'), id).map(([member, value]) => ({ [member]: value })),
      actor.map(one => ({ actor: one })),
      fc.record({ subject: id, actor })
    )
    const maybe = fc.option(id)
    const asked = fc.record({
      issuer: id, subject: id, tokenId: maybe, grantId: maybe, sessionId: maybe, actor: fc.option(actor), issuedAt: fc.option(fc.integer({ min: start - 5, max: start + 50 })),
      authenticatedAt: fc.option(fc.integer({ min: start - 5, max: start + 50 }))
    })
    const step = fc.oneof(
      fc.record({ revoke: revocation, by: id }), asked.map(ask => ({ ask })), fc.integer({ min: 0, max: 8 }).map(wait => ({ wait })))
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const clock = createTestClock(start)
      const store = await make(clock, 20)
      const list: Array<{ what: Record<string, unknown>, by: string, at: number }> = []
      for (const one of steps) {
        const now = clock.now() / 1000
        if ('wait' in one) clock.advance(one.wait)
        else if ('revoke' in one) {
          await store.revoke({ issuer: one.by, ...one.revoke } as unknown as Revocation)
          list.push({ what: one.revoke, by: one.by, at: now })
        } else {
          const ask: RevocableToken & Record<string, unknown> = { ...one.ask }
          const expected = list.some(({ what, by, at }) => {
            const same = Object.entries(what).every(([member, value]) => JSON.stringify(ask[member]) === JSON.stringify(value))
            const old = 'tokenId' in what || ask.issuedAt === null || ask.issuedAt <= at
            return by === ask.issuer && same && old && now < at + 20
          })
          if (await store.isRevoked(ask) !== expected) return false
        }
      }
      return true
    }), { numRuns })
    t.pass('it always agrees')
  })
}
