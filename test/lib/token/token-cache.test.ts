import { createHash } from 'node:crypto'
import { test } from 'tap'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import type { CacheValidity } from '../../../lib/token/token-cache.ts'
import { createNegativeCache, createTokenCache, digestOf, digestOn, noteTokenOn } from '../../../lib/token/token-cache.ts'
import { createTestClock } from '../../support/clock.ts'

const validity: CacheValidity = { isCurrent: () => true }

/** A cache at second 0, and access tokens that expire so many seconds later. */
function setup (rules = { maxEntries: 3, maxBytes: 10_000, maxAgeMs: 60_000 }) {
  const clock = createTestClock()
  const start = clock.now() / 1000
  const expiring = (seconds: number): AccessToken => ({ expiresAt: start + seconds }) as AccessToken
  return { clock, cache: createTokenCache(rules, clock), expiring }
}

test('a token that was remembered is found, and no other', async t => {
  const { cache, expiring } = setup()
  const accessToken = expiring(300)
  cache.remember('a', accessToken, validity)
  t.equal(cache.find('a'), accessToken)
  for (const other of ['', 'A', 'a ', 'b', 'aa']) t.equal(cache.find(other), null, JSON.stringify(other))
})

test('how long it is remembered', async t => {
  const cases: Array<[expiresIn: number, after: number, found: boolean]> = [
    [300, 0, true], [300, 59.999, true], [300, 60, false], [300, 61, false],
    [10, 9.999, true], [10, 10, false], [10, 12, false],
    [10.5, 10.4, true], [10.5, 10.5, false],
    [0, 0, false], [-1, 0, false],
    [Infinity, 59, true], [Infinity, 60, false]
  ]
  for (const [expiresIn, after, found] of cases) {
    const { clock, cache, expiring } = setup()
    cache.remember('a', expiring(expiresIn), validity)
    clock.advance(after)
    t.equal(cache.find('a') !== null, found, `expires in ${expiresIn}, asked after ${after}`)
  }
})

test('how long it is remembered, where less is asked for, or nothing is known of its expiry', async t => {
  const cases: Array<[expiresIn: number | null, maxAgeMs: number | undefined, after: number, found: boolean]> = [
    [300, 10_000, 9.999, true], [300, 10_000, 10, false], [5, 10_000, 5, false], [300, 90_000, 60, false],
    [300, 0, 0, false], [null, undefined, 59.999, true], [null, undefined, 60, false], [null, 10_000, 10, false]
  ]
  for (const [expiresIn, maxAgeMs, after, found] of cases) {
    const { clock, cache, expiring } = setup()
    const accessToken = expiresIn === null ? { expiresAt: null } as AccessToken : expiring(expiresIn)
    cache.remember('a', accessToken, validity, maxAgeMs)
    clock.advance(after)
    t.equal(cache.find('a') !== null, found, `expires in ${expiresIn}, for ${maxAgeMs} ms, asked after ${after}`)
  }
})

test('it is no longer remembered once it was too late, whatever the clock does then', async t => {
  const { clock, cache, expiring } = setup()
  cache.remember('a', expiring(300), validity)
  clock.advance(60)
  t.equal(cache.find('a'), null)
  clock.advance(-30)
  t.equal(cache.find('a'), null)
})

test('looking does not make it younger', async t => {
  const { clock, cache, expiring } = setup()
  cache.remember('a', expiring(300), validity)
  for (let i = 0; i < 5; i++) {
    clock.advance(10)
    t.not(cache.find('a'), null)
  }
  clock.advance(10)
  t.equal(cache.find('a'), null)
})

test('it is asked whether what the token was verified with still holds', async t => {
  const { cache, expiring } = setup()
  let good = true
  cache.remember('a', expiring(300), { isCurrent: () => good })
  t.not(cache.find('a'), null)
  good = false
  t.equal(cache.find('a'), null)
  good = true
  t.equal(cache.find('a'), null, 'and what does not hold once is forgotten')
})

test('the oldest make room', async t => {
  const { cache, expiring } = setup()
  for (const token of ['a', 'b', 'c']) cache.remember(token, expiring(300), validity)
  cache.find('a')
  cache.remember('d', expiring(300), validity)
  t.strictSame(['a', 'b', 'c', 'd'].map(token => cache.find(token) !== null), [true, false, true, true])
})

test('a token that may not be remembered makes no other one leave', async t => {
  for (const [expiresIn, maxAgeMs] of [[300, 0], [0, 60_000], [-1, 60_000]] as const) {
    const { cache, expiring } = setup({ maxEntries: 1, maxBytes: 10_000, maxAgeMs: 60_000 })
    cache.remember('a', expiring(300), validity)
    cache.remember('b', expiring(expiresIn), validity, maxAgeMs)
    t.not(cache.find('a'), null, `expires in ${expiresIn}, for ${maxAgeMs} ms`)
  }
})

test('what was refused is known for as long as was said', async t => {
  const clock = createTestClock()
  const cache = createNegativeCache(10_000, clock)
  t.equal(cache.has('a'), false)
  cache.remember('a')
  t.equal(cache.has('a'), true)
  t.equal(cache.has('b'), false)
  clock.advance(9.999)
  t.equal(cache.has('a'), true)
  clock.advance(0.001)
  t.equal(cache.has('a'), false)
  cache.remember('a')
  t.equal(cache.has('a'), true, 'and may be refused again')
})

test('strangers cannot fill it: the oldest make room', async t => {
  const cache = createNegativeCache(10_000, createTestClock())
  for (let i = 0; i <= 10_000; i++) cache.remember(`token-${i}`)
  t.strictSame([cache.has('token-0'), cache.has('token-1'), cache.has('token-10000')], [false, true, true])
})

test('a clock that is set back does not keep a token longer (D9)', async t => {
  const { clock, cache, expiring } = setup()
  cache.remember('a', expiring(300), validity, 10_000)
  const refused = createNegativeCache(10_000, clock)
  refused.remember('a')
  clock.advance(-3600)
  t.not(cache.find('a'), null)
  t.equal(refused.has('a'), true)
  clock.advance(10)
  t.equal(cache.find('a'), null, 'ten seconds are ten seconds')
  t.equal(refused.has('a'), false)
})

test('the digest of a token is its `ath` (RFC 9449 4.2)', async t => {
  t.equal(digestOf('a'), createHash('sha256').update('a').digest('base64url'))
  t.equal(digestOn(null, 'a'), digestOf('a'))
})

test('the digest of the good token that a connection presented last is kept, and of no other', async t => {
  const connection = {}
  t.equal(digestOn(connection, 'a'), digestOf('a'))
  noteTokenOn(connection, 'a', 'kept of a')
  t.equal(digestOn(connection, 'a'), 'kept of a')
  t.equal(digestOn({}, 'a'), digestOf('a'), 'not for another connection')
  t.equal(digestOn(null, 'a'), digestOf('a'), 'nor where no connection is known')
  t.equal(digestOn(connection, 'b'), digestOf('b'))
  t.equal(digestOn(connection, 'a'), 'kept of a', 'a token that was only asked about takes no place')
  noteTokenOn(connection, 'b', 'kept of b')
  t.strictSame([digestOn(connection, 'a'), digestOn(connection, 'b')], [digestOf('a'), 'kept of b'])
  noteTokenOn(null, 'a', 'nowhere')
  t.equal(digestOn(null, 'a'), digestOf('a'))
})
