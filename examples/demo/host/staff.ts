import type { Database } from '../database/database.ts'

export const roles = ['none', 'support', 'admin'] as const
/** `support` may impersonate customers; `admin` may, too, and says who may; `none` may neither. */
export type Role = typeof roles[number]

export interface StaffMember {
  readonly id: string
  readonly name: string
  readonly role: Role
}

export interface Staff {
  list (): Promise<readonly StaffMember[]>
  find (id: string): Promise<StaffMember | undefined>
  /** Also of a removed one; the identifier of one that never was. */
  nameOf (id: string): Promise<string>
  setRole (id: string, role: Role): Promise<void>
  /** Its name stays known, for the log. */
  remove (id: string): Promise<void>
}

export function createStaff (database: Database): Staff {
  return {
    list: async () => (await database.query<StaffMember>('select id, name, role from staff order by name')).rows,
    find: async id => (await database.query<StaffMember>('select id, name, role from staff where id = $1', [id])).rows[0],
    nameOf: async id => (await database.query<{ name: string }>(`
      select name from (select id, name, 1 as rank from staff union all select id, name, 2 from former_staff) as known
      where id = $1 order by rank limit 1`, [id])).rows[0]?.name ?? id,
    async setRole (id, role) { await database.query('update staff set role = $2 where id = $1', [id, role]) },
    async remove (id) {
      await database.query(`
        with removed as (delete from staff where id = $1 returning id, name)
        insert into former_staff select id, name from removed on conflict (id) do update set name = excluded.name`, [id])
    }
  }
}

export function isRole (value: unknown): value is Role {
  return (roles as readonly unknown[]).includes(value)
}
