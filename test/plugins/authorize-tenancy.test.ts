import { test } from 'tap'
import type { FastifyRequest } from 'fastify'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import type { Answer, TestServer } from '../support/server.ts'
import { accepted, answerOf, createTestServer, unavailable } from '../support/server.ts'

interface Params { organization?: string, team?: string }

const refused: Answer = { status: 403, error: undefined, pointer: false }
const organizationOf = (request: FastifyRequest): string | undefined => (request.params as Params).organization
const teamOf = async (request: FastifyRequest): Promise<string | undefined> => (request.params as Params).team
const rule = { claims: { organizations: 'orgs', teams: 'teams' } }

/** An API whose tenants stand in its URLs, and a few routes that have none. */
async function createTenantServer (
  t: Parameters<typeof createTestServer>[0], options: Partial<OAuthResourceServerOptions> = { organizationOf, teamOf }
): Promise<TestServer> {
  const server = await createTestServer(t, { options, rule })
  const handler = async (): Promise<string> => 'data'
  server.app.get('/organizations/:organization', handler)
  server.app.get('/organizations/:organization/teams/:team', handler)
  server.app.get('/none', handler)
  server.app.get('/any', { config: { oauth: { anyOrganization: true, anyTeam: true } } }, handler)
  server.app.get('/any/organization', { config: { oauth: { anyOrganization: true } } }, handler)
  server.app.get('/maybe', { config: { oauth: { token: 'optional', anyOrganization: true } } }, handler)
  server.app.get('/own', {
    config: {
      oauth: {
        organization: request => (request.query as Params).organization,
        team: request => (request.query as Params).team ?? null
      }
    }
  }, handler)
  return server
}

type Claims = Record<string, unknown>
const cases: ReadonlyArray<readonly [string, Claims, string, Answer]> = [
  ['S10 team-bound, its team', { teams: ['red'] }, '/organizations/acme/teams/red', accepted],
  ['S10 H28 team-bound, another team', { teams: ['red'] }, '/organizations/acme/teams/blue', refused],
  ['S10 H28 team-bound, no team', { teams: ['red'] }, '/organizations/acme', refused],
  ['S10 team-bound, no team, and the route opts in', { teams: 'red' }, '/any', accepted],
  ['S10 team-bound, and the route opts in for organizations alone', { teams: 'red' }, '/any/organization', refused],
  ['S11 organization-bound, its organization', { orgs: ['globex', 'acme'] }, '/organizations/acme', accepted],
  ['S11 H28 organization-bound, another one', { orgs: 'globex' }, '/organizations/acme', refused],
  ['S11 H28 organization-bound, none', { orgs: 'globex' }, '/none', refused],
  ['S11 organization-bound, none, and the route opts in', { orgs: 'globex' }, '/any/organization', accepted],
  ['S11 organization-bound, on a route for everybody', { orgs: 'globex' }, '/optional', refused],
  ['S11 organization-bound, on a route for everybody that opts in', { orgs: 'globex' }, '/maybe', accepted],
  ['S11 organization-bound, on a route without any rule', { orgs: 'globex' }, '/open', accepted],
  ['bound to both, both', { orgs: 'acme', teams: 'red' }, '/organizations/acme/teams/red', accepted],
  ['bound to both, half', { orgs: 'acme', teams: 'red' }, '/organizations/acme/teams/blue', refused],
  ['bound to both, the other half', { orgs: 'acme', teams: 'red' }, '/organizations/globex/teams/red', refused],
  ['unbound, anywhere', {}, '/organizations/acme/teams/blue', accepted],
  ['unbound, nowhere', {}, '/none', accepted],
  ['the route says itself', { orgs: 'acme', teams: 'red' }, '/own?organization=acme&team=red', accepted],
  ['the route says itself, another one', { orgs: 'acme', teams: 'red' }, '/own?organization=acme&team=blue', refused],
  ['the route says itself, none', { orgs: 'acme' }, '/own', refused],
  ['a query given twice is no organization', { orgs: 'acme' }, '/own?organization=acme&organization=globex', refused]
]

for (const [title, claims, url, expected] of cases) {
  test(title, async t => {
    const { get, issuer } = await createTenantServer(t)
    const response = await get(await issuer.token(claims), { url })
    t.strictSame(answerOf(response), expected)
    t.equal(response.headers['www-authenticate'], undefined)
    if (expected === refused) t.equal(response.json<{ code: string }>().code, 'FST_OAUTH_TENANT_REFUSED')
  })
}

test('a bound token is refused where nobody ever says whose a route is (S10, S11)', async t => {
  const { get, issuer } = await createTenantServer(t, {})
  for (const claims of [{ orgs: 'acme' }, { teams: 'red' }]) {
    t.strictSame(answerOf(await get(await issuer.token(claims), { url: '/organizations/acme/teams/red' })), refused)
  }
  t.strictSame(answerOf(await get(await issuer.token(), { url: '/organizations/acme/teams/red' })), accepted)
})

test('whose a route is could not be found out: 503, and nothing is asked about a token that is not bound', async t => {
  const asked: string[] = []
  const fail = async (): Promise<string> => {
    asked.push('once')
    throw new Error('the directory is gone')
  }
  const { get, issuer } = await createTenantServer(t, { organizationOf: fail, teamOf: fail })
  t.strictSame(answerOf(await get(await issuer.token(), { url: '/none' })), accepted)
  t.strictSame(asked, [])
  for (const claims of [{ orgs: 'acme' }, { teams: 'red' }]) {
    const response = await get(await issuer.token(claims), { url: '/none' })
    t.strictSame(answerOf(response), unavailable)
    t.equal(response.headers['retry-after'], '5')
  }
})
