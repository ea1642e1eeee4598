import { test } from 'tap'
import { createIntrospectionBreaker } from '../../../lib/token/introspection-breaker.ts'
import { createTestClock } from '../../support/clock.ts'

const names = (letter: string, count = 5): string[] => Array.from({ length: count }, (_none, i) => `${letter}${i}`)

function setup () {
  const clock = createTestClock()
  const breaker = createIntrospectionBreaker(1000, clock)
  const failAll = (digests: readonly string[]): void => { for (const digest of digests) breaker.fail(digest, digest) }
  /** How many of these tokens may be introspected; each of them is. */
  const started = (digests: readonly string[]): number => digests.filter(digest => {
    if (breaker.failureOf(digest) !== null) return false
    breaker.start(digest)
    return true
  }).length
  return { clock, breaker, failAll, started }
}

test('a token that failed is not introspected for retryAfterMs, or until an answer about it', t => {
  const { clock, breaker } = setup()
  breaker.fail('a', 'down')
  t.equal(breaker.failureOf('a')?.error, 'down')
  t.equal(breaker.failureOf('b'), null, 'other tokens are')
  clock.advance(0.999)
  t.equal(breaker.failureOf('a')?.error, 'down')
  clock.advance(0.001)
  t.equal(breaker.failureOf('a'), null)
  breaker.fail('a', 'down')
  breaker.succeed('a')
  t.equal(breaker.failureOf('a'), null)
  t.end()
})

test('five different tokens that fail in a row are an outage; an answer between them, or a token that fails again, is none', t => {
  const { clock, breaker, failAll } = setup()
  failAll(names('a', 4))
  failAll(names('a', 4))
  t.equal(breaker.failureOf('other'), null)
  breaker.succeed('x')
  failAll(names('b', 4))
  t.equal(breaker.failureOf('other'), null, 'the answer counts, also about another token')
  breaker.fail('b4', 'the fifth')
  t.equal(breaker.failureOf('other')?.error, 'the fifth')
  clock.advance(0.9)
  breaker.fail('b0', 'again')
  clock.advance(0.1)
  t.equal(breaker.failureOf('other'), null, 'a request about one of them that fails later does not prolong the outage')
  t.end()
})

test('after an outage of retryAfterMs five tokens are tried, and the first answer ends it', t => {
  const { clock, breaker, failAll, started } = setup()
  failAll(names('a'))
  clock.advance(0.999)
  t.equal(started(names('b')), 0)
  clock.advance(0.001)
  t.equal(started(names('c', 8)), 5)
  t.equal(breaker.failureOf('d')?.error, 'a4', 'the others wait')
  breaker.succeed('c0')
  t.equal(started(names('d', 20)), 20)
  t.end()
})

test('tokens that were tried in an outage take no place in the next one', t => {
  const { clock, breaker, failAll, started } = setup()
  failAll(names('a'))
  clock.advance(1)
  t.equal(started(names('b')), 5)
  breaker.succeed('b0')
  failAll(names('c'))
  clock.advance(1)
  t.equal(started(names('d')), 5)
  failAll(names('d'))
  clock.advance(1)
  t.equal(started(names('e')), 5, 'nor those that failed')
  t.end()
})

test('of the tokens that are tried after an outage at most one has failed before', t => {
  const { clock, failAll, started } = setup()
  failAll(names('a'))
  clock.advance(1)
  t.equal(started(names('a')), 1)
  t.equal(started(names('b')), 4)
  t.end()
})

test('tokens whose introspection began before an outage, and never ended, take no place of those that are tried after it', t => {
  const { clock, failAll, started } = setup()
  t.equal(started(names('hanging')), 5)
  failAll(names('a'))
  t.equal(started(['other']), 0)
  clock.advance(1)
  t.equal(started(names('b')), 5)
  t.end()
})
