import { decodeJwt } from 'jose'
import { test } from 'tap'
import { desktopClient, firstPartyClient } from '../../examples/demo/clients.ts'
import {
  callTool, clientOf, connect, count, decisionsOf, impersonate, optIn, registerClient, setApproval, signInAsCustomer, signInAsStaff, startImpersonating
} from '../support/example-client.ts'
import { startExample } from '../support/example-server.ts'
import { createUserAgent } from '../support/user-agent.ts'

test('the short-cut of a first-party client: refused on the way in, and no code is stored (G12)', async t => {
  const example = await startExample(t)
  const client = clientOf(example.issuer, firstPartyClient.client_id, example.mcpUrl, firstPartyClient.redirect_uris[0])
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

test('RFC 8252 8.6: a first-party client on a loopback address is asked about like any other, as any program can listen there [D11]', async t => {
  const example = await startExample(t)
  const client = clientOf(example.issuer, desktopClient.client_id, example.mcpUrl, 'http://127.0.0.1:40123/callback')
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  t.match((await customer.open(client.request().url)).text, 'Allow access?')
})

test('the customer uses the short-cut as before (G12)', async t => {
  const example = await startExample(t)
  const client = clientOf(example.issuer, firstPartyClient.client_id, example.mcpUrl, firstPartyClient.redirect_uris[0])
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  t.type((await customer.open(client.request().url)).url.searchParams.get('code'), 'string')
})

test('consent by an impersonator: 403, no code, and the client is told with its state (G13, G20)', async t => {
  const example = await startExample(t)
  const { issuer } = example
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const consent = await staff.open(request.url)
  t.match(consent.text, 'You are acting as Ada Lovelace')

  const refused = await staff.submit(consent, /consent$/, { decision: 'allow', level: 'all' })
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

test('a denial by an impersonator goes through without anybody being asked (G13)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const callback = await staff.authorize(request.url, { decision: 'deny' })
  t.match(Object.fromEntries(callback.searchParams), { error: 'access_denied', state: request.state })
  const { rows } = await example.database.query('select 1 from decisions')
  t.equal(rows.length, 0)
})

test('programs get JSON, and a redirect URI that is not the client\'s gets nothing sent to it (G20)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  const consent = await staff.open(client.request().url)
  const json = await staff.post(consent, /consent$/, { decision: 'allow', level: 'all' }, { accept: 'application/json' })
  t.equal(json.status, 403)
  t.match(await json.json(), { error: 'access_denied' })

  const foreign = await staff.open(client.request({ redirect_uri: 'https://evil.example/callback' }).url)
  t.equal(foreign.status, 400)
  t.equal(foreign.url.origin, example.issuer)
})

test('a grant that reaches approved organizations alone is made, and sees nothing else (G5)', async t => {
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

test('an answer that does not say what may be reached, or says two things, grants nothing and is asked for again (G5)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  for (const agent of [await optIn(example), await startImpersonating(example)]) {
    const consent = await agent.open(client.request().url)
    t.notMatch(consent.text, / checked/, 'nothing is chosen beforehand')
    for (const answer of [
      {},
      { organization: ['analytical-society'] },
      { level: 'everything' },
      { level: 'all', organization: ['analytical-society'] },
      { level: 'all', team: ['engines'] },
      { level: 'organization', organization: ['analytical-society'], team: ['lectures'] },
      { level: 'team', team: ['engines'], organization: ['royal-institution'] }
    ]) {
      const again = await agent.submit(consent, /consent$/, { decision: 'allow', ...answer })
      t.equal(again.status, 400, JSON.stringify(answer))
      t.match(again.text, /Allow access\?[\s\S]*role="alert"/)
      for (const id of [answer.organization ?? [], answer.team ?? []].flat()) t.match(again.text, `value="${id}" checked`, 'what was ticked stays')
    }
    t.equal(await count(example, 'Grant'), 0)
    const answered = await agent.submit(await agent.submit(consent, /consent$/, { decision: 'allow' }), /consent$/, { decision: 'allow', level: 'organization', organization: 'analytical-society' })
    t.type(answered.url.searchParams.get('code'), 'string', 'the page that asks again takes the answer')
    await example.database.query("delete from oidc_records where model = 'Grant'")
  }
})

test('what is not the customer\'s cannot be chosen (G10)', async t => {
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

test('an approval that is withdrawn between code and exchange: refused, and the code is burned (G16)', async t => {
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

test('the token of an impersonated grant: no refresh token, the idle timeout, and the mark (G24, G26)', async t => {
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
    t.match(claims.impersonation, { read_only: mode === 'read-only', session: String })
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

test('an impersonator has no ID token, which would say that the customer has signed in, nor what it comes with (G24, G26)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const userinfo = async (token: string): Promise<number> =>
    (await fetch(`${example.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  const scope = 'openid projects:read'
  for (const mode of ['read-only', 'read-write'] as const) {
    const staff = await startImpersonating(example, { mode })
    const request = client.request({ scope })
    const { status, body } = await client.exchange(request, await staff.authorize(request.url))
    t.equal(status, 200)
    t.equal(body.id_token, undefined, mode)
    t.equal(body.scope, 'projects:read')
    t.not(await userinfo(body.access_token!), 200)
    const alone = await staff.authorize(client.request({ scope: 'openid' }).url)
    t.match(Object.fromEntries(alone.searchParams), { error: 'access_denied' }, 'who wants nothing else gets nothing')
  }
  const request = client.request({ scope })
  const { body } = await client.exchange(request, await customer.authorize(request.url))
  t.equal(decodeJwt(body.id_token!).sub, 'ada')
})

test('a token never outlives the session it was made in (G25)', async t => {
  const example = await startExample(t, { limits: { idleSeconds: 600, totalSeconds: 300 } })
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const { body } = await client.exchange(request, await staff.authorize(request.url))
  t.ok(body.expires_in! <= 300, `${body.expires_in} s of what remains`)
  t.ok(body.expires_in! > 200)
  const { rows: [session] } = await example.database.query<{ ends: number }>('select extract(epoch from ends_at)::float8 as ends from impersonations')
  t.ok(decodeJwt(body.access_token!).exp! <= session!.ends)
})

test('an approval that is withdrawn: the next call is refused, the customer\'s own goes on; given again, old tokens stay dead (G17, G18)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const own = await connect(customer, client)
  const staff = await startImpersonating(example)
  const token = await connect(staff, client)
  t.match(await callTool(example, token), { status: 200, text: 'Analytical Engine' })

  await setApproval(customer, example, 'royal-institution', 'off')
  const refused = await callTool(example, token)
  t.equal(refused.status, 403)
  t.notMatch(refused.text, /royal-institution|Royal Institution/, 'G21')
  t.equal((await callTool(example, own)).status, 200)

  await setApproval(customer, example, 'royal-institution', 'on')
  t.equal((await callTool(example, token)).status, 403)
  t.equal((await callTool(example, await connect(staff, client))).status, 200)
})

test('what was granted before is granted again without a question only as far as it may be now (G14)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const staff = await startImpersonating(example)
  await staff.authorize(client.request().url)
  const shown = staff.pages.length
  t.type((await staff.authorize(client.request().url)).searchParams.get('code'), 'string')
  t.equal(staff.pages.length, shown, 'nobody is asked')

  await setApproval(customer, example, 'royal-institution', 'off')
  const codes = await count(example, 'AuthorizationCode')
  const request = client.request()
  const refused = await staff.open(request.url)
  t.equal(refused.status, 403)
  t.match(refused.text, 'This client was not connected')
  t.equal(await count(example, 'AuthorizationCode'), codes)
  const silent = await staff.open(client.request({ prompt: 'none' }).url)
  t.match(Object.fromEntries(silent.url.searchParams), { error: 'access_denied', iss: example.issuer }, 'and a client that asks for no question is told at once')

  const back = await staff.submit(refused, /leave$/)
  t.match(Object.fromEntries(back.url.searchParams), { error: 'access_denied', state: request.state })
  const less = await staff.open(`${(await staff.open(client.request().url)).url.href}?choose`)
  const narrower = await staff.submit(less, /consent$/, { decision: 'allow', level: 'organization', organization: ['analytical-society'] })
  t.type(narrower.url.searchParams.get('code'), 'string', 'less can be asked for')
})

test('what could not be found out is not said to have been refused, and may be asked again (G14, G6)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  await staff.authorize(client.request().url)
  await example.database.query('alter table oauth_directory.organizations rename to away')
  const silent = await staff.open(client.request({ prompt: 'none' }).url)
  t.match(Object.fromEntries(silent.url.searchParams), { error: 'temporarily_unavailable' })
  const refused = await staff.open(client.request().url)
  await example.database.query('alter table oauth_directory.away rename to organizations')
  t.equal(refused.status, 503, 'and a page says so')
  t.match(refused.text, /could not be checked[\s\S]*a little later/)
  const told = await staff.submit(refused, /leave/)
  t.match(Object.fromEntries(told.url.searchParams), { error: 'temporarily_unavailable' }, 'as does the error of the client')
  t.notMatch(refused.text, /has not allowed|turn AI processing on/)
  t.type((await staff.authorize(client.request().url)).searchParams.get('code'), 'string')
})

test('what was granted as far as one organization is not granted as far as all of them without a question (G14)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const reading = 'projects:read'
  const writing = 'projects:read projects:write'
  for (const agent of [await optIn(example), await startImpersonating(example)]) {
    await connect(agent, client, { scope: writing }, { organizations: ['analytical-society'] })

    const asked = await agent.open(client.request({ prompt: 'consent', scope: reading }).url)
    t.match(asked.text, 'Allow access?')
    t.notMatch(asked.text, 'Create projects', 'the page does not speak of it')
    const request = client.request({ prompt: 'consent', scope: reading })
    const { body } = await client.exchange(request, await agent.authorize(request.url))
    t.equal(body.scope, reading)
    const more = client.request({ scope: writing })
    t.match((await agent.open(more.url)).text, /Allow access\?[\s\S]*Create projects/, 'to write is asked about again')
    const silent = await agent.open(client.request({ scope: writing, prompt: 'none' }).url)
    t.match(Object.fromEntries(silent.url.searchParams), { error: /^(consent|interaction)_required$/ }, 'and is not had without a question')
    const token = await connect(agent, client, { scope: writing })
    t.same(decodeJwt(token).scope, writing)
    t.notOk('access' in decodeJwt(token))
  }
})

test('what a read-only session may not have stays rejected in a grant that reaches something else (G14)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example, { mode: 'read-only' })
  const scope = 'projects:read projects:write'
  await connect(staff, client, { scope }, { organizations: ['analytical-society'] })
  const shown = staff.pages.length
  const token = await connect(staff, client, { scope, prompt: 'consent' })
  t.equal(staff.pages.length, shown + 1, 'it is asked about once')
  t.equal(decodeJwt(token).scope, 'projects:read')
  await connect(staff, client, { scope })
  t.equal(staff.pages.length, shown + 1)
})

test('the grant of a customer is not used for staff, nor the other way round (G15)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const agent = await optIn(example)
  await agent.authorize(client.request().url)
  await signInAsStaff(agent, example)
  await impersonate(agent, example)
  const asked = await agent.open(client.request().url)
  t.match(asked.text, 'Allow access?', 'in the same browser')
  await agent.submit(asked, /consent$/, { decision: 'allow', level: 'all' })
  await signInAsCustomer(agent, example)
  t.match((await agent.open(client.request().url)).text, 'Allow access?')
})

test('what staff do by a token in a customer\'s place is written down each time, and what customers do is not (S17, G22)', async t => {
  const example = await startExample(t)
  const { origin } = example
  const customer = await optIn(example)
  const staff = await startImpersonating(example)
  const client = await registerClient(example)
  const scope = 'projects:read projects:write'
  const [token, own] = [await connect(staff, client, { scope }), await connect(customer, client, { scope })]
  const before = (await decisionsOf(staff, example)).length
  t.match(await callTool(example, token, 'create_project', { name: 'Notes' }), { status: 200, text: 'Notes' })
  t.match(await callTool(example, own, 'create_project', { name: 'Letters' }), { status: 200, text: 'Letters' })
  t.match((await decisionsOf(staff, example)).slice(before), [
    { allowed: true, reason: 'approved', staff: 'sam', customer: 'ada', client: client.clientId, step: 'use', route: 'POST /mcp' }
  ])

  const reports = await registerClient(example, `${origin}/reports`)
  const api = await registerClient(example, `${origin}/api`)
  for (const [path, one] of [['/reports', reports], ['/api/projects', api]] as const) {
    const bearer = await connect(staff, one)
    const told = (await decisionsOf(staff, example)).length
    t.equal((await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${bearer}` } })).status, 200)
    t.match((await decisionsOf(staff, example)).slice(told), [{ allowed: true, staff: 'sam', customer: 'ada', step: 'use', route: `GET ${path}` }])
  }
})

test('what is not used again because it is somebody else\'s is in the log (G22)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const agent = await optIn(example)
  await agent.authorize(client.request().url)
  await signInAsStaff(agent, example)
  await impersonate(agent, example)
  // In the browser of the customer, whose session of the provider still knew the grant.
  const { rows: [grant] } = await example.database.query<{ id: string }>('select id from grants')
  await agent.authorize(client.request().url)
  await example.database.query(`
    update oidc_records set payload = jsonb_set(payload, array['authorizations', $1, 'grantId'], to_jsonb($2::text))
    where model = 'Session' and payload -> 'authorizations' ? $1`, [client.clientId, grant!.id])
  t.match((await agent.open(client.request().url)).text, 'Allow access?')
  t.match((await decisionsOf(agent, example)).at(-1), {
    allowed: false, reason: 'grant_foreign', staff: 'sam', customer: 'ada', client: client.clientId, step: 'automatic-approval'
  })
})

test('an exchange for which no second is left is refused, and the log says so (G22, G25)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const callback = await staff.authorize(request.url)
  await example.database.query(`
    update oidc_records set payload = jsonb_set(payload, '{rar,0,record,endsAt}', to_jsonb($1::float8)) where model = 'Grant'`, [Date.now() + 900])
  t.match(await client.exchange(request, callback), { status: 400, body: { error: 'invalid_grant' } })
  t.match((await decisionsOf(staff, example)).at(-1), { allowed: false, reason: 'impersonation_ended', staff: 'sam', customer: 'ada', step: 'exchange' })
  t.equal(await count(example, 'Grant'), 0)
})

test('introspection says of an impersonated token that it is one, and who acts (S14)', async t => {
  const example = await startExample(t)
  const { issuer, origin, introspectionSecret } = example
  const client = await registerClient(example, `${origin}/reports`)
  const customer = await optIn(example)
  const staff = await startImpersonating(example)
  const token = await connect(staff, client)
  const introspect = async (one: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${issuer}/token/introspection`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`resource-server:${introspectionSecret}`).toString('base64')}` },
      body: new URLSearchParams({ token: one })
    })
    return await response.json() as Record<string, unknown>
  }
  t.match(token, /^[\w-]{43}$/, 'an opaque one')
  t.match(await introspect(token), {
    active: true, sub: 'ada', act: { sub: 'sam' }, impersonation: { read_only: false, session: String, granted_at: Number }
  })
  const own = await introspect(await connect(customer, client))
  t.match(own, { active: true, sub: 'ada' })
  t.notOk('act' in own)
  t.notOk('impersonation' in own)

  const report = async (): Promise<number> => (await fetch(`${origin}/reports`, { headers: { authorization: `Bearer ${token}` } })).status
  t.equal(await report(), 200)
  await setApproval(customer, example, 'royal-institution', 'off')
  t.equal(await report(), 403, 'and it is judged on use like any other')
  await staff.submit(await staff.open(issuer), '/impersonation/end')
  t.same(await introspect(token), { active: false })
  t.equal(await report(), 401)
})

test('what a client sends along does not say who somebody is, nor what is reached (G33)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const claims = { impersonation: 'false', access: 'organization', organization: 'analytical-society', act: '{}', staff: '', customer: 'grace' }
  const staff = await startImpersonating(example)
  await t.rejects(staff.authorize(client.request(claims).url), { message: /^403 / })

  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  const request = client.request({ impersonation: '{"session":"x"}', act: '{"sub":"sam"}' })
  const { body } = await client.exchange(request, await customer.authorize(request.url))
  t.notOk('act' in decodeJwt(body.access_token!))
})

test('a read-only impersonation reads: more scope is not had by asking again, and nothing is revoked', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  await connect(customer, client)
  const staff = await startImpersonating(example, { mode: 'read-only' })
  const scope = 'projects:read projects:write'
  const token = await connect(staff, client, { scope })
  t.equal((await callTool(example, token, 'create_project', { name: 'Notes' })).status, 403)
  t.equal((await callTool(example, await connect(staff, client, { scope }), 'create_project', { name: 'Notes' })).status, 403)
  const page = await staff.open(`${example.issuer}/clients`)
  t.notMatch(page.text, /\/revoke/)
  const { rows: [own] } = await example.database.query<{ id: string }>('select id from grants where staff is null')
  const forged = { ...page, text: page.text.replaceAll('/sign-out', `/clients/${own!.id}/revoke`) }
  t.equal((await staff.submit(forged, /revoke$/)).status, 403)
})

test('the consent page lists what is granted, and the token has exactly these scopes [E8]', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const words: Readonly<Record<string, string>> = { 'projects:read': 'See projects', 'projects:write': 'Create projects, and see them', openid: 'Know who you are' }
  const listed = (text: string, list: 'granted' | 'withheld'): string[] =>
    [...text.matchAll(new RegExp(`<ul class="${list}">(.*?)</ul>`, 'gs'))].flatMap(([, items]) => [...items!.matchAll(/<li>(.*?)<\/li>/g)].map(([, item]) => item!))
  for (const [agent, granted, withheld, lifetime] of [
    [customer, ['projects:read', 'projects:write', 'openid'], [], 'The client can renew its access for 24 hours, unless you revoke it.'],
    [await startImpersonating(example, { mode: 'read-only' }), ['projects:read'], ['projects:write', 'openid'], 'The access ends after 10 minutes, and with your impersonation'],
    [await startImpersonating(example, { staff: 'kim' }), ['projects:read', 'projects:write'], ['openid'], 'The client cannot renew it.']
  ] as const) {
    const request = client.request({ scope: 'openid projects:read projects:write', prompt: 'consent' })
    const page = await agent.open(request.url)
    t.same(listed(page.text, 'granted'), granted.map(scope => words[scope]))
    t.same(listed(page.text, 'withheld'), withheld.map(scope => words[scope]))
    t.match(page.text, lifetime)
    const { body } = await client.exchange(request, (await agent.submit(page, /consent$/, { decision: 'allow', level: 'all' })).url)
    t.same(body.scope?.split(' ').sort(), granted.filter(scope => scope !== 'openid'))
    t.equal(body.id_token !== undefined, granted.some(scope => scope === 'openid'))
    t.equal(body.refresh_token !== undefined, agent === customer)
    if (agent !== customer) t.equal(body.expires_in, 600)
  }
})

test('a request that an impersonation can grant nothing of is only denied', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example, { mode: 'read-only' })
  const page = await staff.open(client.request({ scope: 'projects:write' }).url)
  t.match(page.text, 'asks only for what this impersonation cannot grant')
  t.notMatch(page.text, 'value="allow"')
  const denied = await staff.submit(page, /consent$/, { decision: 'deny' })
  t.match(Object.fromEntries(denied.url.searchParams), { error: 'access_denied' })
})

test('a consent is one entry of the log, and so is the use of the grant without a question [E8] (G22)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  const steps = async (): Promise<Array<string | null>> => (await decisionsOf(staff, example)).map(({ step }) => step)
  await staff.authorize(client.request().url)
  t.same(await steps(), ['consent'])
  await staff.authorize(client.request().url)
  t.same(await steps(), ['consent', 'automatic-approval'])
})

test('a refusal that will not pass by itself does not say that it will [E8]', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  await example.database.query("update oauth_directory.memberships set organization = 'nowhere' where customer = 'ada' and organization = 'royal-institution'")
  const consent = await staff.open(client.request().url)
  const refused = await staff.submit(consent, /consent$/, { decision: 'allow', level: 'all' })
  t.equal(refused.status, 403)
  t.match(refused.text, 'cannot be connected in this impersonation')
  t.notMatch(refused.text, 'a little later')
})

test('only allow makes a grant: any other answer is a denial, and is not checked (G13)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  for (const decision of ['deny', 'Allow', '', 'yes']) {
    const answered = await customer.submit(await customer.open(client.request().url), /consent$/, { decision, level: 'all' })
    t.match(Object.fromEntries(answered.url.searchParams), { error: 'access_denied' }, JSON.stringify(decision))
  }
  t.equal(await count(example, 'Grant'), 0)
})

test('a grant that does not say whose it is is nobody\'s: no token is made of it', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  for (const lost of ["payload - 'rar'", "payload #- '{rar,0,record}'", "payload #- '{rar,0,access}'"]) {
    const request = client.request()
    const callback = await customer.authorize(request.url)
    const { rows } = await example.database.query<{ record: unknown }>("select payload #> '{rar,0,record}' as record from oidc_records where model = 'Grant'")
    t.same(rows, [{ record: null }], 'a customer\'s own says so')
    await example.database.query(`update oidc_records set payload = ${lost} where model = 'Grant'`)
    t.match(await client.exchange(request, callback), { status: 400, body: { error: 'invalid_grant' } }, lost)
    t.match((await customer.open(client.request().url)).text, 'Allow access?', 'and it is not used again')
    await example.database.query("delete from oidc_records where model = 'Grant'")
  }
})

test('a consent that was asked of somebody else is not given', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const agent = await optIn(example)
  await agent.authorize(client.request().url)
  const asked = await agent.open(client.request({ scope: 'projects:read projects:write' }).url)
  t.match(asked.text, 'Allow access?')

  await signInAsStaff(agent, example)
  const { text } = await impersonate(agent, example)
  const token = /name="form_token" value="([^"]+)"/.exec(text)![1]!
  const answered = await agent.submit(asked, /consent$/, { decision: 'allow', level: 'all', form_token: token })
  t.equal(answered.status, 400)
  const { rows } = await example.database.query<{ staff: string | null }>('select staff from grants')
  t.same(rows, [{ staff: null }], 'what the customer granted is what it was')
})
