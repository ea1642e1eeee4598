/** One decision of the guard about a grant that covers 100,000 organizations, on PostgreSQL. */
import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import pg from 'pg'
import { load } from './support/ours.js'
import { startPostgres } from './support/postgres.js'
import { runAlone } from './support/report.js'
import { quick } from './support/settings.js'

const { impersonationGuard } = await load('entry-points/impersonation')
const { createPostgresOrganizationDirectory } = await load('entry-points/stores/postgres')
const sizes = [10, 1000, 100_000]
const ids = (kind, count) => Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`)
const levels = {
  organization: count => ({ level: 'organization', organizations: ids('org', count) }),
  team: count => ({ level: 'team', teams: ids('team', count) }),
  all: () => ({ level: 'all' })
}
const impersonation = { staff: 'staff', customer: 'ann' }

export async function bench () {
  const server = await startPostgres()
  if (server === null) {
    console.error('skipped: PostgreSQL is not installed')
    return []
  }
  const client = new pg.Client({ host: server.host, user: 'postgres', database: 'postgres' })
  await client.connect()
  let queries = 0
  const directory = createPostgresOrganizationDirectory({
    client: {
      query (text, values) {
        queries++
        return client.query(text, values)
      }
    }
  })
  const app = Fastify()
  await app.register(impersonationGuard, { directory, impersonationOf: () => impersonation, timeoutMs: 60_000 })
  await client.query(await readFile(new URL('../sql/organization-directory.sql', import.meta.url), 'utf8'))
  const rows = []
  for (const count of sizes) {
    await client.query(`
      truncate oauth_directory.organizations, oauth_directory.teams, oauth_directory.memberships;
      insert into oauth_directory.organizations (id, ai_approved) select 'org-' || i, true from generate_series(1, ${count}) i;
      insert into oauth_directory.teams select 'team-' || i, 'org-' || i from generate_series(1, ${count}) i;
      insert into oauth_directory.memberships select 'ann', 'org-' || i from generate_series(1, ${count}) i`)
    // Otherwise the server does it by itself, beside the first decisions.
    await client.query('vacuum analyze')
    for (const [level, accessOf] of Object.entries(levels)) {
      const access = accessOf(count)
      const values = []
      for (let round = -3; round < (quick ? 5 : 15); round++) {
        const asked = queries
        const before = performance.now()
        const { allowed } = await app.impersonationGuard.checkNewGrant({ step: 'consent', impersonation, access, client: 'bench' })
        const took = performance.now() - before
        if (!allowed || queries - asked !== 1) throw new Error(`allowed: ${allowed}, queries: ${queries - asked}`)
        if (round >= 0) values.push(took)
      }
      rows.push({ name: `${count.toLocaleString('en')} organizations, access level \`${level}\``, role: count === 100_000 ? 'ours' : 'reference', values })
    }
  }
  await client.end()
  await server.stop()
  return [{ title: 'A decision of the guard, PostgreSQL', unit: 'milliseconds of wall time', base: 'One query a decision.', limit: 40, rows }]
}

await runAlone(import.meta, bench)
