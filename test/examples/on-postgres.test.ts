import pg from 'pg'
import { test } from 'tap'
import { createOidcAdapter } from '../../examples/demo/database/oidc-adapter.ts'
import { openDatabase } from '../../examples/demo/database/database.ts'
import {
  callTool, connect, count, registerClient, setApproval, signInAsCustomer, signInAsStaff, startImpersonating
} from '../support/example-client.ts'
import { startExample } from '../support/example-server.ts'
import { missingPostgres, startPostgres } from '../support/postgres-server.ts'
import { createUserAgent } from '../support/user-agent.ts'

test('issue 4: the same on PostgreSQL, where it is all there after a restart', { skip: missingPostgres() }, async t => {
  const { url } = await startPostgres(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const example = await startExample(t, { database })

  const client = await registerClient(example)
  const staff = await startImpersonating(example)
  await t.rejects(staff.authorize(client.request().url), { message: /^403 .*This client was not connected/s })
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  await setApproval(customer, example, 'royal-institution', 'on')
  const token = await connect(staff, client)
  t.match(await callTool(example, token), { status: 200, text: 'Analytical Engine' })
  const own = await connect(customer, client)
  t.match(await callTool(example, own, 'create_project', { name: 'Notes' }), { status: 403 })
  t.match(await callTool(example, await connect(customer, client, { scope: 'projects:write' }), 'create_project', { name: 'Notes' }), { status: 200, text: 'Notes' })
  await setApproval(customer, example, 'royal-institution', 'off')
  t.equal((await callTool(example, token)).status, 403)
  t.equal((await callTool(example, own)).status, 200)
  t.match((await staff.open(`${example.issuer}/staff/log`)).text, /not_approved[\s\S]*Royal Institution/)
  await staff.submit(await staff.open(example.issuer), '/impersonation/end')
  t.equal((await callTool(example, token)).status, 401)

  const again = await startExample(t, { databaseUrl: url })
  const ada = createUserAgent()
  const home = await signInAsCustomer(ada, again)
  t.match(home.text, 'Notes')
  t.match(home.text, '1 of 2 organizations')
})

test('RFC 6749 4.1.2: of several exchanges of one code at once one wins at most, and the grant is revoked [D11]', { skip: missingPostgres() }, async t => {
  const { url } = await startPostgres(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const example = await startExample(t, { database })
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  for (let round = 0; round < 5; round++) {
    const request = client.request({ prompt: 'consent' })
    const callback = await customer.authorize(request.url)
    const answers = await Promise.all([1, 2, 3].map(() => client.exchange(request, callback)))
    const won = answers.filter(({ status }) => status === 200)
    t.ok(won.length <= 1, `round ${round}: ${String(won.length)} won`)
    for (const { status, body } of answers) if (status !== 200) t.match({ status, body }, { status: 400, body: { error: 'invalid_grant' } })
    for (const model of ['Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken']) t.equal(await count(example, model), 0, `no ${model} is left`)
    for (const { body } of won) t.equal((await callTool(example, body.access_token!)).status, 401, 'nor is a token that was issued')
  }
})

test('RFC 6749 4.1.2: a token that is saved while its grant is being revoked goes with the grant [D11]', { skip: missingPostgres() }, async t => {
  const { url } = await startPostgres(t)
  const { database } = await startExample(t, { databaseUrl: url })
  const adapterOf = createOidcAdapter(database, { onReuse: async () => {} })
  await adapterOf('Grant').upsert('grant', {}, 60)
  // The order of oidc-provider's own revocation is that of chance.
  await adapterOf('RefreshToken').revokeByGrantId('grant')
  await adapterOf('RefreshToken').upsert('token', { grantId: 'grant' }, 60)
  await adapterOf('Grant').destroy('grant')
  t.equal(await adapterOf('RefreshToken').find('token'), undefined)
  await t.rejects(adapterOf('RefreshToken').upsert('late', { grantId: 'grant' }, 60), { name: 'InvalidGrant' })
})

test('a restart brings nobody back who was removed [D11]', { skip: missingPostgres() }, async t => {
  const { url } = await startPostgres(t)
  const example = await startExample(t, { databaseUrl: url })
  const robin = createUserAgent()
  await signInAsStaff(robin, example, 'robin')
  await robin.submit(await robin.open(`${example.issuer}/staff/people`), '/staff/people/kim/remove')
  const again = await startExample(t, { databaseUrl: url })
  const { rows } = await again.database.query<{ id: string }>('select id from staff order by id')
  t.same(rows, [{ id: 'robin' }, { id: 'sam' }])
})

test('a locked table is 503 soon, and a refresh that it interrupts loses no token [C8]', { skip: missingPostgres() }, async t => {
  const { url } = await startPostgres(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const example = await startExample(t, { database })
  const client = await registerClient(example)
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  const request = client.request({ scope: 'offline_access projects:read', prompt: 'consent' })
  const { body } = await client.exchange(request, await customer.authorize(request.url))
  const locker = new pg.Client({ connectionString: url })
  await locker.connect()
  t.teardown(() => locker.end())
  await locker.query('begin; lock table accounts')
  // More than the pool has connections.
  const pages = await Promise.all(Array.from({ length: 12 }, async () => (await fetch(`${example.issuer}/sign-in`)).status))
  t.same([...new Set(pages)], [503])
  t.match(await client.refresh(body.refresh_token!), { status: 503, body: { error: 'temporarily_unavailable' } })
  await locker.query('rollback')
  t.equal((await client.refresh(body.refresh_token!)).status, 200, 'the same refresh token works afterwards')
})
