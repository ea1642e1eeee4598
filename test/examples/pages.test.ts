import { test } from 'tap'
import { clientOf, connect, impersonate, optIn, registerClient, setApproval, signInAsCustomer, signInAsStaff, startImpersonating } from '../support/example-client.ts'
import { startExample } from '../support/example-server.ts'
import type { Page } from '../support/user-agent.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** A page with a form that it does not have: what somebody makes who does not go by the pages. */
function withForm (page: Page, action: string): Page {
  return { ...page, text: page.text.replace('action="/sign-out"', `action="${action}"`) }
}

const pages = ['/', '/organizations', '/clients', '/staff', '/staff/log', '/staff/people', '/sign-in']

test('every page says so while somebody impersonates, and can end it', async t => {
  const example = await startExample(t)
  const admin = await startImpersonating(example, { staff: 'robin' })
  for (const path of pages) {
    const { status, text } = await admin.open(`${example.issuer}${path}`)
    t.equal(status, 200, path)
    t.match(text, 'You are acting as Ada Lovelace')
    t.match(text, 'action="/impersonation/end"')
  }
  for (const path of ['/auth?client_id=nobody', '/interaction/nothing']) {
    const { status, text } = await admin.open(`${example.issuer}${path}`)
    t.ok(status >= 400, path)
    t.match(text, 'You are acting as Ada Lovelace', 'also where something went wrong')
  }
})

test('each page is for customers, staff or administrators; without a session it leads to the sign-in', async t => {
  const example = await startExample(t)
  const [stranger, customer, sam] = [createUserAgent(), createUserAgent(), createUserAgent()]
  await signInAsCustomer(customer, example)
  await signInAsStaff(sam, example)
  for (const [path, expected] of [
    ['/', [200, 200]], ['/organizations', [200, 403]], ['/clients', [200, 403]],
    ['/staff', [403, 200]], ['/staff/log', [403, 200]], ['/staff/people', [403, 403]]
  ] as const) {
    for (const [index, agent] of [customer, sam].entries()) {
      t.equal((await agent.open(`${example.issuer}${path}`)).status, expected[index], `${path} ${index}`)
    }
    t.equal((await stranger.open(`${example.issuer}${path}`)).url.pathname, '/sign-in', path)
  }
})

test('a page that was opened without a session is shown after the sign-in', async t => {
  const example = await startExample(t)
  for (const [path, fields, name] of [
    ['/organizations', { account: 'ada', staff: [] }, 'Organizations'], ['/clients', { account: 'ada', staff: [] }, 'Connected clients'],
    ['/staff/log', { account: [], staff: 'sam' }, 'Log']
  ] as const) {
    const agent = createUserAgent()
    const page = await agent.open(`${example.issuer}${path}`)
    t.match(page, { status: 200, text: `Sign in to open <strong>${name}</strong>` })
    t.match(await agent.submit(page, '/sign-in', fields), { status: 200, url: { pathname: path } })
  }
})

test('after the sign-in only pages of this server are opened, whatever the link says', async t => {
  const example = await startExample(t)
  for (const path of ['https://evil.example', '//evil.example', '/\\evil.example', '/constructor', 'constructor', '/impersonation/end', '/auth?client_id=x']) {
    const agent = createUserAgent()
    const page = await agent.open(`${example.issuer}/sign-in?${new URLSearchParams({ return_to: path })}`)
    t.notMatch(page.text, 'return_to')
    const answer = await agent.post(page, '/sign-in', { account: 'ada', staff: [], return_to: path })
    t.match(answer, { status: 303 })
    t.equal(answer.headers.get('location'), '/', path)
  }
})

test('a form that is sent without a session changes nothing and says so', async t => {
  const example = await startExample(t)
  const page = await signInAsCustomer(createUserAgent(), example)
  const answer = await createUserAgent().submit(withForm(page, '/organizations/analytical-society/ai'), /\/ai$/, { ai: 'off' })
  t.match(answer, { status: 401, text: /You are not signed in[\s\S]*Your session has ended\.[\s\S]*Nothing was changed/ })
})

test('an unknown address is answered by a page for browsers, with the session, and without one for programs', async t => {
  const example = await startExample(t)
  const staff = await startImpersonating(example)
  t.match(await staff.open(`${example.issuer}/no/such/page`), { status: 404, text: /There is no page at this address[\s\S]*Overview/ })
  const { headers, status } = await fetch(`${example.issuer}/no/such/page`, { headers: { accept: 'text/html' } })
  t.equal(status, 404)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(headers.get('content-security-policy'), "frame-ancestors 'none'")
  t.equal((await (await fetch(`${example.issuer}/no/such/page`, { headers: { accept: 'application/json' } })).text()), 'Not Found')
})

test('the page after a change confirms it, once', async t => {
  const example = await startExample(t)
  const { issuer } = example
  const confirmed = async (page: Page, agent: ReturnType<typeof createUserAgent>, text: string): Promise<void> => {
    t.match(page.text, `role="status"><p>${text}`)
    t.notMatch((await agent.open(page.url)).text, 'role="status"', 'not again')
  }
  const ada = createUserAgent()
  await signInAsCustomer(ada, example)
  await confirmed(await setApproval(ada, example, 'royal-institution', 'on'), ada, 'AI processing is on for Royal Institution.')
  await confirmed(await setApproval(ada, example, 'royal-institution', 'off'), ada, 'AI processing is off for Royal Institution.')
  await connect(ada, await registerClient(example))
  await confirmed(await ada.submit(await ada.open(`${issuer}/clients`), /revoke$/), ada, 'Test client has lost this access.')

  const robin = createUserAgent()
  await signInAsStaff(robin, example, 'robin')
  await confirmed(await impersonate(robin, example), robin, 'The impersonation of Ada Lovelace has begun, with write access.')
  await robin.open(`${issuer}/style.css`)
  const ended = await robin.submit(await impersonate(robin, example, 'grace', 'read-only'), '/impersonation/end')
  await confirmed(ended, robin, 'The impersonation of Grace Hopper has ended.')
  const people = await robin.open(`${issuer}/staff/people`)
  await confirmed(await robin.submit(people, '/staff/people/kim/role', { role: 'none' }), robin, 'Kim Okafor may not impersonate from now on.')
  await confirmed(await robin.submit(people, '/staff/people/kim/remove'), robin, 'Kim Okafor is not a member of staff any more.')
})

test('the log names people, organizations and clients, also staff that were removed', async t => {
  const example = await startExample(t)
  const sam = await startImpersonating(example)
  const refused = await sam.open((await registerClient(example)).request().url)
  await sam.submit(refused, /consent$/, { decision: 'allow', level: 'all' })
  const robin = createUserAgent()
  await signInAsStaff(robin, example, 'robin')
  await robin.submit(await robin.open(`${example.issuer}/staff/people`), '/staff/people/sam/remove')
  const { text } = await robin.open(`${example.issuer}/staff/log`)
  t.match(text, /not_approved[\s\S]*Sam Porter as Ada Lovelace[\s\S]*Test client[\s\S]*Royal Institution[\s\S]*<th scope="row">Sam Porter<\/th>/)
  t.notMatch(text, /royal-institution|sam as ada/)
})

test('pages are neither framed nor kept, run no script, and send their forms home', async t => {
  const { issuer } = await startExample(t)
  const { headers } = await fetch(`${issuer}/sign-in`)
  t.equal(headers.get('content-security-policy'),
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('x-content-type-options'), 'nosniff')
})

test('a form of another site is refused, whoever is signed in (GG-16)', async t => {
  const example = await startExample(t)
  const { issuer, database } = example
  const customer = createUserAgent()
  const home = await signInAsCustomer(customer, example)
  const form = withForm(home, '/organizations/royal-institution/ai')
  const send = async (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<number> =>
    (await customer.post(form, /\/ai$/, { ai: 'on', ...fields }, headers)).status

  t.equal(await send({ form_token: '' }), 403, 'without the token')
  t.equal(await send({ form_token: 'A'.repeat(43) }), 403, 'with another token')
  t.equal(await send({}, { origin: 'https://evil.example' }), 403, 'from another origin')
  t.equal(await send({}, { origin: 'null' }), 403, 'from nowhere')
  t.equal(await send({}, { 'sec-fetch-site': 'same-site' }), 403, 'from another port of this machine')
  const { rows } = await database.query("select 1 from oauth_directory.organizations where id = 'royal-institution' and ai_approved")
  t.equal(rows.length, 0)
  t.equal(await send({}, { origin: issuer, 'sec-fetch-site': 'same-origin' }), 303)

  const signIn = await fetch(`${issuer}/sign-in`, {
    method: 'POST', body: new URLSearchParams({ account: 'ada' }), headers: { origin: 'https://evil.example' }
  })
  t.equal(signIn.status, 403, 'nor is anybody signed in by one')
  t.equal(signIn.headers.get('set-cookie'), null)
})

test('a consent that another site sends is refused (GG-16)', async t => {
  const example = await startExample(t)
  const agent = createUserAgent()
  await signInAsCustomer(agent, example)
  const registered = await fetch(`${example.issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['http://localhost:33418/callback'], token_endpoint_auth_method: 'none' })
  })
  const { client_id: clientId } = await registered.json() as { client_id: string }
  const consent = await agent.open(`${example.issuer}/auth?${new URLSearchParams({
    client_id: clientId, redirect_uri: 'http://localhost:33418/callback', response_type: 'code', resource: example.mcpUrl,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256'
  })}`)
  for (const decision of ['allow', 'deny']) {
    t.equal((await agent.post(consent, /consent$/, { decision, form_token: 'x' })).status, 403)
    t.equal((await agent.post(consent, /consent$/, { decision }, { origin: 'https://evil.example' })).status, 403)
  }
  t.equal((await agent.post(consent, /consent$/, { decision: 'allow', level: 'all' })).status, 303)
})

test('staff cannot say yes in the customer\'s place, whatever the mode and whatever they send', async t => {
  const example = await startExample(t)
  for (const mode of ['read-only', 'read-write'] as const) {
    const staff = await startImpersonating(example, { mode })
    const page = await staff.open(`${example.issuer}/organizations`)
    t.notMatch(page.text, 'Turn AI processing')
    t.equal((await staff.submit(withForm(page, '/organizations/royal-institution/ai'), /\/ai$/, { ai: 'on' })).status, 403)
  }
  const { rows } = await example.database.query("select 1 from oauth_directory.organizations where id = 'royal-institution' and ai_approved")
  t.equal(rows.length, 0)
})

test('the switch is for administrators of the organization', async t => {
  const example = await startExample(t)
  const grace = createUserAgent()
  await signInAsCustomer(grace, example, 'grace')
  const page = await grace.open(`${example.issuer}/organizations`)
  t.match(page.text, 'Only an administrator of Analytical Society can change this.')
  for (const organization of ['analytical-society', 'royal-institution', 'nowhere']) {
    t.equal((await grace.submit(withForm(page, `/organizations/${organization}/ai`), /\/ai$/, { ai: 'off' })).status, 403)
  }
  t.match((await setApproval(grace, example, 'navy-yard', 'off')).text, 'AI processing: off')
})

test('who may impersonate is said by somebody else than oneself, and takes effect', async t => {
  const example = await startExample(t)
  const { issuer } = example
  const admin = createUserAgent()
  await signInAsStaff(admin, example, 'robin')
  const people = await admin.open(`${issuer}/staff/people`)
  for (const action of ['/staff/people/robin/role', '/staff/people/robin/remove']) {
    t.equal((await admin.submit(withForm(people, action), action, { role: 'none' })).status, 400)
  }
  t.equal((await admin.submit(people, '/staff/people/sam/role', { role: 'king' })).status, 400)
  await admin.submit(people, '/staff/people/sam/role', { role: 'none' })

  const sam = createUserAgent()
  const customers = await signInAsStaff(sam, example)
  t.match(customers.text, 'You may not impersonate customers.')
  t.equal((await sam.submit(withForm(customers, '/staff/impersonate'), '/staff/impersonate', { customer: 'ada' })).status, 403)
  t.equal((await sam.submit(withForm(customers, '/staff/people/kim/remove'), /remove$/)).status, 403)
  const ada = createUserAgent()
  const home = await signInAsCustomer(ada, example)
  t.equal((await ada.submit(withForm(home, '/staff/impersonate'), '/staff/impersonate', { customer: 'grace' })).status, 403)
})

test('one customer cannot take back what another has granted', async t => {
  const example = await startExample(t)
  await example.database.query("insert into grants (id, account, client, access) values ('g1', 'ada', 'c', '{\"level\":\"all\"}')")
  await example.database.query("insert into oidc_records (model, id, payload) values ('Grant', 'g1', '{}')")
  const grace = createUserAgent()
  const home = await signInAsCustomer(grace, example, 'grace')
  t.equal((await grace.submit(withForm(home, '/clients/g1/revoke'), /revoke$/)).status, 404)
  t.equal((await example.database.query('select 1 from grants')).rows.length, 1)
})

test('a client whose metadata document is gone is shown by its name and taken away, and is not asked for either (G22)', async t => {
  const clientId = 'https://client.example/metadata.json'
  const redirectUri = 'http://localhost:33418/callback'
  const example = await startExample(t, {
    fetch: async () => Response.json({
      client_id: clientId, client_name: 'Documented client', redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none'
    })
  })
  const asked: unknown[] = []
  const later = await startExample(t, {
    database: example.database,
    fetch: async url => {
      asked.push(url)
      throw new TypeError('fetch failed')
    }
  })
  await connect(await optIn(example), clientOf(example.issuer, clientId, example.mcpUrl, redirectUri))
  await connect(await startImpersonating(example), clientOf(example.issuer, clientId, example.mcpUrl, redirectUri))

  const sam = createUserAgent()
  await signInAsStaff(sam, later)
  const log = await sam.open(`${later.issuer}/staff/log`)
  t.match(log, { status: 200, text: 'Documented client' })
  t.notMatch(log.text, clientId)
  const ada = createUserAgent()
  await signInAsCustomer(ada, later)
  const clients = await ada.open(`${later.issuer}/clients`)
  t.match(clients, { status: 200, text: 'Documented client' })
  const rest = await ada.submit(await ada.submit(clients, /revoke$/), /revoke$/)
  t.match(rest.text, 'No client has access.')
  t.same(asked, [], 'who looks at a page is not seen by the client')
})

test('a grant that has expired, or is gone, is not shown as one', async t => {
  const example = await startExample(t)
  const ada = await optIn(example)
  for (const end of ["update oidc_records set expires_at = now() where model = 'Grant'", "delete from oidc_records where model = 'Grant'"]) {
    await connect(ada, await registerClient(example), { prompt: 'consent' })
    t.match((await ada.open(example.issuer)).text, 'One client has access')
    await example.database.query(end)
    t.notMatch((await ada.open(example.issuer)).text, 'One client has access')
    t.match((await ada.open(`${example.issuer}/clients`)).text, 'No client has access.')
  }
})

test('a client that nobody was asked about is shown by its identifier', async t => {
  const example = await startExample(t)
  const staff = await startImpersonating(example)
  await example.database.query("insert into decisions (at, allowed, reason, client, organizations) values (now(), true, 'approved', 'c-1', '[]')")
  t.match((await staff.open(`${example.issuer}/staff/log`)).text, 'c-1')
})

test('a member of staff who impersonates nobody has nothing to connect a client to', async t => {
  const example = await startExample(t)
  const sam = createUserAgent()
  await signInAsStaff(sam, example)
  const page = await sam.open(`${example.issuer}/auth?${new URLSearchParams({
    client_id: 'projects-desktop', redirect_uri: 'http://127.0.0.1:9/callback', response_type: 'code', resource: example.mcpUrl,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256'
  })}`)
  t.match(page.text, 'Impersonate a customer first')
})

test('what cannot be asked for is answered in words', async t => {
  const example = await startExample(t)
  const { issuer } = example
  const agent = createUserAgent()
  const signIn = await agent.open(`${issuer}/sign-in`)
  t.match(await agent.submit(signIn, '/sign-in', { account: 'mallory' }), { status: 400, text: 'There is no account of that name' })
  t.match(await agent.submit(signIn, '/sign-in', { account: ['ada', 'grace'] }), { status: 400, text: 'start again' })
  await signInAsStaff(agent, example)
  const customers = await agent.open(`${issuer}/staff`)
  t.equal((await agent.submit(customers, '/staff/impersonate', { customer: 'mallory', mode: 'read-write' })).status, 400)
})

test('the cookie of a session that is over signs nobody in', async t => {
  const example = await startExample(t)
  const agent = createUserAgent()
  await signInAsCustomer(agent, example)
  await example.database.query('delete from sessions')
  t.match((await agent.open(example.issuer)).text, 'There are no passwords')
})
