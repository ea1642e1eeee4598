import { inspect } from 'node:util'
import { test } from 'tap'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { createTokenCache } from '../../../lib/token/token-cache.ts'
import { createTestClock } from '../../support/clock.ts'

const basis = { keys: 1 }
const holds = (): boolean => true

/** A cache at second 0, and access tokens that expire so many seconds later. */
function setup (rules = { maxEntries: 3, maxAgeMs: 60_000 }) {
  const clock = createTestClock()
  const start = clock.now() / 1000
  const expiring = (seconds: number): AccessToken => ({ expiresAt: start + seconds }) as AccessToken
  return { clock, cache: createTokenCache(rules, clock), expiring }
}

test('a token that was remembered is found, and no other', async t => {
  const { cache, expiring } = setup()
  const accessToken = expiring(300)
  cache.remember('a', accessToken, basis)
  t.equal(cache.find('a', holds), accessToken)
  for (const other of ['', 'A', 'a ', 'b', 'aa']) t.equal(cache.find(other, holds), null, JSON.stringify(other))
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
    cache.remember('a', expiring(expiresIn), basis)
    clock.advance(after)
    t.equal(cache.find('a', holds) !== null, found, `expires in ${expiresIn}, asked after ${after}`)
  }
})

test('it is no longer remembered once it was too late, whatever the clock does then', async t => {
  const { clock, cache, expiring } = setup()
  cache.remember('a', expiring(300), basis)
  clock.advance(60)
  t.equal(cache.find('a', holds), null)
  clock.advance(-30)
  t.equal(cache.find('a', holds), null)
})

test('looking does not make it younger', async t => {
  const { clock, cache, expiring } = setup()
  cache.remember('a', expiring(300), basis)
  for (let i = 0; i < 5; i++) {
    clock.advance(10)
    t.not(cache.find('a', holds), null)
  }
  clock.advance(10)
  t.equal(cache.find('a', holds), null)
})

test('it is asked whether what the token was verified with still holds', async t => {
  const { cache, expiring } = setup()
  const asked: object[] = []
  cache.remember('a', expiring(300), basis)
  t.not(cache.find('a', given => { asked.push(given); return true }), null)
  t.equal(asked[0], basis)
  t.equal(cache.find('a', () => false), null)
  t.equal(cache.find('a', holds), null, 'and what does not hold once is forgotten')
})

test('the oldest make room', async t => {
  const { cache, expiring } = setup()
  for (const token of ['a', 'b', 'c']) cache.remember(token, expiring(300), basis)
  cache.find('a', holds)
  cache.remember('d', expiring(300), basis)
  t.strictSame(['a', 'b', 'c', 'd'].map(token => cache.find(token, holds) !== null), [true, false, true, true])
})

test('it does not hold the token', async t => {
  const { cache, expiring } = setup()
  cache.remember('very-secret-token', expiring(300), basis)
  t.notMatch(inspect(cache, { depth: Infinity, showHidden: true }), 'very-secret-token')
})
