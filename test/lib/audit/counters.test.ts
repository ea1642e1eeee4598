import { test } from 'tap'
import { InvalidTokenError, MissingTokenError, OAuthResourceError, UnavailableError } from '../../../lib/errors/errors.ts'
import { refusalEvent } from '../../../lib/audit/audit.ts'
import { createCounters } from '../../../lib/audit/audit.ts'
import { grantDecisionEvent, useDecisionEvent } from '../../../lib/audit/grant-events.ts'
import { createTokenCache } from '../../../lib/token/token-cache.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const none = { accepted: 0, refused: 0, unavailable: 0 }
const where = { accessToken: null, route: null, time: 0 }

test('everything is counted by its reason (F81)', t => {
  const counters = createCounters()
  t.strictSame(counters.snapshot(), { accepted: 0, refused: [], refusedElsewhere: 0, unavailable: [], grants: [], schemes: { Bearer: none, DPoP: none }, certificateBound: 0, signals: [], cache: { hits: 0, misses: 0 } })
  const before = counters.snapshot()

  const refuse = (error: OAuthResourceError): void => { counters.record(refusalEvent(error, where)) }
  for (const status of [200, 404, 500, 401, 403]) counters.answered(status, accessTokenOf())
  refuse(new MissingTokenError())
  refuse(new InvalidTokenError('token_expired'))
  refuse(new MissingTokenError())
  refuse(new UnavailableError('keys_unavailable', 5))
  const decision = { impersonation: null, access: null, record: null, withoutApproval: [], error: null }
  const said = { step: null, client: null }
  counters.record(grantDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, said, where))
  counters.record(grantDecisionEvent({ ...decision, allowed: false, reason: 'access_empty' }, said, where))

  t.strictSame(counters.snapshot(), {
    accepted: 3,
    refused: [
      { code: 'FST_OAUTH_TOKEN_MISSING', reason: 'token_missing', count: 2 },
      { code: 'FST_OAUTH_TOKEN_EXPIRED', reason: 'token_expired', count: 1 }
    ],
    refusedElsewhere: 2,
    unavailable: [{ code: 'FST_OAUTH_UNAVAILABLE', reason: 'keys_unavailable', count: 1 }],
    grants: [{ allowed: true, reason: 'approved', count: 1 }, { allowed: false, reason: 'access_empty', count: 1 }],
    schemes: { Bearer: { ...none, accepted: 3 }, DPoP: none },
    certificateBound: 0,
    signals: [],
    cache: { hits: 0, misses: 0 }
  })
  t.strictSame(before.refused, [], 'a snapshot stays as it was')
  t.end()
})

test('a token that is used is counted as the request that uses it (F81)', t => {
  const counters = createCounters()
  const decision = { impersonation: null, access: null, record: null, withoutApproval: [], error: null, allowed: false }
  const use = (refusal: OAuthResourceError): void => {
    counters.record(useDecisionEvent({ ...decision, reason: 'lookup_failed' }, refusal, where))
  }
  counters.record(useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where))
  use(new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }))
  use(new UnavailableError('impersonation_unavailable', 5))
  t.match(counters.snapshot(), {
    grants: [],
    refused: [{ code: 'FST_OAUTH_ACCESS_DENIED', reason: 'not_approved', count: 1 }],
    unavailable: [{ code: 'FST_OAUTH_UNAVAILABLE', reason: 'impersonation_unavailable', count: 1 }]
  })
  t.end()
})

test('a counted cache is a cache (F81)', t => {
  const clock = createTestClock()
  const counters = createCounters()
  const cache = counters.counted(createTokenCache({ maxEntries: 10, maxBytes: 10_000, maxAgeMs: 60_000 }, clock))
  const accessToken = accessTokenOf()
  t.equal(cache.find('a'), null)
  cache.remember('a', accessToken, { isCurrent: () => true })
  t.equal(cache.find('a'), accessToken)
  t.equal(cache.find('a'), accessToken)
  t.equal(cache.find('b'), null)
  t.strictSame(counters.snapshot().cache, { hits: 2, misses: 2 })
  t.end()
})

test('requests are counted by the scheme of their credentials, and those with a certificate-bound token', t => {
  const counters = createCounters()
  const bound = (keyThumbprint: string | null, certificateThumbprint: string | null) => accessTokenOf({ confirmation: { keyThumbprint, certificateThumbprint } })
  for (const accessToken of [accessTokenOf(), bound('key', null), bound('key', 'certificate'), bound(null, 'certificate')]) counters.answered(200, accessToken)
  counters.answered(401, bound('key', 'certificate'))
  for (const scheme of ['Bearer', 'DPoP', 'DPoP', null] as const) counters.record(refusalEvent(new InvalidTokenError('token_expired'), { ...where, scheme }))
  counters.record(refusalEvent(new UnavailableError('keys_unavailable', 5), { ...where, scheme: 'DPoP' }))
  const decision = { impersonation: null, access: null, record: null, withoutApproval: [], error: null, allowed: false }
  counters.record(useDecisionEvent({ ...decision, reason: 'not_approved' }, new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }), { ...where, scheme: 'Bearer' }))
  const { schemes, certificateBound, refused } = counters.snapshot()
  t.strictSame(schemes, { Bearer: { accepted: 2, refused: 2, unavailable: 0 }, DPoP: { accepted: 2, refused: 2, unavailable: 1 } })
  t.equal(certificateBound, 2)
  t.match(refused, [{ reason: 'token_expired', count: 4 }, { reason: 'not_approved', count: 1 }], 'one entry for a reason, whatever the scheme')
  t.end()
})
