import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import { connect, optIn, registerClient, signInAsCustomer, startImpersonating } from '../support/example-client.ts'
import { startExample } from '../support/example-server.ts'
import { redirectUrl } from '../support/mcp-client-storage.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** An authorization request of a client that chose its own name. */
async function authorizationUrl (
  t: Test, clientName: string, redirectUri = redirectUrl, more: Record<string, string> = {}
): Promise<{ url: URL, issuer: string }> {
  const { issuer, mcpUrl } = await startExample(t)
  const registered = await fetch(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: clientName, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', ...more
    })
  })
  const { client_id: clientId } = await registered.json() as { client_id: string }
  const url = new URL(`${issuer}/auth`)
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    // RFC 7636 appendix B
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    resource: mcpUrl,
    state: 'af0ifjsldkj'
  }).toString()
  return { url, issuer }
}

test('the name of a client is text, whatever is in it', async t => {
  const { url } = await authorizationUrl(t, '<script>alert("1")</script> & \'Co\'')
  const agent = createUserAgent()
  await agent.authorize(url)
  t.equal(agent.pages.length, 2)
  t.match(agent.pages[1], '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;Co&#39;')
  t.notMatch(agent.pages[1], '<script')
  t.match(agent.pages[1], new URL(redirectUrl).host, 'and where the answer goes is shown beside it')
})

test('allowing and denying both go back to the client, with its state', async t => {
  const { url, issuer } = await authorizationUrl(t, 'Client')
  const allowed = await createUserAgent().authorize(url)
  t.type(allowed.searchParams.get('code'), 'string')
  t.equal(allowed.searchParams.get('state'), 'af0ifjsldkj')
  t.equal(allowed.searchParams.get('iss'), issuer)

  const denied = await createUserAgent().authorize(url, { decision: 'deny' })
  t.equal(denied.searchParams.get('error'), 'access_denied')
  t.equal(denied.searchParams.get('state'), 'af0ifjsldkj')
  t.equal(denied.searchParams.get('iss'), issuer)
})

test('the grant of one user is not the grant of another', async t => {
  const { url } = await authorizationUrl(t, 'Client')
  const ada = createUserAgent()
  await ada.authorize(url)
  await ada.authorize(url)
  t.equal(ada.pages.length, 2, 'what was allowed once is not asked again')
  const grace = createUserAgent()
  await grace.authorize(url, { account: 'grace' })
  t.match(grace.pages[1], 'Grace Hopper')
})

test('pages that ask for a decision are neither framed nor kept', async t => {
  const { url, issuer } = await authorizationUrl(t, 'Client')
  const redirect = await fetch(url, { redirect: 'manual' })
  const response = await fetch(new URL(redirect.headers.get('location')!, issuer), {
    headers: { cookie: redirect.headers.getSetCookie().map(line => line.split(';')[0]).join('; ') }
  })
  t.equal(response.status, 200)
  t.match(response.headers.get('content-security-policy'), "frame-ancestors 'none'")
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.match(await response.text(), 'Ada Lovelace')
})

test('an answer without the cookie of the request is refused: it is somebody else\'s', async t => {
  const { url, issuer } = await authorizationUrl(t, 'Client')
  const redirect = await fetch(url, { redirect: 'manual' })
  const location = new URL(redirect.headers.get('location')!, issuer).href
  for (const [path, body] of [['', undefined], ['/sign-in', 'account=ada'], ['/consent', 'decision=allow']] as const) {
    const response = await fetch(`${location}${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    })
    t.equal(response.status, 400)
    t.match(response.headers.get('content-type'), 'text/html')
    t.match(await response.text(), 'start again')
  }
})

test('nobody signs in who has no account', async t => {
  const { url } = await authorizationUrl(t, 'Client')
  await t.rejects(createUserAgent().authorize(url, { account: 'mallory' }), { message: /^400 .*There is no account of that name/s })
})

test('an application on a device: the answer goes to a scheme, not to a host', async t => {
  const { url } = await authorizationUrl(t, 'App', 'com.example.app:/callback', { application_type: 'native' })
  const agent = createUserAgent()
  t.equal((await agent.authorize(url)).protocol, 'com.example.app:')
  t.match(agent.pages[1], '<code>com.example.app:</code>')
})

test('who is asked to sign in may be somebody else than before', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const agent = createUserAgent()
  await signInAsCustomer(agent, example)
  await connect(agent, client)
  for (const account of ['grace', 'grace', 'ada']) {
    const request = client.request({ prompt: 'login' })
    const { status, body } = await client.exchange(request, await agent.authorize(request.url, { account }))
    t.equal(status, 200, account)
    t.equal(decodeJwt(body.access_token!).sub, account)
  }
})

test('a client that says who is to be signed in does not get anybody else', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const scope = 'openid projects:read'
  const idTokenOf = async (account: string): Promise<string> => {
    const agent = createUserAgent()
    const request = client.request({ scope })
    return (await client.exchange(request, await agent.authorize(request.url, { account }))).body.id_token!
  }
  const hint = { scope, id_token_hint: await idTokenOf('ada') }

  for (const connected of [true, false]) {
    const grace = createUserAgent()
    await signInAsCustomer(grace, example, 'grace')
    if (connected) await connect(grace, client, { scope })
    const silent = await grace.open(client.request({ ...hint, prompt: 'none' }).url)
    t.match(Object.fromEntries(silent.url.searchParams), { error: 'login_required' })
    const asked = await grace.open(client.request(hint).url)
    t.match(asked.text, 'There are no passwords', 'she is asked to sign in')
    t.match((await grace.submit(asked, /sign-in$/, { account: 'grace' })).text, 'There are no passwords', 'and asked again when it is still her')
    const request = client.request(hint)
    const { body } = await client.exchange(request, await grace.authorize(request.url, { account: 'ada' }))
    t.equal(decodeJwt(body.access_token!).sub, 'ada')
    t.equal(decodeJwt(body.id_token!).sub, 'ada')
  }

  const ada = await optIn(example)
  t.equal(decodeJwt(await connect(ada, client, hint)).sub, 'ada', 'whom it asks for is not bothered')
})

test('a client that is bound to one customer does not get another one by whoever impersonates that one (GG-16)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const ada = await optIn(example)
  const request = client.request({ scope: 'openid projects:read' })
  const { body: { id_token: idToken } } = await client.exchange(request, await ada.authorize(request.url))
  const hint = { scope: 'openid projects:read', id_token_hint: idToken! }

  const staff = await startImpersonating(example, { customer: 'grace' })
  for (const more of [{}, { prompt: 'none' }, { prompt: 'login' }]) {
    const bound = client.request({ ...hint, ...more })
    const back = await staff.authorize(bound.url)
    t.match(Object.fromEntries(back.searchParams), { error: 'login_required', state: bound.state })
    t.notOk(back.searchParams.has('code'))
  }
  const right = await startImpersonating(example)
  t.equal(decodeJwt(await connect(right, client, hint)).sub, 'ada')
})
