import { test } from 'tap'
import { openDatabase } from '../../examples/server/database/database.ts'
import {
  callTool, connect, registerClient, setApproval, signInAsCustomer, startImpersonating
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
  t.match((await staff.open(`${example.issuer}/staff/log`)).text, /not_approved[\s\S]*royal-institution/)
  await staff.submit(await staff.open(example.issuer), '/impersonation/end')
  t.equal((await callTool(example, token)).status, 401)

  const again = await startExample(t, { databaseUrl: url })
  const ada = createUserAgent()
  const home = await signInAsCustomer(ada, again)
  t.match(home.text, 'Notes')
  t.match(home.text, '1 of 2 organizations')
})
