import { test } from 'tap'
import type { ActorRule } from '../../../lib/policy/actors.ts'
import { actorChain, refuseActor } from '../../../lib/policy/actors.ts'

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
  test(`actors: ${title} (R8693-10)`, t => {
    for (const [actor, reason] of [[null, direct], [gateway, delegated]] as const) {
      const verdict = refuseActor(rule, { actor })
      t.equal(verdict?.reason ?? null, reason)
      if (verdict !== null) t.match(verdict, { code: 'FST_OAUTH_ACTOR_REFUSED', statusCode: 403, oauthError: null })
    }
    t.end()
  })
}

const chainIssuer = 'https://login.example.com'
const otherIssuer = 'https://other.example.com'

const chains: ReadonlyArray<readonly [string, Record<string, unknown>, ReadonlyArray<readonly [string, string]>]> = [
  ['nobody', {}, []],
  ['may_act is no act', { may_act: { sub: 'a' } }, []],
  ['one', { act: { sub: 'a' } }, [[chainIssuer, 'a']]],
  ['several, the current one first', { act: { sub: 'c', act: { sub: 'b', iss: otherIssuer, act: { sub: 'a' } } } },
    [[chainIssuer, 'c'], [otherIssuer, 'b'], [chainIssuer, 'a']]],
  ['only identity counts', { act: { sub: 'a', exp: 0, aud: 'x', act: { sub: 'b', exp: 0 } } }, [[chainIssuer, 'a'], [chainIssuer, 'b']]],
  ['one without a subject is left out', { act: { sub: 'b', act: { client_id: 'x', act: { sub: 'a' } } } }, [[chainIssuer, 'b'], [chainIssuer, 'a']]],
  ['one of an issuer that is none, too', { act: { sub: 'b', act: { sub: 'x', iss: 5 } } }, [[chainIssuer, 'b']]],
  ['nothing is no subject', { act: { sub: 'b', act: { sub: '' } } }, [[chainIssuer, 'b']]],
  ['null ends it', { act: { sub: 'a', act: null } }, [[chainIssuer, 'a']]],
  ['text is no actor', { act: 'a' }, []]
]

for (const [title, claims, expected] of chains) {
  test(`actor chain: ${title} (F58)`, t => {
    t.strictSame(actorChain({ issuer: chainIssuer, claims }), expected.map(([iss, subject]) => ({ issuer: iss, subject })))
    t.end()
  })
}
