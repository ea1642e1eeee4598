import * as oidc from 'oidc-provider'
import { test } from 'tap'
import { automaticRefusal, createGuardPolicy, refusalOfInteraction } from '../../../lib/oidc-provider/policy.ts'

test('why a grant is not used again: what a user is told, and what asks them for a new grant', t => {
  t.equal(automaticRefusal('not_approved'), 'not_approved')
  t.equal(automaticRefusal('lookup_failed'), 'unavailable')
  for (const reason of ['impersonation_ended', 'organization_unknown', 'access_empty', 'access_malformed', 'record_malformed'] as const) t.equal(automaticRefusal(reason), 'refused', reason)
  for (const reason of ['grant_foreign', 'approval_younger'] as const) t.equal(automaticRefusal(reason), null, reason)
  t.end()
})

test('the reasons of an interaction, and the error of each where nobody can be asked (`prompt=none`)', t => {
  const policy = createGuardPolicy(oidc, { accountOf: async () => null, refusalOf: () => undefined })
  const errorsOf = (prompt: 'login' | 'consent', ...reasons: string[]): unknown => {
    const checks = policy.get(prompt)!.checks as unknown as ReadonlyArray<{ readonly reason: string, readonly error: string }>
    return reasons.map(reason => checks.find(check => check.reason === reason)?.error)
  }
  t.strictSame(errorsOf('login', 'host_session', 'another_subject'), ['login_required', 'login_required'])
  t.strictSame(errorsOf('consent', 'impersonation_not_approved', 'impersonation_refused', 'impersonation_unavailable'),
    ['access_denied', 'access_denied', 'temporarily_unavailable'])
  for (const why of ['not_approved', 'refused', 'unavailable'] as const) {
    t.equal(refusalOfInteraction({ prompt: { reasons: ['consent_prompt', `impersonation_${why}`], details: {} } }), why)
  }
  t.equal(refusalOfInteraction({ prompt: { reasons: ['consent_prompt'], details: {} } }), null)
  t.end()
})
