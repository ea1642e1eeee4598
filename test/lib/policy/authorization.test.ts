import { test } from 'tap'
import { checkPolicy } from '../../../lib/policy/authorization.ts'
import type { AuthorizationConfig } from '../../../lib/policy/authorization.ts'
import type { RouteOptions } from '../../../lib/policy/route-options.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'
import { policyOf } from '../../support/route-policy.ts'

const request = {} as never
const config: AuthorizationConfig = {
  resource: 'https://api.example.com',
  scopeImplies: null,
  clockToleranceSeconds: 0,
  clock: createTestClock(),
  authorizationDetailsTypes: null,
  organizationOf: null,
  teamOf: null,
  policy: null,
  lookupTimeoutMs: 20
}

/** Everything a route can ask for, in the order in which it is asked, and a token that has nothing of it. */
function createLadder (asked: string[], promised: boolean): { options: RouteOptions, config: AuthorizationConfig } {
  const record = <T>(name: string, answer: T): () => T => () => {
    asked.push(name)
    return (promised ? Promise.resolve(answer) : answer) as T
  }
  return {
    options: {
      scopes: ['write'],
      acr: ['gold'],
      actors: 'none',
      organization: record('organization', 'acme'),
      team: record('team', 'red'),
      authorizationDetails: record('authorizationDetails', true),
      policy: record('policy', true)
    },
    config: { ...config, policy: record('policy of the options', true) }
  }
}

const actor = { issuer: 'https://login.example.com', subject: 'gateway' }
/** Each step mends what the last one was refused for. */
const steps: ReadonlyArray<readonly [Partial<AccessToken>, string | null]> = [
  [{ organizations: ['globex'], teams: ['blue'], actor }, 'authentication_insufficient'],
  [{ authenticationContext: 'gold' }, 'scope_insufficient'],
  [{ scopes: ['write'] }, 'actor_refused'],
  [{ actor: null }, 'organization_foreign'],
  [{ organizations: ['acme'] }, 'team_foreign'],
  [{ teams: ['red'] }, 'authorization_details_missing'],
  [{ authorizationDetails: [{ type: 'payment' }] }, null]
]

for (const promised of [false, true]) {
  test(`the checks in their order, ${promised ? 'with promises' : 'without promises'}`, async t => {
    const asked: string[] = []
    const ladder = createLadder(asked, promised)
    const policy = policyOf(ladder.options)
    let accessToken = accessTokenOf()
    for (const [mends, reason] of steps) {
      asked.length = 0
      accessToken = { ...accessToken, ...mends }
      const verdict = checkPolicy({ policy, accessToken, config: ladder.config, request })
      t.equal(verdict instanceof Promise, promised && asked.length > 0)
      t.equal((await verdict)?.reason ?? null, reason)
    }
    t.strictSame(asked, ['organization', 'team', 'authorizationDetails', 'policy of the options', 'policy'])
  })
}

test('after a no nobody else is asked', async t => {
  for (const no of [() => false, async () => false]) {
    const policy = policyOf({ policy: () => { throw new Error('asked') } })
    const verdict = await checkPolicy({ policy, accessToken: accessTokenOf(), config: { ...config, policy: no }, request })
    t.equal(verdict?.reason, 'policy_refused')
  }
})

test('each of those who are asked may take as long as any, and no longer', async t => {
  const silent = (): Promise<never> => new Promise(() => {})
  const accessToken = accessTokenOf({ organizations: ['acme'], teams: ['red'], authorizationDetails: [{ type: 'payment' }] })
  const answering = { organization: () => 'acme', team: () => 'red' }
  for (const [options, reason] of [
    [{ ...answering, organization: silent }, 'organization_unavailable'], [{ ...answering, team: silent }, 'team_unavailable'],
    [{ ...answering, authorizationDetails: silent }, 'authorization_details_unavailable'], [{ ...answering, policy: silent }, 'policy_unavailable']
  ] as ReadonlyArray<[RouteOptions, string]>) {
    const verdict = await checkPolicy({ policy: policyOf(options), accessToken, config, request })
    t.match(verdict, { statusCode: 503, reason, cause: { message: 'no answer within 20 ms' } })
  }
  const verdict = await checkPolicy({ policy: policyOf(answering), accessToken, config: { ...config, policy: silent }, request })
  t.match(verdict, { statusCode: 503, reason: 'policy_unavailable' })
})

test('a rule without functions is judged without a promise', t => {
  for (const options of [undefined, {}, { scopes: [] }, { anyOfScopes: ['a'] }, { maxAgeSeconds: 5 }, { actors: 'required' }]) {
    t.notOk(checkPolicy({ policy: policyOf(options), accessToken: accessTokenOf(), config, request }) instanceof Promise)
  }
  t.end()
})

test('what the route says of the tenant goes before what the options say (S10, S11)', async t => {
  const everywhere = { ...config, organizationOf: () => 'acme', teamOf: async () => 'red' }
  const accessToken = accessTokenOf({ organizations: ['acme'], teams: ['red'] })
  for (const [options, expected] of [
    [undefined, null],
    [{ organization: () => 'globex' }, 'organization_foreign'],
    [{ team: () => 'blue' }, 'team_foreign'],
    [{ organization: () => null }, 'organization_missing'],
    [{ anyOrganization: true, anyTeam: true }, null]
  ] as const) {
    const policy = policyOf(options)
    t.equal((await checkPolicy({ policy, accessToken, config: everywhere, request }))?.reason ?? null, expected)
  }
  const nobodySays = checkPolicy({ policy: policyOf(), accessToken, config, request })
  t.equal((await nobodySays)?.reason, 'organization_missing')
  const team = accessTokenOf({ teams: ['red'] })
  t.equal((await checkPolicy({ policy: policyOf(), accessToken: team, config, request }))?.reason, 'team_missing')
})

test('what a route does not ask for is not checked, and an unbound token is asked for no tenant [S10 S11]', t => {
  const never = (): never => { throw new Error('asked') }
  const unbound = accessTokenOf({ organizations: null, teams: null, authorizationDetails: [{ type: 'x' }] })
  t.equal(checkPolicy({ policy: policyOf(), accessToken: unbound, config, request }), null)
  t.equal(checkPolicy({ policy: policyOf({ organization: never, team: never }), accessToken: unbound, config, request }), null)
  t.equal(checkPolicy({ policy: policyOf(), accessToken: unbound, config: { ...config, organizationOf: never, teamOf: never }, request }), null)
  t.end()
})
