import { test } from 'tap'
import { InvalidTokenError, MissingTokenError, OAuthResourceError, UnavailableError } from '../../../lib/errors/errors.ts'
import { countingOf, createCounting } from '../../../lib/audit/counters.ts'
import { grantDecisionEvent, refusalEvent, useDecisionEvent } from '../../../lib/audit/events.ts'
import { createTokenCache } from '../../../lib/token/token-cache.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const where = { accessToken: null, route: null, time: 0 }

test('F81 everything is counted by its reason', t => {
  const counting = createCounting()
  t.strictSame(counting.snapshot(), { accepted: 0, refused: [], unavailable: [], grants: [], cache: { hits: 0, misses: 0 } })
  const before = counting.snapshot()

  const refuse = (error: OAuthResourceError): void => { counting.count(refusalEvent(error, where)) }
  counting.accept()
  refuse(new MissingTokenError())
  refuse(new InvalidTokenError('token_expired'))
  refuse(new MissingTokenError())
  refuse(new UnavailableError('keys_unavailable', 5))
  const decision = { impersonation: null, reach: null, withoutApproval: [], error: null }
  const said = { path: null, client: null }
  counting.count(grantDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, said, where))
  counting.count(grantDecisionEvent({ ...decision, allowed: false, reason: 'access_empty' }, said, where))

  t.strictSame(counting.snapshot(), {
    accepted: 1,
    refused: [
      { code: 'FST_OAUTH_TOKEN_MISSING', reason: 'token_missing', count: 2 },
      { code: 'FST_OAUTH_TOKEN_EXPIRED', reason: 'token_expired', count: 1 }
    ],
    unavailable: [{ code: 'FST_OAUTH_UNAVAILABLE', reason: 'keys_unavailable', count: 1 }],
    grants: [{ allowed: true, reason: 'approved', count: 1 }, { allowed: false, reason: 'access_empty', count: 1 }],
    cache: { hits: 0, misses: 0 }
  })
  t.strictSame(before.refused, [], 'a snapshot stays as it was')
  t.end()
})

test('F81 a token that is used is counted as the request that uses it', t => {
  const counting = createCounting()
  const decision = { impersonation: null, reach: null, withoutApproval: [], error: null, allowed: false }
  const use = (refusal: OAuthResourceError): void => {
    counting.count(useDecisionEvent({ ...decision, reason: 'lookup_failed' }, refusal, where))
  }
  counting.count(useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where))
  use(new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }))
  use(new UnavailableError('impersonation_unavailable', 5))
  t.match(counting.snapshot(), {
    grants: [],
    refused: [{ code: 'FST_OAUTH_ACCESS_DENIED', reason: 'not_approved', count: 1 }],
    unavailable: [{ code: 'FST_OAUTH_UNAVAILABLE', reason: 'impersonation_unavailable', count: 1 }]
  })
  t.end()
})

test('F81 a counted cache is a cache', t => {
  const clock = createTestClock()
  const counting = createCounting()
  const cache = counting.counted(createTokenCache({ maxEntries: 10, maxAgeMs: 60_000 }, clock))
  const accessToken = accessTokenOf()
  t.equal(cache.find('a'), null)
  cache.remember('a', accessToken, { isCurrent: () => true })
  t.equal(cache.find('a'), accessToken)
  t.equal(cache.find('a'), accessToken)
  t.equal(cache.find('b'), null)
  t.strictSame(counting.snapshot().cache, { hits: 2, misses: 2 })
  t.end()
})

test('a resource has one counting', t => {
  const [one, other] = [{}, {}]
  t.equal(countingOf(one), countingOf(one))
  t.not(countingOf(one), countingOf(other))
  t.end()
})
