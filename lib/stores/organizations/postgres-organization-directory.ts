import { OptionError } from '../../errors/errors.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from './organization-directory.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Runs SQL: a `Pool` or `Client` of `pg`, and PGlite, as they are. */
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

/** The most organizations that an audit entry lists. */
const mostNamed = 100

/** The last millisecond that a `Date` can hold, in the place of `infinity`, which is no number in JSON. */
const endOfTime = 8_640_000_000_000_000

/**
 * An organization for each row; `null` stands for a team that is not known. `$1` is a list of ids, or the customer. An
 * organization may be found several times, which the answer does not depend on: removing duplicates takes longer than the rest.
 */
const covered = (schema: string): Readonly<Record<GrantAccess['level'], string>> => ({
  organization: 'select id as organization from unnest($1::text[]) as named (id)',
  team: `select teams.organization from unnest($1::text[]) as named (id) left join ${schema}.teams on teams.id = named.id`,
  all: `select organization from ${schema}.memberships where customer = $1::text`
})

/** `-infinity` is before any grant. */
const youngest = "max(organizations.ai_approved_at) filter (where organizations.ai_approved and organizations.ai_approved_at > '-infinity')"

/**
 * The database returns the answer and not the rows, as one text: drivers, and hosts who configure them, differ in how they
 * convert numbers, times and lists. Nothing is computed for each row but counts, a maximum, and the ids without approval.
 *
 * Of an organization that a view has twice, each row has to be an approval.
 */
const reportOn = (schema: string, access: string): string => `
select json_build_object(
  'organizations', count(organizations.id),
  'complete', count(organizations.id) = count(*),
  'withoutApproval', coalesce((array_agg(covered.organization)
    filter (where organizations.ai_approved is not true and organizations.id is not null))[1:${mostNamed}], '{}'),
  'approvedSince', case when ${youngest} is not null
    then ceil(least(extract(epoch from ${youngest})::numeric * 1000, ${endOfTime})) end
)::text as report
from (${access}) as covered left join ${schema}.organizations on organizations.id = covered.organization`

/**
 * A directory in PostgreSQL, also in PGlite: one query for each decision, however many organizations a grant covers.
 *
 * It does not retry and caches nothing; an error of the database is thrown as it is. Query the primary: a replica may still have
 * an approval that was withdrawn.
 *
 * @throws OptionError
 */
export function createPostgresOrganizationDirectory (options: PostgresOrganizationDirectoryOptions): OrganizationDirectory {
  checkOptions('', optionsSchema, options)
  const { client, schema = 'oauth_directory' } = options
  // A client is not shown: it may hold a password.
  if (typeof (client as Partial<PostgresClient> | null)?.query !== 'function') throw new OptionError('client must be one with a function query')
  const quoted = quoteIdentifier(schema)
  const accesses = covered(quoted)
  const queries: Readonly<Record<GrantAccess['level'], string>> = {
    organization: reportOn(quoted, accesses.organization),
    team: reportOn(quoted, accesses.team),
    all: reportOn(quoted, accesses.all)
  }

  const ask = async (level: GrantAccess['level'], value: unknown): Promise<AccessReport> => {
    const { rows } = await client.query(queries[level], [value])
    const [row] = rows as ReadonlyArray<{ report: string }>
    return JSON.parse(row!.report) as AccessReport
  }
  const askAbout = async (level: 'organization' | 'team', ids: readonly string[]): Promise<AccessReport> => {
    const { literal, complete } = arrayLiteral(ids)
    const report = await ask(level, literal)
    return complete ? report : { ...report, complete: false }
  }

  return {
    async report (customer, access) {
      switch (access.level) {
        case 'organization': return await askAbout('organization', access.organizations)
        case 'team': return await askAbout('team', access.teams)
        case 'all': return await ask('all', isText(customer) ? customer : null)
      }
    }
  }
}

/**
 * The ids as an array of PostgreSQL in its text form: drivers take a multiple of the time for a hundred thousand of them.
 *
 * @returns `complete` is false when an id cannot be one of the database
 */
function arrayLiteral (ids: readonly string[]): { literal: string, complete: boolean } {
  // Joined by a character, so that halves of surrogate pairs in two ids do not make a pair.
  if (ids.length > 0 && !/["\\\0\p{Surrogate}]/u.test(ids.join('\n'))) return { literal: `{"${ids.join('","')}"}`, complete: true }
  const texts = ids.filter(isText)
  return { literal: `{${texts.map(id => `"${id.replace(/["\\]/g, '\\$&')}"`).join(',')}}`, complete: texts.length === ids.length }
}

/**
 * Whether PostgreSQL can hold it. A lone surrogate would be sent as U+FFFD, which is another id; such an id is unknown.
 */
function isText (id: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(id)
}

function quoteIdentifier (name: string): string {
  // PostgreSQL truncates a longer name to 63 bytes, and would use another schema.
  if (name === '' || !isText(name) || Buffer.byteLength(name) > 63) throw new OptionError('schema must be a name of 1 to 63 bytes')
  return `"${name.replaceAll('"', '""')}"`
}
