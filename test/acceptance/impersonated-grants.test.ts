import { decodeJwt } from 'jose'
import type { LightMyRequestResponse } from 'fastify'
import { test } from 'tap'
import type { SecurityEvent } from '../../plugins/index.ts'
import { codeOf, createGrantingServer } from '../support/granting-server.ts'

const openOnly = { organizations: 'open' }
const refusals = (audit: readonly SecurityEvent[]): unknown[] => audit.filter(event => event.kind === 'grant-decision' && !event.allowed)

/** What a client hears at its redirect URI. */
function heard ({ statusCode, headers }: LightMyRequestResponse): Record<string, string> {
  return { status: String(statusCode), ...Object.fromEntries(new URL(String(headers.location)).searchParams) }
}

test('the short-cut of a first-party client makes no code while staff impersonate (G12, G20, G21)', async t => {
  const server = await createGrantingServer(t)
  const sam = server.signIn('ann', 'sam')
  const back = heard(await server.authorize(sam, { client_id: 'first-party', state: 'xyz' }))
  t.match(back, { status: '303', error: 'access_denied', state: 'xyz', iss: server.issuer.issuer })
  const here = await server.authorize(sam, { client_id: 'first-party', redirect_uri: 'https://evil.example/', state: 'xyz' })
  t.match(here.json(), { error: 'access_denied' })
  t.equal(here.statusCode, 403)
  t.notOk(here.headers.location)
  t.notMatch(JSON.stringify(back) + here.body, /closed/)
  t.equal(server.codes.size + server.grants.size, 0)
  t.match(refusals(server.audit), Array(2).fill({ step: 'first-party', reason: 'not_approved', staff: 'sam', customer: 'ann', organizations: ['closed'] }))

  t.ok(codeOf((await server.authorize(sam, { client_id: 'first-party', ...openOnly })).headers.location), 'G5 what reaches the approved one alone')
  t.ok(codeOf((await server.authorize(server.signIn('ann'), { client_id: 'first-party' })).headers.location), 'G1 the customer')
})

test('a consent makes no code while staff impersonate, and a denial goes through (G13)', async t => {
  const server = await createGrantingServer(t)
  const sam = server.signIn('ann', 'sam')
  t.equal((await server.consent(sam, {})).statusCode, 403)
  t.equal(server.codes.size + server.grants.size, 0)
  t.equal(heard(await server.consent(sam, { allow: false })).error, 'access_denied')
  t.ok(codeOf((await server.consent(sam, openOnly)).headers.location))
  t.ok(codeOf((await server.consent(server.signIn('ann'), {})).headers.location))
  t.match(refusals(server.audit), [{ step: 'consent', reason: 'not_approved' }], 'G22 and each block is one entry')
})

test('an automatic approval uses again what was made in the same state, and by what that reaches (G14, G15)', async t => {
  const server = await createGrantingServer(t)
  const [sam, tom, ann] = [server.signIn('ann', 'sam'), server.signIn('ann', 'tom'), server.signIn('ann')]
  await server.consent(sam, openOnly)
  const asks = async (session: string): Promise<boolean> => (await server.authorize(session, { scope: 'read' })).body.includes('Allow?')
  t.equal(await asks(sam), false, 'staff, what they made themselves')
  t.equal(await asks(tom), true, 'not what others made')
  t.equal(await asks(ann), true, 'nor the customer, what staff made')
  t.equal(await asks(server.signIn('ann', 'sam')), true, 'nor the same in another session')
  await server.consent(ann, {})
  t.equal(await asks(ann), false)
  t.equal(await asks(tom), true, 'nor staff, the customer\'s own')
  t.equal(await asks(server.signIn('bob', 'sam')), true)

  server.directory.setApproval('open', false)
  t.equal(heard(await server.authorize(sam, { scope: 'read' })).error, 'access_denied')
  t.match(refusals(server.audit), [{ step: 'automatic-approval', reason: 'not_approved', grantedTo: 'client', organizations: ['open'] }])
})

test('a code is dead when the approval was withdrawn meanwhile, also when it is given again (G16)', async t => {
  const server = await createGrantingServer(t)
  const sam = server.signIn('ann', 'sam')
  const codes = [codeOf((await server.consent(sam, openOnly)).headers.location), codeOf((await server.consent(sam, openOnly)).headers.location)]
  server.clock.advance(1)
  server.directory.setApproval('open', false)
  t.match((await server.exchange(codes[0]!)).json(), { error: 'invalid_grant' })
  t.equal(server.codes.has(codes[0]!), false, 'it is burned')
  server.clock.advance(1)
  server.directory.setApproval('open', true)
  for (const code of codes) t.match((await server.exchange(code)).json(), { error: 'invalid_grant' })
  t.match(refusals(server.audit), [{ step: 'exchange', reason: 'not_approved' }, { step: 'exchange', reason: 'approval_younger' }])
  t.equal((await server.use((await server.connect(sam)).access_token)).statusCode, 200, 'G18 what is granted now is good')
})

test('a token is dead when the approval is withdrawn, and the customer\'s own are not (G17, G18)', async t => {
  const server = await createGrantingServer(t)
  const staff = (await server.connect(server.signIn('ann', 'sam'))).access_token
  const customer = (await server.connect(server.signIn('ann'))).access_token
  const statuses = async () => [(await server.use(staff)).statusCode, (await server.use(customer)).statusCode]
  t.same(await statuses(), [200, 200])
  server.clock.advance(0.01)
  server.directory.setApproval('open', false)
  t.same(await statuses(), [403, 200])
  server.clock.advance(0.01)
  server.directory.setApproval('open', true)
  t.same(await statuses(), [403, 200])
  server.clock.advance(0.01)
  t.equal((await server.use((await server.connect(server.signIn('ann', 'sam'))).access_token)).statusCode, 200)
})

test('what an impersonator gets: for the idle timeout or what is left, no refresh token, a mark (G24, G25, G26)', async t => {
  const server = await createGrantingServer(t)
  for (const readOnly of [false, true]) {
    const session = server.signIn('ann', 'sam', { readOnly })
    const got = await server.connect(session)
    t.match(got, { expires_in: 900, scope: readOnly ? 'read' : 'read write' })
    t.notOk('refresh_token' in got)
    const { exp, iat, sub, act, impersonation } = decodeJwt(got.access_token)
    t.equal(exp! - iat!, 900)
    t.strictSame({ sub, act, impersonation }, {
      sub: 'ann', act: { sub: 'sam' }, impersonation: { actor: { sub: 'sam' }, granted_at: server.clock.now(), ends_at: server.clock.now() + 3_600_000, session, read_only: readOnly }
    })
    t.match([...server.grants].at(-1)!.record, { staff: 'sam', customer: 'ann', readOnly })
  }
  t.equal(server.refreshTokens.size, 0, 'no refresh row')
  const late = server.signIn('ann', 'sam', { endsAt: server.clock.now() + 61_500 })
  t.match(await server.connect(late), { expires_in: 61 }, 'G25 never past the end')

  const own = await server.connect(server.signIn('ann'))
  t.match(own, { expires_in: 3600, scope: 'read write offline_access', refresh_token: /./ })
  t.notOk('act' in decodeJwt(own.access_token))
  t.notOk('impersonation' in decodeJwt(own.access_token))
})

test('a log-out ends what that member of staff made as that customer, everywhere, and nothing else (G27, G28, G29)', async t => {
  const server = await createGrantingServer(t)
  const [sam, tom, samAsBob, ann] = [server.signIn('ann', 'sam'), server.signIn('ann', 'tom'), server.signIn('bob', 'sam'), server.signIn('ann')]
  const tokens: Array<{ access_token: string, refresh_token?: string }> = []
  for (const session of [sam, tom, samAsBob, ann]) tokens.push(await server.connect(session))
  const code = codeOf((await server.consent(sam, openOnly)).headers.location)
  const statuses = async () => await Promise.all(tokens.map(async token => (await server.use(token.access_token)).statusCode))
  t.same(await statuses(), [200, 200, 200, 200])

  server.clock.advance(1)
  await server.signOut(sam)
  t.same(await statuses(), [401, 200, 200, 200])
  t.same([...server.grants].map(({ record }) => record && [record.staff, record.customer]), [['tom', 'ann'], ['sam', 'bob'], null])
  t.match((await server.exchange(code)).json(), { error: 'invalid_grant' })
  t.equal((await server.refresh(tokens[3]!.refresh_token!)).statusCode, 200)

  await server.signOut(ann)
  t.same(await statuses(), [401, 200, 200, 200], 'G29 that of a customer ends nothing')
  t.equal(server.grants.size, 3)
  t.equal(server.revocations.size, 1)
})

test('a session that ends by itself takes its tokens and codes with it (G30, H35)', async t => {
  for (const [title, seconds, total] of [['idle', 900, 3600], ['total', 600, 600]] as const) {
    const server = await createGrantingServer(t)
    const sam = server.signIn('ann', 'sam', { endsAt: server.clock.now() + total * 1000 })
    // A client that was given more time than the session has.
    const { access_token: token } = await server.connect(sam)
    const long = await server.issuer.token({ ...decodeJwt(token), exp: Math.floor(server.clock.now() / 1000) + 7200 })
    const code = codeOf((await server.consent(sam, openOnly)).headers.location)
    server.clock.advance(seconds - 1)
    t.equal((await server.use(long)).statusCode, 200, title)
    server.clock.advance(1)
    const response = await server.use(long)
    t.equal(response.statusCode, 401)
    t.match(response.headers['www-authenticate'], /^Bearer resource_metadata=".*error="invalid_token"/)
    t.equal((await server.use(token)).statusCode, 401)
    t.match((await server.exchange(code)).json(), { error: 'invalid_grant' })
  }
})

test('who is no longer staff holds nothing, and what they made stays marked (G31)', async t => {
  const server = await createGrantingServer(t)
  const tokens: string[] = []
  for (const [customer, staff] of [['ann', 'sam'], ['bob', 'sam'], ['ann', 'tom'], ['ann']] as const) tokens.push((await server.connect(server.signIn(customer, staff))).access_token)
  const kept = [...server.grants]
  server.clock.advance(1)
  await server.removeStaff('sam')
  t.same(await Promise.all(tokens.map(async token => (await server.use(token)).statusCode)), [401, 401, 200, 200])
  t.same([...server.grants].map(({ record }) => record?.staff ?? null), ['tom', null])
  t.match(kept[0]!.record, { staff: 'sam', customer: 'ann' })
  t.match(decodeJwt(tokens[0]!), { act: { sub: 'sam' } })
})

test('what a caller says of impersonation or reach never overrides what the server knows (G33)', async t => {
  const server = await createGrantingServer(t)
  const sam = server.signIn('ann', 'sam')
  const claimed = { impersonation: '', staff: '', act: '', impersonated: 'false', access: 'organization' }
  t.equal(heard(await server.authorize(sam, { client_id: 'first-party', ...claimed })).error, 'access_denied')
  t.equal((await server.consent(sam, claimed)).statusCode, 403)

  const code = codeOf((await server.consent(sam, openOnly)).headers.location)
  const got = (await server.exchange(code, { ...claimed, organizations: 'open closed', scope: 'read write admin' })).json() as { access_token: string, scope: string }
  t.equal(got.scope, 'read write')
  t.match(decodeJwt(got.access_token), { act: { sub: 'sam' }, organizations: ['open'] })
  const own = await server.connect(server.signIn('ann'), claimed)
  t.notOk('act' in decodeJwt(own.access_token), 'nor does it make a customer one of staff')
})
