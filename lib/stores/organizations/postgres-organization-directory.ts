import { OptionError } from '../../errors/errors.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from './organization-directory.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Whatever runs SQL: a `Pool` or `Client` of `pg`, and PGlite, as they are. */
export interface PostgresClient {
  query (text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

export interface PostgresOrganizationDirectoryOptions {
  /** The host's own; it opens, limits and closes its connections, and its time limits are those of the directory. */
  readonly client: PostgresClient
  /**
   * The schema that holds `organizations`, `teams` and `memberships`, as tables or as views. Default: `oauth_directory`,
   * which `sql/organization-directory.sql` makes.
   */
  readonly schema?: string
}

const optionsSchema = Type.Object({
  client: Type.Unknown(),
  schema: Type.Optional(Type.String())
}, { additionalProperties: false })

/** As many as an audit needs to see what happened. */
const mostNamed = 100

/** The last millisecond that a `Date` can hold, in the place of `infinity`, which is no number in JSON. */
const endOfTime = 8_640_000_000_000_000

/** An organization for each row; `null` stands for a team that leads nowhere. `$1` is a list of ids, or the customer. */
const reached = (schema: string): Readonly<Record<GrantAccess['level'], string>> => ({
  organization: 'select id as organization from unnest($1::text[]) as named (id)',
  // Many teams are of one organization, and which, is known only here.
  team: `select distinct teams.organization from unnest($1::text[]) as named (id) left join ${schema}.teams on teams.id = named.id`,
  all: `select distinct organization from ${schema}.memberships where customer = $1::text`
})

/**
 * The database is asked for the answer and not for the rows. What it says is one text: drivers, and hosts who configure
 * them, differ in what they make of numbers, times and lists.
 *
 * A view that has an organization twice finds it without approval when one of the rows does.
 */
const reportOn = (schema: string, reach: string): string => `
with found as (
  select reached.organization, organizations.id is not null as known, organizations.ai_approved is true as approved,
    organizations.ai_approved_at as since
  from (${reach}) as reached left join ${schema}.organizations on organizations.id = reached.organization
)
select json_build_object(
  'organizations', count(*) filter (where known),
  'complete', coalesce(bool_and(known), true),
  'withoutApproval', coalesce((array_agg(organization) filter (where known and not approved))[1:${mostNamed}], '{}'),
  'approvedSince', ceil(max(least(extract(epoch from since)::numeric * 1000, ${endOfTime})) filter (where approved and since > '-infinity'))
)::text as report
from found`

/**
 * A directory in PostgreSQL, also in PGlite: one query for each decision, however many organizations are in reach.
 *
 * It does not retry and keeps nothing; an error of the database is thrown as it is, and a guard refuses then. Ask the
 * primary: on a replica an approval outlives its withdrawal.
 *
 * @throws OptionError
 */
export function createPostgresOrganizationDirectory (options: PostgresOrganizationDirectoryOptions): OrganizationDirectory {
  checkOptions('', optionsSchema, options)
  const { client, schema = 'oauth_directory' } = options
  // A client is not shown: it may hold a password.
  if (typeof (client as Partial<PostgresClient> | null)?.query !== 'function') throw new OptionError('client must be one with a function query')
  const quoted = quoteIdentifier(schema)
  const reaches = reached(quoted)
  const queries: Readonly<Record<GrantAccess['level'], string>> = {
    organization: reportOn(quoted, reaches.organization),
    team: reportOn(quoted, reaches.team),
    all: reportOn(quoted, reaches.all)
  }

  const ask = async (level: GrantAccess['level'], value: unknown): Promise<AccessReport> => {
    const { rows } = await client.query(queries[level], [value])
    const [row] = rows as ReadonlyArray<{ report: string }>
    return JSON.parse(row!.report) as AccessReport
  }
  const askAbout = async (level: 'organization' | 'team', ids: readonly string[]): Promise<AccessReport> => {
    const distinct = [...new Set(ids)]
    const texts = distinct.filter(isText)
    const report = await ask(level, texts)
    return { ...report, complete: report.complete && texts.length === distinct.length }
  }

  return {
    async report (customer, reach) {
      switch (reach.level) {
        case 'organization': return await askAbout('organization', reach.organizations)
        case 'team': return await askAbout('team', reach.teams)
        case 'all': return await ask('all', isText(customer) ? customer : null)
      }
    }
  }
}

/**
 * Whether PostgreSQL can hold it. A lone surrogate would be sent as U+FFFD, which is another id; no id of the database
 * can be one that is not text, so it is unknown.
 */
function isText (id: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(id)
}

function quoteIdentifier (name: string): string {
  // 63 bytes are what PostgreSQL keeps of a name: of a longer one it would take another.
  if (name === '' || !isText(name) || Buffer.byteLength(name) > 63) throw new OptionError('schema must be a name of 1 to 63 bytes')
  return `"${name.replaceAll('"', '""')}"`
}
