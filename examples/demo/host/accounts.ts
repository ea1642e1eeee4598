import type { Database } from '../database/database.ts'

/** Somebody who can sign in. There are no passwords: this is a demonstration. */
export interface DemoAccount {
  readonly id: string
  readonly name: string
}

export interface Accounts {
  list (): Promise<readonly DemoAccount[]>
  find (id: string): Promise<DemoAccount | undefined>
}

export function createAccounts (database: Database): Accounts {
  return {
    list: async () => (await database.query<DemoAccount>('select id, name from accounts order by name')).rows,
    find: async id => (await database.query<DemoAccount>('select id, name from accounts where id = $1', [id])).rows[0]
  }
}
