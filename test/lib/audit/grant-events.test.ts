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

test('a decision about a grant names staff, customer, client, organizations and the way it comes about (G22)', t => {
  const decision: GrantDecision = {
    allowed: false, reason: 'not_approved', impersonation: { staff: 'sam', customer: 'ann' }, access: { level: 'all' }, withoutApproval: ['acme'], record: null, error: null
  }
  const said = { step: 'consent', client: 'client-9' } as const
  t.strictSame(grantDecisionEvent(decision, said, where), {
    kind: 'grant-decision', reason: 'not_approved', allowed: false, code: 'FST_OAUTH_ACCESS_DENIED', statusCode: 403, route: 'GET /',
    staff: 'sam', customer: 'ann', step: 'consent', grantedTo: 'client-9', access: { level: 'all' }, organizations: ['acme'], ...nobody, scheme: null, time: 5
  })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'approved', withoutApproval: [] }, { step: null, client: null }, where),
    { code: null, statusCode: null, grantedTo: null, step: null })
  t.match(grantDecisionEvent({ ...decision, reason: 'lookup_failed', impersonation: null, access: null }, said, where), { staff: null, customer: null, access: null })
  t.match(grantDecisionEvent({ ...decision, allowed: true, reason: 'not_impersonating', impersonation: null }, said, where), { code: null })
  t.end()
})

test('a decision about a token that is used names whose it is, and has the reason of the refusal (G22, S17)', t => {
  const accessToken = accessTokenOf({ actor })
  const decision: GrantDecision = {
    allowed: false, reason: 'lookup_failed', impersonation: { staff: 'staff-1', customer: 'ann' }, access: { level: 'all' }, withoutApproval: [], record: null, error: null
  }
  t.strictSame(useDecisionEvent(decision, new UnavailableError('impersonation_unavailable', 5), { ...where, accessToken, scheme: 'DPoP' }), {
    kind: 'grant-decision', reason: 'impersonation_unavailable', allowed: false, code: 'FST_OAUTH_UNAVAILABLE', statusCode: 503, route: 'GET /',
    staff: 'staff-1', customer: 'ann', step: 'use', grantedTo: 'client-1', access: { level: 'all' }, organizations: [], ...ann, scheme: 'DPoP', time: 5
  })
  t.match(useDecisionEvent({ ...decision, allowed: true, reason: 'approved' }, null, where), { reason: 'approved', code: null, grantedTo: null })
  t.end()
})

test('an event lists at most 100 organizations or teams', t => {
  const ids = Array.from({ length: 150 }, (_, i) => `org-${i}`)
  const decision: GrantDecision = { allowed: true, reason: 'approved', impersonation: null, access: null, withoutApproval: [], record: null, error: null }
  const accessTold = (access: GrantAccess) => grantDecisionEvent({ ...decision, access }, { step: null, client: null }, where).access
  t.strictSame(accessTold({ level: 'organization', organizations: ids }), { level: 'organization', organizations: ids.slice(0, 100) })
  t.strictSame(accessTold({ level: 'team', teams: ids }), { level: 'team', teams: ids.slice(0, 100) })
  t.end()
})
