import { test } from 'tap'
import { automaticRefusal } from '../../../lib/oidc-provider/policy.ts'

test('why a grant is not used again: what a user is told, and what asks them for a new grant', t => {
  t.equal(automaticRefusal('not_approved'), 'not_approved')
  t.equal(automaticRefusal('lookup_failed'), 'unavailable')
  for (const reason of ['impersonation_ended', 'organization_unknown', 'access_empty', 'access_malformed', 'record_malformed'] as const) t.equal(automaticRefusal(reason), 'refused', reason)
  for (const reason of ['grant_foreign', 'approval_younger'] as const) t.equal(automaticRefusal(reason), null, reason)
  t.end()
})
