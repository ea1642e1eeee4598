import diagnosticsChannel from 'node:diagnostics_channel'
import type { SecurityEvent } from '../../../plugins/index.ts'
import type { Database } from '../database/database.ts'

/** What the guard decided, with the names of people and organizations where they are known. There is no token in it. */
export interface LoggedDecision {
  readonly at: Date
  readonly allowed: boolean
  readonly reason: string
  readonly staff: string | null
  readonly customer: string | null
  readonly client: string | null
  /** The step at which the grant was checked, or `use` for a token that is used. */
  readonly step: string | null
  readonly route: string | null
  readonly organizations: readonly string[]
}

export interface Decisions {
  recent (): Promise<readonly LoggedDecision[]>
  /** Writes nothing more, once what is being written has been. */
  close (): Promise<void>
}

const channel = 'fastify-oauth-resource-server'

/** Keeps what the audit tells of the guard's decisions. They are published on a channel of the process. */
export function createDecisions (database: Database, onError: (error: unknown) => void): Decisions {
  let writing: Promise<unknown> = Promise.resolve()
  const write = async (event: Extract<SecurityEvent, { kind: 'grant-decision' }>): Promise<void> => {
    await database.query(`
      insert into decisions (at, allowed, reason, staff, customer, client, step, route, organizations)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [new Date(event.time), event.allowed, event.reason, event.staff, event.customer, event.grantedTo ?? event.clientId, event.step, event.route,
      JSON.stringify(event.organizations)])
  }
  const listen = (message: unknown): void => {
    const event = message as SecurityEvent
    if (event.kind === 'grant-decision') writing = writing.then(() => write(event)).catch(onError)
  }
  diagnosticsChannel.subscribe(channel, listen)

  return {
    async recent () {
      // What was decided before somebody looks is there to be seen.
      await writing
      return (await database.query<LoggedDecision>(`
        select d.at, d.allowed, d.reason, coalesce(s.name, f.name, d.staff) as staff, coalesce(a.name, d.customer) as customer,
          coalesce(c.name, d.client) as client, d.step, d.route,
          (select coalesce(json_agg(coalesce(n.name, o.id) order by coalesce(n.name, o.id)), '[]')
            from jsonb_array_elements_text(d.organizations) as o (id) left join organization_names n on n.organization = o.id) as organizations
        from decisions d left join staff s on s.id = d.staff left join former_staff f on f.id = d.staff left join accounts a on a.id = d.customer
          left join client_names c on c.client = d.client
        order by d.id desc limit 100`)).rows
    },
    async close () {
      diagnosticsChannel.unsubscribe(channel, listen)
      await writing
    }
  }
}
