import type { Database } from '../database/database.ts'

/**
 * What clients were called when somebody was asked about them. That is what people know them by; and a client that is known
 * by a document of its own can be shown, and taken away, when its document is gone, and does not hear of either.
 */
export interface ClientNames {
  remember (client: string, name: string): Promise<void>
  /** The identifier of one that nobody was asked about. */
  of (client: string): Promise<string>
}

export function createClientNames (database: Database): ClientNames {
  return {
    async remember (client, name) {
      await database.query('insert into client_names (client, name) values ($1, $2) on conflict (client) do update set name = excluded.name', [client, name])
    },
    of: async client =>
      (await database.query<{ name: string }>('select name from client_names where client = $1', [client])).rows[0]?.name ?? client
  }
}
