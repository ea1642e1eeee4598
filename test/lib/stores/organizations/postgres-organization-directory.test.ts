import { readFile } from 'node:fs/promises'
import tap, { test } from 'tap'
import { OptionError } from '../../../../lib/errors/errors.ts'
import type { PostgresClient } from '../../../../lib/stores/organizations/postgres-organization-directory.ts'
import { createPostgresOrganizationDirectory } from '../../../../lib/stores/organizations/postgres-organization-directory.ts'
import type { SuiteContents } from '../../../support/directory-suite.ts'
import { directorySuite } from '../../../support/directory-suite.ts'
import type { OrganizationDatabase } from '../../../support/organization-database.ts'
import { databaseKinds, organizationSchema } from '../../../support/organization-database.ts'

const organizations = (...ids: string[]) => ({ level: 'organization', organizations: ids }) as const

/** Replaces what the tables hold. */
async function fill ({ client, run }: OrganizationDatabase, { organizations, teams = [], memberships = [] }: SuiteContents): Promise<void> {
  await run('truncate oauth_directory.organizations, oauth_directory.teams, oauth_directory.memberships')
  await client.query(`insert into oauth_directory.organizations
    select id, approved, case when approved then to_timestamp(since / 1000) end from unnest($1::text[], $2::boolean[], $3::float8[]) as given (id, approved, since)`,
  [organizations.map(({ id }) => id), organizations.map(({ aiApproved = null }) => aiApproved), organizations.map(({ approvedSince = 0 }) => approvedSince)])
  await client.query('insert into oauth_directory.teams select * from unnest($1::text[], $2::text[])',
    [teams.map(({ id }) => id), teams.map(({ organization }) => organization)])
  await client.query('insert into oauth_directory.memberships select * from unnest($1::text[], $2::text[])',
    [memberships.map(({ customer }) => customer), memberships.map(({ organization }) => organization)])
}

// All of them are there before the first test begins: tap takes a pause between two tests for the end.
const databases = await Promise.all(databaseKinds.map(async ({ name, missing, open }) => ({ name, missing, database: missing === false ? await open(tap) : null })))

for (const { name, missing, database } of databases) {
  if (database !== null) {
    let roundTrips = 0
    const directory = createPostgresOrganizationDirectory({
      client: {
        query (text, values) {
          roundTrips++
          return database.client.query(text, values)
        }
      }
    })
    directorySuite(name, async (contents, clock) => {
      await fill(database, contents)
      return {
        directory,
        roundTrips: () => roundTrips,
        async setApproval (organization, aiApproved) {
          await database.client.query('select oauth_directory.set_ai_approval($1, $2, to_timestamp($3::float8 / 1000))', [organization, aiApproved, clock.now()])
        }
      }
    })
  }

  test(name, { skip: missing }, async t => {
    const { client, run } = database!
    const queries: string[] = []
    const counted: PostgresClient = {
      query (text, values) {
        queries.push(text)
        return client.query(text, values)
      }
    }
    const directory = createPostgresOrganizationDirectory({ client: counted })
    const approve = (id: string, approved: boolean | null) => client.query('select oauth_directory.set_ai_approval($1, $2)', [id, approved])
    const approvedSince = async (id: string) => (await directory.report('x', organizations(id))).approvedSince

    t.beforeEach(async () => {
      await run('truncate oauth_directory.organizations, oauth_directory.teams, oauth_directory.memberships')
      queries.length = 0
    })

    await t.test('one query, however many organizations are in reach', async t => {
      await run(`
        insert into oauth_directory.organizations (id, ai_approved) select 'org-' || i, i > 150 from generate_series(1, 20000) i;
        insert into oauth_directory.teams select 'team-' || i, 'org-' || i from generate_series(1, 20000) i;
        insert into oauth_directory.memberships select 'ann', 'org-' || i from generate_series(1, 20000) i`)
      const ids = Array.from({ length: 20_000 }, (_, i) => i + 1)
      for (const reach of [
        organizations(...ids.map(id => `org-${id}`)), { level: 'team', teams: ids.map(id => `team-${id}`) }, { level: 'all' }
      ] as const) {
        const report = await directory.report('ann', reach)
        t.match(report, { organizations: 20_000, complete: true }, reach.level)
        t.equal(report.withoutApproval.length, 100, 'as many as an audit can read')
        t.ok(report.withoutApproval.every(id => Number(id.slice(4)) <= 150))
      }
      t.equal(queries.length, 3)
    })

    await t.test('an identifier is text and nothing else', async t => {
      const ids = [
        '', ' ', 'a\'b', '"', 'a"b', '\\', 'a\\b', '{a,b}', 'null', 'NULL', 'ü', 'u\u0308', '\u{1F600}', 'a\nb', '\u0001', '\uFFFD', '$1', '%',
        "'); drop table oauth_directory.organizations; --"
      ]
      for (const id of ids) {
        await client.query('insert into oauth_directory.organizations (id) values ($1)', [id])
        await client.query('insert into oauth_directory.teams values ($1, $1)', [id])
        await client.query('insert into oauth_directory.memberships values ($1, $1)', [id])
      }
      for (const id of ids) {
        for (const reach of [organizations(id), { level: 'team', teams: [id] }, { level: 'all' }] as const) {
          t.same(await directory.report(id, reach), { organizations: 1, complete: true, withoutApproval: [id], approvedSince: null }, JSON.stringify(id))
        }
      }
      const report = await directory.report('x', organizations(...ids))
      t.same(new Set(report.withoutApproval), new Set(ids))
    })

    await t.test('what cannot be text in a database is unknown', async t => {
      await approve('\uFFFD', true)
      await approve('a', true)
      await client.query("insert into oauth_directory.memberships values ('\uFFFD', 'a')", [])
      for (const id of ['\uD800', '\uDC00', 'a\0']) {
        t.match(await directory.report('x', organizations('a', id)), { organizations: 1, complete: false }, JSON.stringify(id))
        t.match(await directory.report('x', { level: 'team', teams: [id] }), { organizations: 0, complete: false })
        t.match(await directory.report(id, { level: 'all' }), { organizations: 0, complete: true })
      }
      t.match(await directory.report('x', organizations('\uD800')), { organizations: 0, complete: false }, 'also by itself')
      t.match(await directory.report('x', organizations('\uD83D', '\uDE00')), { organizations: 0, complete: false }, 'two halves are no whole')
    })

    await t.test('since when an approval holds (G18)', async t => {
      const before = Date.now()
      await approve('a', true)
      const first = (await approvedSince('a'))!
      t.ok(first >= before && first <= Date.now() + 1, 'it is milliseconds')
      await approve('a', true)
      t.equal(await approvedSince('a'), first, 'another yes is no news')
      await run("update oauth_directory.organizations set id = 'b' where id = 'a'")
      t.equal(await approvedSince('b'), first)

      for (const withdrawn of [false, null]) {
        await approve('b', withdrawn)
        t.match(await directory.report('x', organizations('b')), { withoutApproval: ['b'], approvedSince: null })
        t.same((await client.query('select ai_approved_at as at from oauth_directory.organizations', [])).rows, [{ at: null }])
      }
      await approve('b', true)
      t.ok((await approvedSince('b'))! >= first, 'one that is given again is a new one')
    })

    await t.test('an approval holds since it was written, not since its transaction began (G18)', async t => {
      await run("insert into oauth_directory.organizations (id, ai_approved) values ('updated', false)")
      await run(`
        begin;
        insert into oauth_directory.organizations values ('begin', true, now());
        do $$ begin while clock_timestamp() < now() + interval '5 milliseconds' loop end loop; end $$;
        insert into oauth_directory.organizations (id, ai_approved) values ('inserted', true);
        update oauth_directory.organizations set ai_approved = true where id = 'updated';
        commit`)
      for (const id of ['inserted', 'updated']) t.ok((await approvedSince(id))! > (await approvedSince('begin'))!, id)
    })

    await t.test('the youngest approval in reach counts (G18)', async t => {
      await run(`insert into oauth_directory.organizations values
        ('old', true, '2026-01-01T00:00:00Z'), ('young', true, '2026-02-01T00:00:00.000001Z'), ('no', false, '2026-03-01T00:00:00Z')`)
      t.equal(await approvedSince('old'), Date.UTC(2026, 0, 1))
      t.equal((await directory.report('x', organizations('young', 'old'))).approvedSince, Date.UTC(2026, 1, 1) + 1, 'and is not made older than it is')
      t.equal((await directory.report('x', organizations('old', 'no'))).approvedSince, Date.UTC(2026, 0, 1), 'one that is none has no time')
      await run("update oauth_directory.organizations set ai_approved_at = 'infinity' where id = 'young'")
      t.equal(await approvedSince('young'), 8.64e15)
      await run("update oauth_directory.organizations set ai_approved_at = '-infinity' where id = 'young'")
      t.equal(await approvedSince('young'), null)
    })

    await t.test('tables that an application has already', async t => {
      await run(`
        drop schema if exists app cascade; create schema app;
        create table app.companies (number int primary key, settings jsonb);
        create view app.organizations as
          select number::text as id, settings -> 'ai' = 'true' as ai_approved, null::timestamptz as ai_approved_at from app.companies;
        create view app.teams as select 'team-' || number as id, number::text as organization from app.companies;
        create view app.memberships as select 'ann' as customer, number::text as organization from app.companies;
        insert into app.companies values (1, '{"ai":true}'), (2, '{"ai":"true"}'), (3, '{"ai":1}'), (4, '{}'), (5, null), (6, '{"ai":false}')`)
      const theirs = createPostgresOrganizationDirectory({ client, schema: 'app' })
      t.same(await theirs.report('x', organizations('1')), { organizations: 1, complete: true, withoutApproval: [], approvedSince: null })
      for (const id of ['2', '3', '4', '5', '6']) {
        t.match(await theirs.report('x', organizations('1', id)), { organizations: 2, withoutApproval: [id] }, 'G23 only the boolean true is a yes')
      }
      t.match(await theirs.report('ann', { level: 'all' }), { organizations: 6, complete: true, withoutApproval: { length: 5 } })
      t.match(await theirs.report('ann', { level: 'team', teams: ['team-1', 'team-9'] }), { organizations: 1, complete: false })
    })

    await t.test('the views of the documentation', async t => {
      const page = await readFile(new URL('../../../../docs/stores.md', import.meta.url), 'utf8')
      const views = /^```sql\n([^]*?)^```$/m.exec(page)![1]!
      await run(`
        drop schema if exists ai_consent cascade; drop table if exists companies, projects, company_members;
        create table companies (id int primary key, settings jsonb, ai_consented_at timestamptz);
        create table projects (id uuid primary key, company_id int);
        create table company_members (user_id bigint, company_id int);
        insert into companies values (1, '{"ai_processing":true}', '2026-01-01T00:00:00Z'), (2, '{"ai_processing":"true"}', null), (3, '{}', null);
        insert into projects values ('00000000-0000-4000-8000-000000000001', 1);
        insert into company_members values (7, 1), (7, 2), (7, 3)`)
      await run(views)
      const theirs = createPostgresOrganizationDirectory({ client, schema: 'ai_consent' })
      t.same(await theirs.report('x', { level: 'team', teams: ['00000000-0000-4000-8000-000000000001'] }),
        { organizations: 1, complete: true, withoutApproval: [], approvedSince: Date.UTC(2026, 0, 1) })
      const { withoutApproval, ...report } = await theirs.report('7', { level: 'all' })
      t.match(report, { organizations: 3, complete: true })
      t.same(new Set(withoutApproval), new Set(['2', '3']))
    })

    await t.test('a view that has an organization twice approves it when both rows do', async t => {
      await run(`
        drop schema if exists twice cascade; create schema twice;
        create table twice.organizations (id text, ai_approved boolean, ai_approved_at timestamptz);
        insert into twice.organizations values ('a', true), ('a', false), ('b', true), ('b', null)`)
      const twice = createPostgresOrganizationDirectory({ client, schema: 'twice' })
      for (const id of ['a', 'b']) t.match(await twice.report('x', organizations(id)), { withoutApproval: [id] })
    })

    await t.test('an approval that is no boolean is refused by the database', async t => {
      await run("drop schema if exists odd cascade; create schema odd; create view odd.organizations as select 'a' as id, 'true' as ai_approved, now() as ai_approved_at")
      const odd = createPostgresOrganizationDirectory({ client, schema: 'odd' })
      await t.rejects(async () => await odd.report('x', organizations('a')))
    })

    await t.test('a schema may have any name', async t => {
      await run(`create schema "a""; drop table x; --ü"; create view "a""; drop table x; --ü".organizations as
        select 'a' as id, true as ai_approved, null::timestamptz as ai_approved_at`)
      const odd = createPostgresOrganizationDirectory({ client, schema: 'a"; drop table x; --ü' })
      t.match(await odd.report('x', organizations('a')), { organizations: 1 })
    })

    await t.test('the SQL file can be run again, and by several at once', async t => {
      await approve('a', true)
      const text = await readFile(organizationSchema, 'utf8')
      await run('drop schema if exists unrelated cascade')
      await Promise.all([run(text), run(text), run(text)])
      t.match(await directory.report('x', organizations('a')), { organizations: 1, withoutApproval: [] })
      await run('drop schema oauth_directory cascade')
      await Promise.all([run(text), run(text), run(text)])
      t.match(await directory.report('x', organizations('a')), { complete: false })
    })

    await t.test('a database that fails is an error, and not an answer (G19)', async t => {
      const gone = createPostgresOrganizationDirectory({ client, schema: 'gone' })
      await t.rejects(async () => await gone.report('x', organizations('a')), /gone/)
    })
  })
}

test('options that are none', t => {
  const client: PostgresClient = { query: async () => ({ rows: [] }) }
  const cases: ReadonlyArray<[options: unknown, message: RegExp]> = [
    [{}, /client/], ...[{ password: 'secret' }, null, 'x'].map((client): [unknown, RegExp] => [{ client }, /^client must be one with a function query$/]),
    [{ client, schema: 7 }, /schema must be a string, got 7/], [{ client, table: 'x' }, /unknown option "table"/],
    ...['', 'a\0', '\uD800', 'x'.repeat(64), 'ü'.repeat(32)].map((schema): [unknown, RegExp] => [{ client, schema }, /schema must be a name of 1 to 63 bytes/])
  ]
  for (const [options, message] of cases) {
    t.throws(() => createPostgresOrganizationDirectory(options as never), OptionError)
    t.throws(() => createPostgresOrganizationDirectory(options as never), { message })
  }
  for (const schema of ['x', 'x'.repeat(63), `${'ü'.repeat(31)}x`]) t.ok(createPostgresOrganizationDirectory({ client, schema }), schema)
  t.end()
})
