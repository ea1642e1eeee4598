import { test } from 'tap'
import type { Impersonation } from '../../../lib/impersonation/impersonation.ts'
import { createOidcProviderGuard } from '../../../lib/oidc-provider/guard.ts'
import { createGuardedProvider } from '../../support/guarded-provider.ts'

const sam: Impersonation = { staff: 'sam', customer: 'ann', sessionId: 's-1', idleTimeoutSeconds: 300 }
const silent = async (): Promise<never> => await new Promise(() => {})
const codeOf = ({ location }: { location: URL }): string | null => location.searchParams.get('code')
const errorOf = ({ location }: { location: URL }): string | null => location.searchParams.get('error')

test('an impersonator gets a marked access token for the idle timeout, and no refresh token nor ID token (G24, G26)', async t => {
  const { browser, provider, session, saved } = await createGuardedProvider(t, { claimsOf: ({ id }) => ({ grant: id }) })
  session.impersonation = sam
  const { status, body } = await browser().connect({ scope: 'openid offline_access read write', prompt: 'consent' })
  t.equal(status, 200)
  t.match(body, { expires_in: 300, scope: 'read write' })
  t.notOk('refresh_token' in body || 'id_token' in body)
  t.match(saved, [{ account: 'ann', client: 'client', access: { organizations: ['open'] }, record: { staff: 'sam', customer: 'ann', client: 'client' } }])
  const token = await (provider as unknown as { AccessToken: { find (value: string): Promise<{ extra: object }> } }).AccessToken.find(body.access_token as string)
  t.match(token.extra, { grant: saved[0]!.id, act: { sub: 'sam' }, impersonation: { actor: { sub: 'sam' }, session: 's-1' } })

  session.impersonation = null
  const own = await browser().connect({ scope: 'openid offline_access read write', prompt: 'consent' })
  t.match(own.body, { expires_in: 900, refresh_token: String, id_token: String })
  t.equal(saved[1]!.record, null)
})

test('a read-only impersonation grants read-only scopes, and is not asked again for the others (G24)', async t => {
  const { browser, session, interactions } = await createGuardedProvider(t)
  session.impersonation = { ...sam, readOnly: true }
  const agent = browser()
  t.match((await agent.connect()).body, { scope: 'read' })
  const asked = interactions.length
  t.match((await agent.connect()).body, { scope: 'read' })
  t.equal(interactions.length, asked)
})

test('a consent is decided twice and audited once; a use without a question is audited [E8] (G22)', async t => {
  const { browser, session, decisions } = await createGuardedProvider(t)
  session.impersonation = sam
  const agent = browser()
  await agent.open(agent.request().url)
  t.strictSame(decisions, [{ step: 'automatic-approval', reason: 'approved', audit: 'refused' }], 'what is approved is not audited again')
  decisions.length = 0
  t.ok(codeOf(await agent.open(agent.request().url)))
  t.strictSame(decisions, [{ step: 'automatic-approval', reason: 'approved', audit: 'all' }])
})

test('a grant is used again only as far as it is allowed now (G14)', async t => {
  const { browser, session, directory, interactions } = await createGuardedProvider(t)
  session.impersonation = sam
  const agent = browser()
  await agent.open(agent.request().url)
  directory.setApproval('open', false)
  t.equal(errorOf(await agent.open(agent.request({ prompt: 'none' }).url)), 'access_denied')
  t.equal(errorOf(await agent.open(agent.request().url)), 'access_denied')
  t.match(interactions.at(-1), { name: 'consent', reasons: ['impersonation_not_approved'] })
})

test('what a customer granted gets no scopes of an impersonator, in the same session of the provider (G15)', async t => {
  const { browser, session, saved, provider, decisions } = await createGuardedProvider(t)
  const agent = browser()
  await agent.open(agent.request({ scope: 'read' }).url)
  session.impersonation = sam
  const request = agent.request({ scope: 'read write' })
  const callback = await agent.open(request.url)
  t.match(decisions.find(({ reason }) => reason === 'grant_foreign'), { step: 'automatic-approval' })
  t.equal(saved.length, 2)
  t.not(saved[1]!.id, saved[0]!.id, 'it is another grant')
  t.match(saved[1]!.record, { staff: 'sam' })
  t.match((await agent.exchange(request, callback.location)).body, { scope: 'read write', expires_in: 300 })
  t.equal((await provider.Grant.find(saved[0]!.id))!.resources!['https://api.example.com'], 'read', 'and that of the customer is what it was')
})

test('the same person adds to a grant of the same access, and another access is another grant', async t => {
  const guarded = await createGuardedProvider(t)
  const agent = guarded.browser()
  await agent.open(agent.request({ scope: 'read' }).url)
  await agent.open(agent.request({ scope: 'read write' }).url)
  t.equal(new Set(guarded.saved.map(({ id }) => id)).size, 1)
  guarded.access = { level: 'all' }
  t.match((await agent.connect({ scope: 'read', prompt: 'consent' })).body, { scope: 'read' }, 'with the scopes of this time')
  t.equal(new Set(guarded.saved.map(({ id }) => id)).size, 2)
})

test('an approval that is withdrawn between code and token: invalid_grant, and the grant is revoked (G16)', async t => {
  const { browser, session, directory, revoked, saved, provider } = await createGuardedProvider(t)
  session.impersonation = sam
  const agent = browser()
  const request = agent.request()
  const { location } = await agent.open(request.url)
  directory.setApproval('open', false)
  t.match(await agent.exchange(request, location), { status: 400, body: { error: 'invalid_grant' } })
  t.strictSame(revoked, [saved[0]!.id])
  t.equal(await provider.Grant.find(saved[0]!.id), undefined)
})

test('a code of an impersonation that is no longer active: recordIsActive decides (G30)', async t => {
  let active = true
  const { browser, session } = await createGuardedProvider(t, { recordIsActive: () => active })
  session.impersonation = sam
  const agent = browser()
  const request = agent.request()
  const { location } = await agent.open(request.url)
  active = false
  t.match(await agent.exchange(request, location), { status: 400, body: { error: 'invalid_grant' } })
  active = true
  t.equal((await agent.connect()).status, 200)
})

test('an exchange with less than a second left is refused, and audited as ended (G25)', async t => {
  const { browser, session, clock, decisions } = await createGuardedProvider(t)
  session.impersonation = { ...sam, endsAt: clock.now() + 60_000 }
  const agent = browser()
  const request = agent.request()
  const { location } = await agent.open(request.url)
  clock.advance(59.5)
  t.match(await agent.exchange(request, location), { status: 400, body: { error: 'invalid_grant' } })
  t.match(decisions.at(-1), { step: 'exchange', reason: 'impersonation_ended' })
})

test('a customer\'s grant does not count as an impersonation that is over, however short tokens live', async t => {
  const { browser, guard, saved, revoked, decisions } = await createGuardedProvider(t, { accessTokenSeconds: 0 })
  const agent = browser()
  await agent.open(agent.request().url)
  await guard.configuration.findAccount({ oidc: {}, req: {}, set () {} }, 'ann', { kind: 'AuthorizationCode', grantId: saved[0]!.id })
  t.match(decisions.at(-1), { step: 'exchange', reason: 'not_impersonating' })
  t.strictSame(revoked, [])
})

test('a lifetime of one second is a lifetime (G25)', async t => {
  const { browser, session } = await createGuardedProvider(t, { accessTokenSeconds: 1 })
  session.impersonation = sam
  t.match(await browser().connect(), { status: 200, body: { expires_in: 1 } })
})

test('no access token is issued when the last second passes during the exchange (G25)', async t => {
  const { browser, session, clock } = await createGuardedProvider(t, {
    findAccount: async (_ctx: unknown, accountId: string, token?: unknown) => {
      if (token !== undefined) clock.advance(60)
      return { accountId, claims: async () => ({ sub: accountId }) }
    }
  })
  session.impersonation = { ...sam, endsAt: clock.now() + 60_000 }
  t.match(await browser().connect(), { status: 400, body: { error: 'invalid_grant' } })
})

test('a refresh is checked, and a check that could not be completed keeps the refresh token [C7]', async t => {
  const { browser, token, provider, saved, decisions, revoked, errors } = await createGuardedProvider(t, { report: () => { throw new Error('down') } })
  const agent = browser()
  const { body } = await agent.connect({ scope: 'offline_access read', prompt: 'consent' })
  const refresh = async (value: unknown) => await token({ grant_type: 'refresh_token', refresh_token: String(value) })
  const first = await refresh(body.refresh_token)
  t.equal(first.status, 200)
  t.match(decisions.at(-1), { step: 'refresh', reason: 'not_impersonating' })

  // A grant whose record was changed to an impersonator's, as none of theirs has a refresh token.
  const grant = await provider.Grant.find(saved[0]!.id) as unknown as { rar: object[], save (): Promise<string> }
  const rar = grant.rar
  grant.rar = [{ ...rar[0], record: { ...sam, access: { level: 'all' }, client: 'client', grantedAt: Date.now() } }]
  await grant.save()
  const refused = await refresh(first.body.refresh_token)
  t.match(refused, { status: 503, body: { error: 'temporarily_unavailable' } })
  t.equal(refused.headers.get('retry-after'), '5')
  t.strictSame(revoked, [])
  t.strictSame(errors, [], 'the decision was audited with its error, and is no error of the server')
  grant.rar = rar
  await grant.save()
  t.equal((await refresh(first.body.refresh_token)).status, 200, 'the same refresh token works when the look-up does')
})

test('a grant that was made without the guard is not used again, and no token is issued of it', async t => {
  const { browser, provider, saved, interactions } = await createGuardedProvider(t)
  for (const lost of [[], [{ type: 'urn:other' }]]) {
    const agent = browser()
    const request = agent.request({ prompt: 'consent' })
    const { location } = await agent.open(request.url)
    const grant = await provider.Grant.find(saved.at(-1)!.id) as unknown as { rar: object[], save (): Promise<string> }
    grant.rar = lost
    await grant.save()
    t.match(await agent.exchange(request, location), { status: 400, body: { error: 'invalid_grant' } })
    const asked = interactions.length
    await agent.open(agent.request().url)
    t.match(interactions.slice(asked), [{ name: 'consent' }])
  }
})

test('no token is issued when the grant is deleted during the exchange', async t => {
  const { guard, saved, browser } = await createGuardedProvider(t)
  const ctx = { oidc: {}, req: {}, set () {} }
  const agent = browser()
  await agent.open(agent.request().url)
  t.match(await guard.configuration.findAccount(ctx, 'ann', { kind: 'AuthorizationCode', grantId: saved[0]!.id }), { accountId: 'ann' })
  t.match(await guard.configuration.findAccount(ctx, 'ann'), { accountId: 'ann' }, 'without a token nothing is issued')
  await t.rejects(guard.configuration.findAccount(ctx, 'ann', { kind: 'AuthorizationCode', grantId: 'gone' }), { message: 'invalid_grant' })
  t.equal(await guard.configuration.extraTokenClaims({ oidc: {} }), undefined)
  t.equal(guard.accessTokenTtl({ oidc: {} }), 900)
  t.equal(await guard.configuration.issueRefreshToken({ oidc: {} }, {}, {}), false)
  t.equal(await guard.configuration.expiresWithSession(), false)
})

test('revoking a grant deletes its codes and its tokens, and tells the host; twice is once', async t => {
  const { browser, guard, provider, saved, revoked } = await createGuardedProvider(t)
  const models = provider as unknown as Record<'AuthorizationCode' | 'AccessToken' | 'RefreshToken', { find (value: string, options?: object): Promise<unknown> }>
  const agent = browser()
  const { body } = await agent.connect({ scope: 'offline_access read', prompt: 'consent' })
  const code = codeOf(await agent.open(agent.request({ scope: 'read' }).url))!
  t.ok(await models.AuthorizationCode.find(code))
  await guard.revokeGrant(saved[0]!.id)
  t.equal(await models.AuthorizationCode.find(code), undefined)
  t.equal(await models.AccessToken.find(body.access_token as string), undefined)
  t.equal(await models.RefreshToken.find(body.refresh_token as string), undefined)
  await guard.revokeGrant(saved[0]!.id)
  t.strictSame(revoked, [saved[0]!.id, saved[0]!.id])
})

test('RFC 6749 4.1.2: a code that is used twice revokes its grant, and the host hears of it', async t => {
  const failure = new Error('the store is down')
  let fails = false
  const heard: string[] = []
  const { browser, saved, errors } = await createGuardedProvider(t, {
    async onGrantRevoked (grantId) { heard.push(grantId); if (fails) throw failure }
  })
  for (fails of [false, true]) {
    const agent = browser()
    const request = agent.request({ prompt: 'consent' })
    const { location } = await agent.open(request.url)
    t.equal((await agent.exchange(request, location)).status, 200)
    t.match(await agent.exchange(request, location), { status: 400, body: { error: 'invalid_grant' } })
  }
  t.strictSame(heard, saved.map(({ id }) => id))
  t.strictSame(errors, [failure], 'and what fails then is a server error')
})

test('the host\'s session overrides the provider\'s: that of another account ends', async t => {
  const { browser, session, interactions, provider } = await createGuardedProvider(t)
  const agent = browser()
  await agent.open(agent.request().url)
  const before = agent.cookies.get('_session')
  const sessions = provider as unknown as { Session: { find (value: string): Promise<{ accountId: string } | undefined> } }
  t.match(await sessions.Session.find(before!), { accountId: 'ann' })
  interactions.length = 0
  session.account = 'bob'
  t.ok(codeOf(await agent.open(agent.request().url)))
  t.match(interactions, [{ name: 'login' }, { name: 'consent' }])
  t.equal(await sessions.Session.find(before!), undefined, 'the earlier session is gone')
  session.account = null
  t.equal(errorOf(await agent.open(agent.request().url)), 'login_required')
})

test('an account that changes while the request is checked has to sign in', async t => {
  const accounts = ['ann', 'ann', 'ann', 'bob']
  let asking = false
  const { browser, interactions } = await createGuardedProvider(t, { accountOf: async () => asking ? accounts.shift() ?? 'bob' : 'ann' })
  const agent = browser()
  await agent.open(agent.request().url)
  interactions.length = 0
  // The middleware sees ann; the policy sees bob.
  accounts.splice(0, accounts.length, 'ann', 'bob')
  asking = true
  t.equal(errorOf(await agent.open(agent.request({ prompt: 'none' }).url)), 'login_required')
  accounts.splice(0, accounts.length, 'ann', 'bob')
  await agent.open(agent.request().url)
  t.match(interactions, [{ name: 'login', reasons: ['host_session'] }])
})

test('OpenID Connect Core 3.1.2.1: an id_token_hint of another account leads to a sign-in', async t => {
  const { browser, session, interactions } = await createGuardedProvider(t)
  const hint = (await browser().connect({ scope: 'openid read' })).body.id_token as string
  const agent = browser()
  session.account = 'bob'
  await agent.open(agent.request().url)
  interactions.length = 0
  t.equal(errorOf(await agent.open(agent.request({ scope: 'openid read', id_token_hint: hint }).url)), 'login_required')
  t.ok(interactions.at(-1)!.reasons.includes('another_subject'))
})

test('OpenID Connect Core 3.1.2.1: an id_token_hint of the same account asks nothing, and one without a session names no other account', async t => {
  const { browser, session, interactions } = await createGuardedProvider(t)
  const agent = browser()
  const hint = (await agent.connect({ scope: 'openid read' })).body.id_token as string
  interactions.length = 0
  t.ok(codeOf(await agent.open(agent.request({ scope: 'openid read', id_token_hint: hint }).url)))
  t.same(interactions, [])
  session.account = null
  t.equal(errorOf(await browser().open(agent.request({ scope: 'openid read', id_token_hint: hint }).url)), 'login_required')
  t.equal(interactions.length, 1)
  t.notOk(interactions[0]!.reasons.includes('another_subject'))
})

test('RFC 6749 4.1.2.1: a session that cannot be read in time is temporarily_unavailable, for customers as well [C7]', async t => {
  let slow = false
  const { browser, errors, interactions } = await createGuardedProvider(t, {
    timeoutMs: 20, impersonationOf: async () => slow ? await silent() : null
  })
  const agent = browser()
  await agent.open(agent.request().url)
  slow = true
  t.equal(errorOf(await agent.open(agent.request({ prompt: 'none' }).url)), 'temporarily_unavailable')
  interactions.length = 0
  t.equal(errorOf(await agent.open(agent.request().url)), 'temporarily_unavailable')
  t.match(interactions, [{ name: 'consent', reasons: ['impersonation_unavailable'] }])
  t.match(errors, [{ name: 'TimeLimitError' }, { name: 'TimeLimitError' }])
  slow = false
  t.ok(codeOf(await agent.open(agent.request().url)), 'and the grant is still there')
})

test('an account that cannot be read in time is 503 on the way in, and temporarily_unavailable at the policy [C7]', async t => {
  let slow = false
  const { browser, errors } = await createGuardedProvider(t, { timeoutMs: 20, accountOf: async () => slow ? await silent() : 'ann' })
  const agent = browser()
  await agent.open(agent.request().url)
  slow = true
  const response = await agent.open(agent.request().url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '5')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal((await agent.open(new URL('/jwks', response.location))).status, 200, 'other endpoints need no session')
  t.match(JSON.parse(response.text), { error: 'temporarily_unavailable' })
  // Without a session of the provider the policy asks first.
  t.equal(errorOf(await browser().open(agent.request().url)), 'temporarily_unavailable')
  t.ok(errors.length >= 2)
})

test('another path of the authorization endpoint', async t => {
  const { guard } = await createGuardedProvider(t, { authorizationPath: '/authorize' })
  t.ok(guard)
  const used: Array<(ctx: object, next: () => Promise<void>) => Promise<void>> = []
  const asked: string[] = []
  const provider = { Grant: {}, on () {}, emit: () => true, use: (one: typeof used[number]) => used.push(one), Session: { get: async () => { asked.push('session'); return {} } } }
  const attached = createOidcProviderGuard({
    oidc: await import('oidc-provider'), guard: {} as never, authorizationPath: '/authorize', accountOf: async () => null, impersonationOf: async () => null,
    onGrantSaved: async () => {}, onGrantRevoked: async () => {}, findAccount: async () => undefined, issueRefreshToken: async () => false, accessTokenSeconds: 5
  })
  attached.attach(provider as never)
  for (const path of ['/authorize', '/authorize/uid', '/authorized', '/auth', '/token']) await used[0]!({ path }, async () => {})
  t.equal(asked.length, 2)
})

test('forgetBrowser ends the provider\'s session', async t => {
  const { browser, guard, provider } = await createGuardedProvider(t)
  const agent = browser()
  await agent.open(agent.request().url)
  const sessions = provider as unknown as { Session: { find (value: string): Promise<unknown> }, on (event: 'session.destroyed', listener: (session: unknown) => void): void }
  const destroyed: unknown[] = []
  sessions.on('session.destroyed', session => { destroyed.push(session) })
  const id = agent.cookies.get('_session')!
  t.ok(await sessions.Session.find(id))
  const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const { IncomingMessage, ServerResponse } = await import('node:http')
  const { Socket } = await import('node:net')
  for (const headers of [{ cookie }, {}]) {
    const request = Object.assign(new IncomingMessage(new Socket()), { headers, method: 'POST', url: '/sign-out' })
    await guard.forgetBrowser(request, new ServerResponse(request))
  }
  t.equal(await sessions.Session.find(id), undefined)
  t.equal(destroyed.length, 1, 'and of a browser that has none, it deletes nothing')
})

test('a guard that is used before it is attached says so', async t => {
  const guard = createOidcProviderGuard({
    oidc: await import('oidc-provider'), guard: {} as never, accountOf: async () => null, impersonationOf: async () => null, onGrantSaved: async () => {},
    onGrantRevoked: async () => {}, findAccount: async () => undefined, issueRefreshToken: async () => false, accessTokenSeconds: 5
  })
  await t.rejects(guard.revokeGrant('x'), { message: 'call attach(provider) before the first request' })
})

test('saveGrant saves what was decided, and nothing else', async t => {
  const { guard } = await createGuardedProvider(t)
  const interaction = { prompt: { reasons: [], details: {} }, params: { client_id: 'client' } }
  const decision = { allowed: true, reason: 'not_impersonating', impersonation: null, access: { level: 'all' }, record: null, withoutApproval: [], error: null } as const
  await t.rejects(guard.saveGrant(interaction, { account: 'ann', decision: { ...decision, allowed: false } }), TypeError)
  await t.rejects(guard.saveGrant(interaction, { account: 'ann', decision: { ...decision, access: null } }), TypeError)
  t.type(await guard.saveGrant(interaction, { account: 'ann', decision }), 'string')
})

test('an interaction that began in another state of impersonation does not add to its grant (G15)', async t => {
  const { browser, guard, saved, provider, session } = await createGuardedProvider(t)
  const agent = browser()
  await agent.open(agent.request({ scope: 'read' }).url)
  session.impersonation = sam
  const other = browser()
  await other.open(other.request({ scope: 'read' }).url)
  const [own, staffs] = saved
  const access = { level: 'organization', organizations: ['open'] } as const
  const decision = { allowed: true, reason: 'approved', impersonation: null, access, withoutApproval: [], error: null } as const
  const resource = 'https://api.example.com'
  for (const [earlier, record] of [[own!, staffs!.record], [staffs!, null]] as const) {
    const id = await guard.saveGrant({
      grantId: earlier.id, params: { client_id: 'client', scope: 'write', resource }, prompt: { reasons: [], details: { missingResourceScopes: { [resource]: ['write'] } } }
    }, { account: 'ann', decision: { ...decision, record } })
    t.not(id, earlier.id)
    t.equal((await provider.Grant.find(earlier.id))!.resources![resource], 'read')
    t.match(saved.at(-1), { id, record })
  }
})

test('revoking a grant deletes the records of each model, in any store', async t => {
  const calls: string[] = []
  const model = (name: string) => ({ revokeByGrantId: async (id: string) => { calls.push(`${name} ${id}`) } })
  const provider = {
    Grant: { find: async (_id: string, options: object) => ({ destroy: async () => { calls.push(`Grant ${JSON.stringify(options)}`) } }) },
    AccessToken: model('AccessToken'),
    AuthorizationCode: model('AuthorizationCode'),
    RefreshToken: model('RefreshToken'),
    on () {},
    use () {}
  }
  const guard = createOidcProviderGuard({
    oidc: await import('oidc-provider'), guard: {} as never, accountOf: async () => null, impersonationOf: async () => null, onGrantSaved: async () => {},
    onGrantRevoked: async id => { calls.push(`host ${id}`) }, findAccount: async () => undefined, issueRefreshToken: async () => false, accessTokenSeconds: 5
  })
  guard.attach(provider as never)
  await guard.revokeGrant('g')
  t.strictSame(calls, ['Grant {"ignoreExpiration":true}', 'AuthorizationCode g', 'RefreshToken g', 'AccessToken g', 'host g'])
})
