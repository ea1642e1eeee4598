import { test } from 'tap'
import {
  callTool, connect, count, optIn, registerClient, signInAsCustomer, signInAsStaff, startImpersonating
} from '../support/example-client.ts'
import { startExample } from '../support/example-server.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { createUserAgent } from '../support/user-agent.ts'

/** Time that goes on as it does, and sometimes faster. */
function createSessionClock (): { now (): number, advance (seconds: number): void } {
  let ahead = 0
  return { now: () => Date.now() + ahead, advance (seconds) { ahead += seconds * 1000 } }
}

test('the end of an impersonation: its tokens, codes and grants are gone, the customer\'s own are not (G27)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const other = await registerClient(example)
  const customer = await optIn(example)
  const ownRequest = client.request()
  const own = await client.exchange(ownRequest, await customer.authorize(ownRequest.url))
  const ends: ReadonlyArray<readonly [string, (staff: UserAgent) => Promise<unknown>]> = [
    ['the button', async staff => await staff.submit(await staff.open(example.issuer), '/impersonation/end')],
    ['signing out', async staff => await staff.submit(await staff.open(example.issuer), '/sign-out')],
    ['signing in as somebody else', async staff => await staff.submit(
      await staff.open(`${example.issuer}/sign-in`), '/sign-in', { account: 'grace', staff: [] })]
  ]
  for (const [index, [name, end]] of ends.entries()) {
    // Somebody else each time: what the same two do within the second of an end is not told from what they did before it.
    const staff = await startImpersonating(example, { staff: ['sam', 'kim', 'robin'][index]! })
    const token = await connect(staff, client)
    const request = other.request()
    const callback = await staff.authorize(request.url)
    t.equal((await callTool(example, token)).status, 200, name)

    await end(staff)
    t.equal((await callTool(example, token)).status, 401)
    t.match(await other.exchange(request, callback), { status: 400, body: { error: 'invalid_grant' } })
    t.equal((await example.database.query('select 1 from grants where staff is not null')).rows.length, 0)
    t.equal(await count(example, 'Grant'), 1)
    t.match((await staff.open(client.request().url)).text, /Sign in|Choose a customer first|Allow access/)
  }
  t.equal((await callTool(example, own.body.access_token!)).status, 200)
  t.match(await client.refresh(own.body.refresh_token!), { status: 200 })
})

test('the end of one leaves what another member of staff has (G28)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const sam = await startImpersonating(example, { staff: 'sam' })
  const kim = await startImpersonating(example, { staff: 'kim' })
  const tokens = [await connect(sam, client), await connect(kim, client)] as const
  await sam.submit(await sam.open(example.issuer), '/impersonation/end')
  t.equal((await callTool(example, tokens[0])).status, 401)
  t.equal((await callTool(example, tokens[1])).status, 200)
})

test('a customer who signs out takes nothing back by that (G29)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  const request = client.request()
  const { body } = await client.exchange(request, await customer.authorize(request.url))
  await customer.submit(await customer.open(example.issuer), '/sign-out')
  t.equal((await callTool(example, body.access_token!)).status, 200)
  t.match(await client.refresh(body.refresh_token!), { status: 200 })
})

for (const { name, limits, endedBy } of [
  { name: 'idle', limits: { idleSeconds: 600, totalSeconds: 36_000 }, endedBy: 'idle limit' },
  { name: 'total', limits: { idleSeconds: 36_000, totalSeconds: 600 }, endedBy: 'total limit' }
]) {
  test(`the ${name} limit: it is over without anybody signing out (G30)`, async t => {
    const sessionClock = createSessionClock()
    const example = await startExample(t, { limits, sessionClock })
    const client = await registerClient(example)
    const customer = await optIn(example)
    const own = await connect(customer, client)
    const staff = await startImpersonating(example)
    const token = await connect(staff, client)
    sessionClock.advance(500)
    t.equal((await callTool(example, token)).status, 200)
    sessionClock.advance(101)
    t.equal((await callTool(example, token)).status, 401, 'though the token itself has not expired')
    t.equal((await callTool(example, own)).status, 200)
    const page = await staff.open(example.issuer)
    t.equal(await count(example, 'Grant'), 1, 'and its grants are deleted with the next clean-up')
    t.notMatch(page.text, 'You are acting as')
    t.match((await staff.open(`${example.issuer}/staff/log`)).text, endedBy)
  })
}

test('whoever does something is not idle (G30)', async t => {
  const sessionClock = createSessionClock()
  const example = await startExample(t, { limits: { idleSeconds: 600, totalSeconds: 36_000 }, sessionClock })
  const staff = await startImpersonating(example)
  for (let i = 0; i < 3; i++) {
    sessionClock.advance(500)
    t.match((await staff.open(example.issuer)).text, 'You are acting as Ada Lovelace')
  }
})

test('what cannot be taken away at the end is nobody else\'s trouble, and is taken away later (G27, G30)', async t => {
  const sessionClock = createSessionClock()
  const example = await startExample(t, { limits: { idleSeconds: 600, totalSeconds: 36_000 }, sessionClock })
  const { issuer, origin, introspectionSecret, revocations } = example
  const client = await registerClient(example, `${origin}/reports`)
  await optIn(example)
  const tokens: string[] = []
  for (const staff of ['sam', 'kim']) {
    const agent = await startImpersonating(example, { staff })
    tokens.push(await connect(agent, client, {}, { organizations: ['analytical-society'] }), await connect(agent, client, { prompt: 'consent' }))
  }
  const alan = createUserAgent()
  await signInAsCustomer(alan, example, 'alan')
  const introspect = async (token: string): Promise<boolean> => {
    const response = await fetch(`${issuer}/token/introspection`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`resource-server:${introspectionSecret}`).toString('base64')}` },
      body: new URLSearchParams({ token })
    })
    return (await response.json() as { active: boolean }).active
  }
  const left = async (): Promise<number> => (await example.database.query('select 1 from grants where staff is not null')).rows.length
  t.equal(await left(), 4)

  const { revoke } = revocations
  const { rows: [first] } = await example.database.query<{ id: string }>("select id from grants where staff = 'sam' order by created_at limit 1")
  let pairs: unknown[] = []
  revocations.revoke = async revocation => {
    if ('grantId' in revocation && revocation.grantId === first!.id) throw new Error('the store is down')
    if ('actor' in revocation) pairs.push(revocation.actor?.subject)
    await revoke(revocation)
  }
  sessionClock.advance(601)
  t.equal((await alan.submit(await alan.open(issuer), '/sign-out')).status, 200, 'somebody else signs out as always')
  t.equal(await left(), 1, 'every other grant of it, and of the other one, is gone')
  t.same(await Promise.all(tokens.map(introspect)), [false, false, false, false])
  t.same([...new Set(pairs)].sort(), ['kim', 'sam'], 'and what is checked without asking')
  t.equal(pairs.filter(one => one === 'kim').length, 1, 'what is done is not done again')

  pairs = []
  revocations.revoke = revoke
  await alan.open(`${issuer}/sign-in`)
  t.equal(await left(), 1, 'nobody has asked')
  await startImpersonating(example, { staff: 'robin' })
  t.equal(await left(), 0, 'and with the next who asks, the rest is')
  const { rows } = await example.database.query<{ left: number }>('select count(*)::int as left from impersonations where ended_at is not null and cleaned_at is null')
  t.same(rows, [{ left: 0 }])
})

test('who is gone in the middle of it: what was ended and not taken away is taken away after the start (G27)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example, `${example.origin}/reports`)
  await optIn(example)
  await connect(await startImpersonating(example), client)
  // What is written before anything is taken away.
  await example.database.query("update impersonations set ended_at = now(), ended_by = 'total limit'")
  t.equal(await count(example, 'AccessToken'), 1)
  await startImpersonating(example, { staff: 'kim' })
  t.equal(await count(example, 'AccessToken'), 0)
  t.equal((await example.database.query('select 1 from grants')).rows.length, 0)
})

test('the session of who signs out is gone, whatever becomes of what came of it (G27)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  const token = await connect(staff, client)
  example.revocations.revoke = async () => { throw new Error('the store is down') }
  const home = await staff.open(example.issuer)
  const response = await staff.post(home, '/sign-out')
  t.equal(response.status, 303)
  t.match(response.headers.get('set-cookie'), /^example_session=; Max-Age=0/)
  t.equal((await callTool(example, token)).status, 401, 'a resource that asks whether it goes on knows all the same')
})

test('a member of staff who is removed, or may not impersonate any more (G31)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  const customer = await optIn(example)
  const own = await connect(customer, client)
  const admin = createUserAgent()
  await signInAsStaff(admin, example, 'robin')
  const ends: ReadonlyArray<readonly [string, () => Promise<unknown>]> = [
    ['demoted', async () => await admin.submit(await admin.open(`${example.issuer}/staff/people`), '/staff/people/sam/role', { role: 'none' })],
    ['removed', async () => await admin.submit(await admin.open(`${example.issuer}/staff/people`), '/staff/people/kim/remove')]
  ]
  for (const [index, [name, end]] of ends.entries()) {
    const staff = await startImpersonating(example, { staff: ['sam', 'kim'][index]! })
    const token = await connect(staff, client)
    t.equal((await callTool(example, token)).status, 200)
    await end()
    t.equal((await callTool(example, token)).status, 401, name)
    t.notMatch((await staff.open(example.issuer)).text, 'You are acting as')
  }
  t.equal((await callTool(example, own)).status, 200)
  const { rows } = await example.database.query<{ staff: string }>('select staff from impersonations order by staff')
  t.same(rows, [{ staff: 'kim' }, { staff: 'sam' }], 'the mark stays when they are gone')
})

test('one who is taken out of the database by hand is gone as well (G31)', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const token = await connect(await startImpersonating(example), client)
  await example.database.query("delete from staff where id = 'sam'")
  t.equal((await callTool(example, token)).status, 401)
})

test('a code of an impersonation that has ended is refused, also while its grant could not be deleted yet (G30)', async t => {
  const sessionClock = createSessionClock()
  const example = await startExample(t, { limits: { idleSeconds: 600, totalSeconds: 36_000 }, sessionClock })
  const client = await registerClient(example)
  await optIn(example)
  const staff = await startImpersonating(example)
  const request = client.request()
  const callback = await staff.authorize(request.url)
  // Nothing is cleaned up, as nobody asks; only the guard at the authorization server can know.
  sessionClock.advance(601)
  t.equal(await count(example, 'Grant'), 1)
  t.match(await client.exchange(request, callback), { status: 400, body: { error: 'invalid_grant' } })
})

test('a resource that asks whether an impersonation goes on only reads [D11]', async t => {
  const example = await startExample(t)
  const client = await registerClient(example)
  await optIn(example)
  const token = await connect(await startImpersonating(example), client)
  const { rows: [before] } = await example.database.query('select pg_current_wal_insert_lsn() as lsn, last_used_at from impersonations')
  t.equal((await fetch(`${example.mcpUrl}`, { headers: { authorization: `Bearer ${token}` } })).status, 405)
  const { rows: [after] } = await example.database.query('select last_used_at from impersonations')
  t.same(after!.last_used_at, before!.last_used_at)
})
