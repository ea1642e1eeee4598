import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { checkGrant as CheckGrant } from '../lib/impersonation/check-grant.ts'
import type { GrantAccess, OrganizationDirectory } from '../lib/stores/organizations/organization-directory.ts'
import type { PostgresClient } from '../lib/stores/organizations/postgres-organization-directory.ts'
import type * as Impersonation from '../plugins/entry-points/impersonation.ts'
import type * as Postgres from '../plugins/entry-points/stores/postgres.ts'
import { missingPostgres, startPostgres } from '../test/support/postgres-server.ts'
import { built } from './built.ts'
import { setting } from './settings.ts'
import { median, printTable } from './statistics.ts'

/** A directory that holds as many organizations, each with a team and with ann as a member, all of them approved. */
interface Contender {
  readonly name: string
  readonly directory: OrganizationDirectory
  /** How many queries were sent so far. */
  readonly queries: () => number
  fill (count: number): Promise<unknown>
}

const rounds = setting('BENCH_ROUNDS', 11)
const counts = [1, 10, 1000, 100_000]
const { createMemoryOrganizationDirectory } = await built<typeof Impersonation>('plugins/entry-points/impersonation.js')
const { createPostgresOrganizationDirectory } = await built<typeof Postgres>('plugins/entry-points/stores/postgres.js')
const { checkGrant } = await built<{ checkGrant: typeof CheckGrant }>('lib/impersonation/check-grant.js')
const schema = await readFile(new URL('../sql/organization-directory.sql', import.meta.url), 'utf8')
const closers: Array<() => unknown> = []

function idsOf (kind: 'org' | 'team', count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`)
}

function inMemory (): Contender {
  let directory = createMemoryOrganizationDirectory({ organizations: [] })
  return {
    name: 'memory',
    directory: { report: (customer, access) => directory.report(customer, access) },
    queries: () => 0,
    async fill (count) {
      directory = createMemoryOrganizationDirectory({
        organizations: idsOf('org', count).map(id => ({ id, aiApproved: true })),
        teams: idsOf('team', count).map((id, i) => ({ id, organization: `org-${i + 1}` })),
        memberships: idsOf('org', count).map(organization => ({ customer: 'ann', organization }))
      })
    }
  }
}

async function inDatabase (name: string, client: PostgresClient, run: (text: string) => Promise<unknown>): Promise<Contender> {
  let queries = 0
  await run(schema)
  return {
    name,
    directory: createPostgresOrganizationDirectory({
      client: {
        query (text, values) {
          queries++
          return client.query(text, values)
        }
      }
    }),
    queries: () => queries,
    async fill (count) {
      await run(`
        truncate oauth_directory.organizations, oauth_directory.teams, oauth_directory.memberships;
        insert into oauth_directory.organizations (id, ai_approved) select 'org-' || i, true from generate_series(1, ${count}) i;
        insert into oauth_directory.teams select 'team-' || i, 'org-' || i from generate_series(1, ${count}) i;
        insert into oauth_directory.memberships select 'ann', 'org-' || i from generate_series(1, ${count}) i`)
      // What a server does by itself, sooner or later.
      await run('analyze')
    }
  }
}

async function contenders (): Promise<Contender[]> {
  const pglite = await PGlite.create()
  closers.unshift(() => pglite.close())
  const all = [inMemory(), await inDatabase('PGlite', pglite, text => pglite.exec(text))]
  if (missingPostgres() !== false) return all
  const { url } = await startPostgres({ teardown: (close: () => unknown) => closers.unshift(close) })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  closers.unshift(() => client.end())
  return [...all, await inDatabase('PostgreSQL', client, text => client.query(text))]
}

/** Milliseconds of one decision about a grant of that access, the median of the rounds. */
async function cost ({ directory, queries }: Contender, access: GrantAccess): Promise<number> {
  const decide = async (): Promise<void> => {
    const { allowed, error } = await checkGrant({ staff: 'staff', customer: 'ann' }, access, directory, { now: 0, timeoutMs: 60_000 })
    if (!allowed) throw new Error('the grant was refused', { cause: error })
  }
  const times: number[] = []
  for (let round = -3; round < rounds; round++) {
    const asked = queries()
    const from = performance.now()
    await decide()
    const took = performance.now() - from
    if (queries() - asked > 1) throw new Error(`${queries() - asked} queries for one decision`)
    // The first rounds make code and caches warm.
    if (round >= 0) times.push(took)
  }
  return median(times)
}

const table: string[][] = []
try {
  for (const contender of await contenders()) {
    const levels = { organization: [] as number[], team: [] as number[], all: [] as number[] }
    for (const count of counts) {
      await contender.fill(count)
      levels.organization.push(await cost(contender, { level: 'organization', organizations: idsOf('org', count) }))
      levels.team.push(await cost(contender, { level: 'team', teams: idsOf('team', count) }))
      levels.all.push(await cost(contender, { level: 'all' }))
    }
    const asked = contender.queries() === 0 ? '0' : '1'
    for (const [level, times] of Object.entries(levels)) {
      const growth = times.at(-1)! / times.at(-2)!
      table.push([contender.name, level, ...times.map(ms => ms.toFixed(ms < 1 ? 3 : 1)), `${growth.toFixed(0)}`, asked])
    }
  }
} finally {
  for (const close of closers) await close()
}

console.log(`\nNode.js ${process.version}, ${availableParallelism()} × ${cpus()[0]!.model}, ${new Date().toISOString().slice(0, 10)}, ${rounds} rounds\n`)
printTable(['directory', 'level of the grant', ...counts.map(count => `${count.toLocaleString('en')}${count === 1 ? ' organization, ms' : ''}`), '100,000 over 1,000', 'queries'], table)
