import { test } from 'tap'
import type { ActorRule } from '../../../lib/policy/actors.ts'
import { refuseActor } from '../../../lib/policy/actors.ts'

const gateway = { issuer: 'https://login.example.com', subject: 'gateway' }
const namesake = { issuer: 'https://other.example.com', subject: 'gateway' }
const robot = { issuer: 'https://login.example.com', subject: 'robot' }

// R8693-10: who may act × who acts.
const matrix: ReadonlyArray<readonly [string, ActorRule, string | null, string | null]> = [
  // rule, the reason when nobody acts, the reason when the gateway does
  ['any', 'any', null, null],
  ['none', 'none', null, 'actor_refused'],
  ['required', 'required', 'actor_missing', null],
  ['the gateway', [robot, gateway], 'actor_missing', null],
  ['somebody else', [robot], 'actor_missing', 'actor_refused'],
  ['R8693-04 the namesake of another issuer', [namesake], 'actor_missing', 'actor_refused']
]

for (const [title, rule, direct, delegated] of matrix) {
  test(`R8693-10 actors: ${title}`, t => {
    for (const [actor, reason] of [[null, direct], [gateway, delegated]] as const) {
      const verdict = refuseActor(rule, { actor })
      t.equal(verdict?.reason ?? null, reason)
      if (verdict !== null) t.match(verdict, { code: 'FST_OAUTH_ACTOR_REFUSED', statusCode: 403, oauthError: null })
    }
    t.end()
  })
}
