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
  setRole (id: string, role: Role): Promise<void>
  remove (id: string): Promise<void>
}

export function createStaff (database: Database): Staff {
  return {
    list: async () => (await database.query<StaffMember>('select id, name, role from staff order by name')).rows,
    find: async id => (await database.query<StaffMember>('select id, name, role from staff where id = $1', [id])).rows[0],
    async setRole (id, role) { await database.query('update staff set role = $2 where id = $1', [id, role]) },
    async remove (id) { await database.query('delete from staff where id = $1', [id]) }
  }
}

export function isRole (value: unknown): value is Role {
  return (roles as readonly unknown[]).includes(value)
}
