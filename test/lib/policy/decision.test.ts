import { test } from 'tap'
import { forbidden } from '../../../lib/policy/decision.ts'

test('a refusal is a row of the table with a reason, and costs no stack trace', t => {
  const refusal = forbidden('FST_OAUTH_POLICY_REFUSED', 'policy_refused')
  t.match(refusal, { code: 'FST_OAUTH_POLICY_REFUSED', statusCode: 403, oauthError: null, reason: 'policy_refused' })
  t.notMatch(refusal.stack, /\bat /)
  t.end()
})
