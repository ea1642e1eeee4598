import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import { firstPartyClient } from '../../examples/server/clients.ts'
import { createTestClock } from '../support/clock.ts'
import type { ExampleClient } from '../support/example-client.ts'
import {
  callTool, clientOf, impersonate, registerClient, setApproval, signInAsCustomer, signInAsStaff
} from '../support/example-client.ts'
import type { StartedExample } from '../support/example-server.ts'
import { startExample } from '../support/example-server.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** How many records of a kind the authorization server keeps. */
async function count ({ database }: StartedExample, model: string): Promise<number> {
  const { rows: [row] } = await database.query<{ count: number }>('select count(*)::int as count from oidc_records where model = $1', [model])
  return row!.count
}

/** A member of staff who acts for a customer, in a browser. */
async function startImpersonating (
  example: StartedExample, { staff = 'sam', customer = 'ada', mode = 'read-write' as 'read-write' | 'read-only' } = {}
): Promise<UserAgent> {
  const agent = createUserAgent()
  await signInAsStaff(agent, example, staff)
  await impersonate(agent, example, customer, mode)
  return agent
}

/** The customer's side says yes for every organization. */
async function optIn (example: StartedExample): Promise<UserAgent> {
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  await setApproval(customer, example, 'royal-institution', 'on')
  return customer
}

/** From the browser to a token. */
async function connect (agent: UserAgent, client: ExampleClient, more: Record<string, string> = {}): Promise<string> {
  const request = client.request(more)
  const { status, body } = await client.exchange(request, await agent.authorize(request.url))
  if (status !== 200) throw new Error(`${status} ${body.error}`)
  return body.access_token!
}

test('G12 the short-cut of a first-party client: refused on the way in, and no code is stored', async t => {
  const example = await startExample(t)
  const client = clientOf(example.issuer, firstPartyClient.client_id, example.mcpUrl, 'http://127.0.0.1:40123/callback')
  const staff = await startImpersonating(example)

  const refused = await staff.open(client.request().url)
  t.equal(refused.status, 403)
  t.match(refused.text, 'This client was not connected')
  t.notMatch(refused.text, /Royal Institution|Analytical Society/, 'G21 no organization is named')
  t.equal(await count(example, 'AuthorizationCode'), 0)
  t.equal(await count(example, 'Grant'), 0)

  await optIn(example)
  const allowed = await staff.open(client.request().url)
  t.type(allowed.url.searchParams.get('code'), 'string', 'and without a question where it may')
  t.equal(await count(example, 'AuthorizationCode'), 1)
})

test('G12 the customer uses the short-cut as before', async t => {
  const example = await startExample(t)
  const client = clientOf(example.issuer, firstPartyClient.client_id, example.mcpUrl, 'http://127.0.0.1:40123/callback')
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  t.type((await customer.open(client.request().url)).url.searchParams.get('code'), 'string')
})

test('G13, G20 consent by an impersonator: 403, no code, and the client is told with its state', async t => {
  const example = await startExample(t)
  const { issuer } = example
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const consent = await staff.open(request.url)
  t.match(consent.text, 'You are acting as Ada Lovelace')

  const refused = await staff.submit(consent, /consent$/, { decision: 'allow' })
  t.equal(refused.status, 403)
  t.match(refused.text, 'This client was not connected')
  t.notMatch(refused.text, /Royal Institution|Analytical Society/)
  t.equal(await count(example, 'AuthorizationCode'), 0)
  t.equal(await count(example, 'Grant'), 0)

  const back = await staff.submit(refused, /leave$/)
  t.equal(`${back.url.origin}${back.url.pathname}`, request.redirectUri)
  t.match(Object.fromEntries(back.url.searchParams), { error: 'access_denied', state: request.state, iss: issuer })
  t.notOk(back.url.searchParams.has('code'))
})

test('G13 a denial by an impersonator goes through without anybody being asked', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const callback = await staff.authorize(request.url, { decision: 'deny' })
  t.match(Object.fromEntries(callback.searchParams), { error: 'access_denied', state: request.state })
  const { rows } = await example.database.query('select 1 from decisions')
  t.equal(rows.length, 0)
})

test('G20 programs get JSON, and a redirect URI that is not the client\'s gets nothing sent to it', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const consent = await staff.open(client.request().url)
  const json = await staff.post(consent, /consent$/, { decision: 'allow' }, { accept: 'application/json' })
  t.equal(json.status, 403)
  t.match(await json.json(), { error: 'access_denied' })

  const foreign = await staff.open(client.request({ redirect_uri: 'https://evil.example/callback' }).url)
  t.equal(foreign.status, 400)
  t.equal(foreign.url.origin, example.issuer)
})

test('G5 a grant that reaches approved organizations alone is made, and sees nothing else', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  await example.database.query("insert into projects (owner, organization, name) values ('ada', 'royal-institution', 'Lecture notes')")

  for (const choice of [{ organizations: ['analytical-society'] }, { teams: ['engines', 'tables'] }]) {
    const staff = await startImpersonating(example)
    const request = client.request()
    const { status, body } = await client.exchange(request, await staff.authorize(request.url, choice))
    t.equal(status, 200)
    const { text } = await callTool(example, body.access_token!)
    t.match(text, 'Analytical Engine')
    t.notMatch(text, 'Lecture notes')
  }
  const staff = await startImpersonating(example)
  await t.rejects(staff.authorize(client.request().url, { teams: ['engines', 'lectures'] }), { message: /^403 / },
    'G9 teams that span an organization without approval')
  await t.rejects(staff.authorize(client.request().url, { organizations: ['analytical-society', 'royal-institution'] }), { message: /^403 / }, 'G8')
})

test('G10 what is not the customer\'s cannot be chosen', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  for (const choice of [{ organizations: ['navy-yard'] }, { organizations: ['nowhere'] }, { teams: ['compilers'] }]) {
    await t.rejects(staff.authorize(client.request().url, choice), { message: /^400 / })
  }
  const consent = await staff.open(client.request().url)
  t.equal((await staff.submit(consent, /consent$/, { decision: 'allow', level: 'organization' })).status, 400, 'nor can nothing')
  t.equal(await count(example, 'Grant'), 0)
})

test('G16 an approval that is withdrawn between code and exchange: refused, and the code is burned', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const callback = await staff.authorize(request.url)
  t.type(callback.searchParams.get('code'), 'string')

  await setApproval(customer, example, 'royal-institution', 'off')
  t.match(await client.exchange(request, callback), { status: 400, body: { error: 'invalid_grant', access_token: undefined } })

  await setApproval(customer, example, 'royal-institution', 'on')
  t.match(await client.exchange(request, callback), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await count(example, 'AccessToken'), 0)
})

test('G24, G26 the token of an impersonated grant: no refresh token, the idle timeout, and the mark', async t => {
  const example = await startExample(t, { limits: { idleSeconds: 300, totalSeconds: 3600 } })
  const client = await registerClient(example)
  await optIn(example)
  for (const mode of ['read-only', 'read-write'] as const) {
    const staff = await startImpersonating(example, { mode })
    const request = client.request({ scope: 'openid offline_access projects:read projects:write' })
    const { status, body } = await client.exchange(request, await staff.authorize(request.url))
    t.equal(status, 200)
    t.equal(body.refresh_token, undefined)
    t.equal(body.expires_in, 300)
    const claims = decodeJwt(body.access_token!)
    t.equal(claims.exp! - claims.iat!, 300)
    t.match(claims, { sub: 'ada', act: { sub: 'sam' } })
    t.type(claims.impersonation, 'string')
    t.equal(/projects:write/.test(body.scope!), mode === 'read-write', `${mode} has the scopes of it`)
  }
  t.equal(await count(example, 'RefreshToken'), 0)

  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  const request = client.request()
  const { body } = await client.exchange(request, await customer.authorize(request.url))
  t.type(body.refresh_token, 'string')
  const claims = decodeJwt(body.access_token!)
  t.notOk('act' in claims)
  t.notOk('impersonation' in claims)
  t.equal(await count(example, 'RefreshToken'), 1)
})

test('G25 a token never outlives the session it was made in', async t => {
  const sessionClock = createTestClock()
  const example = await startExample(t, { limits: { idleSeconds: 600, totalSeconds: 1000 }, sessionClock })
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  for (const [seconds, expected] of [[300, 600], [300, 400], [390, 10]] as const) {
    sessionClock.advance(seconds * 1000)
    await staff.open(example.issuer)
    const request = client.request()
    const { body } = await client.exchange(request, await staff.authorize(request.url))
    t.equal(body.expires_in, expected)
  }
})
