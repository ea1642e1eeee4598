import { test } from 'tap'
import { InsufficientScopeError, InvalidTokenError, UnavailableError } from '../../../lib/errors.ts'
import type { GrantDecision } from '../../../lib/impersonation/judge.ts'
import { attributionOf, grantDecisionEvent, refusalEvent } from '../../../lib/signals/event.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const actor = { issuer: 'https://login.example.com', subject: 'staff-1' }
const nobody = { issuer: null, subject: null, actor: null, clientId: null, tokenId: null }
const ann = { issuer: 'https://login.example.com', subject: 'ann', actor, clientId: 'client-1', tokenId: 'token-1' }
const where = { accessToken: null, route: 'GET /', time: 5 }

test('R8693-13 an action is put down to subject, actor, client and token id, and to nothing else', t => {
  t.strictSame(attributionOf(accessTokenOf({ actor })), ann)
  t.strictSame(attributionOf(null), nobody)
  t.end()
})

test('S16 a refusal has its reason, code and status, and no claim', t => {
  const events = [
    [new InvalidTokenError('audience_foreign'), 'refusal', 'audience_foreign', 'FST_OAUTH_TOKEN_INVALID', 401],
    [new UnavailableError('keys_unavailable', 5), 'unavailable', 'keys_unavailable', 'FST_OAUTH_UNAVAILABLE', 503]
  ] as const
  for (const [error, kind, reason, code, statusCode] of events) {
    t.strictSame(refusalEvent(error, where), { kind, reason, code, statusCode, route: 'GET /', ...nobody, time: 5 })
  }
  t.strictSame(refusalEvent(new InsufficientScopeError(['a']), { ...where, accessToken: accessTokenOf({ actor }) }), {
    kind: 'refusal', reason: 'scope_insufficient', code: 'FST_OAUTH_SCOPE_INSUFFICIENT', statusCode: 403, route: 'GET /', ...ann, time: 5
  })
  t.end()
})

test('G22 a decision about a grant names staff, customer, client and organizations', t => {
  const decision: GrantDecision = {
    allowed: false, reason: 'not_approved', impersonation: { staff: 'sam', customer: 'ann' }, withoutApproval: ['acme'], error: null
  }
  t.strictSame(grantDecisionEvent(decision, 'client-9', where), {
    kind: 'grant-decision', reason: 'not_approved', allowed: false, code: 'FST_OAUTH_ACCESS_DENIED', statusCode: 403, route: 'GET /',
    staff: 'sam', customer: 'ann', grantedTo: 'client-9', organizations: ['acme'], ...nobody, time: 5
  })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'approved', withoutApproval: [] }, null, where),
    { code: null, statusCode: null, grantedTo: null })
  t.match(grantDecisionEvent({ ...decision, reason: 'lookup_failed', impersonation: null }, null, where), { staff: null, customer: null })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'not_impersonating', impersonation: null }, null, where), { code: null })
  t.end()
})
