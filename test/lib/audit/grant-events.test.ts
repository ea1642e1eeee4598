import { test } from 'tap'
import { UnavailableError } from '../../../lib/errors/errors.ts'
import type { GrantDecision } from '../../../lib/impersonation/check-grant.ts'
import { grantDecisionEvent, useDecisionEvent } from '../../../lib/audit/grant-events.ts'
import type { GrantAccess } from '../../../lib/stores/organizations/organization-directory.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const actor = { issuer: 'https://login.example.com', subject: 'staff-1' }
const nobody = { issuer: null, subject: null, actor: null, clientId: null, tokenId: null }
const ann = { issuer: 'https://login.example.com', subject: 'ann', actor, clientId: 'client-1', tokenId: 'token-1' }
const where = { accessToken: null, route: 'GET /', time: 5 }

test('G22 a decision about a grant names staff, customer, client, organizations and the way it comes about', t => {
  const decision: GrantDecision = {
    allowed: false, reason: 'not_approved', impersonation: { staff: 'sam', customer: 'ann' }, reach: { level: 'all' }, withoutApproval: ['acme'], error: null
  }
  const said = { path: 'consent', client: 'client-9' } as const
  t.strictSame(grantDecisionEvent(decision, said, where), {
    kind: 'grant-decision', reason: 'not_approved', allowed: false, code: 'FST_OAUTH_ACCESS_DENIED', statusCode: 403, route: 'GET /',
    staff: 'sam', customer: 'ann', path: 'consent', grantedTo: 'client-9', reach: { level: 'all' }, organizations: ['acme'], ...nobody, time: 5
  })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'approved', withoutApproval: [] }, { path: null, client: null }, where),
    { code: null, statusCode: null, grantedTo: null, path: null })
  t.match(grantDecisionEvent({ ...decision, reason: 'lookup_failed', impersonation: null, reach: null }, said, where), { staff: null, customer: null, reach: null })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'not_impersonating', impersonation: null }, said, where), { code: null })
  t.end()
})

test('G22 S17 a decision about a token that is used names whose it is, and has the reason of the refusal', t => {
  const accessToken = accessTokenOf({ actor })
  const decision: GrantDecision = {
    allowed: false, reason: 'lookup_failed', impersonation: { staff: 'staff-1', customer: 'ann' }, reach: { level: 'all' }, withoutApproval: [], error: null
  }
  t.strictSame(useDecisionEvent(decision, new UnavailableError('impersonation_unavailable', 5), { ...where, accessToken }), {
    kind: 'grant-decision', reason: 'impersonation_unavailable', allowed: false, code: 'FST_OAUTH_UNAVAILABLE', statusCode: 503, route: 'GET /',
    staff: 'staff-1', customer: 'ann', path: 'use', grantedTo: 'client-1', reach: { level: 'all' }, organizations: [], ...ann, time: 5
  })
  t.match(useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where), { reason: 'approved', code: null, grantedTo: null })
  t.end()
})

test('no more is told of a reach than an audit can read', t => {
  const ids = Array.from({ length: 150 }, (_, i) => `org-${i}`)
  const decision: GrantDecision = { allowed: true, reason: 'approved', impersonation: null, reach: null, withoutApproval: [], error: null }
  const reachTold = (reach: GrantAccess) => grantDecisionEvent({ ...decision, reach }, { path: null, client: null }, where).reach
  t.strictSame(reachTold({ level: 'organization', organizations: ids }), { level: 'organization', organizations: ids.slice(0, 100) })
  t.strictSame(reachTold({ level: 'team', teams: ids }), { level: 'team', teams: ids.slice(0, 100) })
  t.end()
})
