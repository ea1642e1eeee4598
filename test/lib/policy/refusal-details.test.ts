import { test } from 'tap'
import type { OAuthResourceError } from '../../../lib/errors/errors.ts'
import { refuseActor } from '../../../lib/policy/actors.ts'
import { checkScopesAndStepUp } from '../../../lib/policy/authorization.ts'
import { refuseByDetails } from '../../../lib/policy/authorization-details.ts'
import { refuseByPolicy } from '../../../lib/policy/policy.ts'
import { refuseForeignTenant } from '../../../lib/policy/tenancy.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const sam = { issuer: 'https://login.example.com', subject: 'sam' }
const request = {} as never
const sufficiency = { scopeImplies: null, clockToleranceSeconds: 0, clock: createTestClock() }

test('the log of a refused request says what the policy of the route expected, and what came [A1]', async t => {
  const table: ReadonlyArray<readonly [unknown, object]> = [
    [
      checkScopesAndStepUp({ scopes: { alternatives: [['read', 'write'], ['admin']] }, stepUp: null }, accessTokenOf({ scopes: ['read', 'list'] }), sufficiency),
      { expected: 'scope "read write" or "admin"', received: 'scope "read list"' }
    ],
    [
      checkScopesAndStepUp({ scopes: null, stepUp: { acrValues: ['silver', 'gold'], maxAgeSeconds: 60 } }, accessTokenOf({ authenticationContext: 'bronze', authenticatedAt: 1 }), sufficiency),
      { expected: 'acr "silver" or "gold", auth_time at most 60 seconds ago', received: 'acr "bronze", auth_time 1' }
    ],
    [
      checkScopesAndStepUp({ scopes: null, stepUp: { acrValues: ['gold'], maxAgeSeconds: null } }, accessTokenOf({}), sufficiency),
      { expected: 'acr "gold"', received: 'acr nothing, auth_time nothing' }
    ],
    [
      checkScopesAndStepUp({ scopes: null, stepUp: { acrValues: [], maxAgeSeconds: 0 } }, accessTokenOf({ authenticatedAt: 1 }), sufficiency),
      { expected: 'auth_time at most 0 seconds ago', received: 'acr nothing, auth_time 1' }
    ],
    [refuseActor('none', { actor: sam }), { expected: 'no actor', received: 'the actor "sam" of "https://login.example.com"' }],
    [refuseActor('required', { actor: null }), { expected: 'an actor (act)', received: 'no actor' }],
    [refuseActor([sam], { actor: null }), { expected: 'one of the actors sam of https://login.example.com', received: 'no actor' }],
    [refuseActor([sam], { actor: { ...sam, subject: 'tom' } }), { expected: 'one of the actors sam of https://login.example.com', received: 'the actor "tom" of "https://login.example.com"' }],
    [refuseForeignTenant('organization', ['acme'], null, request, 100), { expected: 'a request about the organization of the token: ["acme"]', received: 'no function says which organization the request is about' }],
    [refuseForeignTenant('team', ['a'], () => null, request, 100), { expected: 'a request about the team of the token: ["a"]', received: 'the request is about no team' }],
    [refuseForeignTenant('team', ['a'], () => 'b', request, 100), { expected: 'a request about the team of the token: ["a"]', received: 'the request is about "b"' }],
    [
      refuseByDetails(() => false, { authorizationDetails: [{ type: 'payment' }] }, { resource: 'https://api.example.com', authorizationDetailsTypes: null, lookupTimeoutMs: 100 }, request),
      { expected: 'authorization details for this resource that the route accepts', received: 'details of the types ["payment"]' }
    ],
    [refuseByPolicy(() => 'yes' as never, accessTokenOf(), request, 100), { expected: 'the policy returns true', received: 'it returned "yes"' }],
    [refuseByPolicy(() => { throw new Error('down') }, accessTokenOf(), request, 100), { expected: 'an answer within 100 ms', received: '"down"' }]
  ]
  for (const [refusal, detail] of table) {
    const { expected, received } = (await refusal as OAuthResourceError).detail!
    t.same({ expected, received }, detail)
  }
})
