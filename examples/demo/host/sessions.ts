import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../../plugins/index.ts'
import type { Database } from '../database/database.ts'
import type { DemoAccount } from './accounts.ts'
import type { Impersonations, RunningImpersonation } from './impersonations.ts'
import type { Role, StaffMember } from './staff.ts'

/** The session of a browser. */
export interface BrowserSession {
  readonly id: string
  /** Every form contains it; a page of another site does not know it. */
  readonly formToken: string
  readonly signedInAt: Date
  /** The customer, also during an impersonation; `null` for staff without one. */
  readonly account: DemoAccount | null
  /** The member of staff; `null` for customers. */
  readonly staff: StaffMember | null
  readonly impersonation: RunningImpersonation | null
  /** What the last form did; shown by one page. */
  readonly notice: string | null
}

export interface Sessions {
  /** The session of a request; `null` when nobody is signed in. */
  of (request: { readonly headers: { readonly cookie?: string | undefined } }): Promise<BrowserSession | null>
  /** @returns the `Set-Cookie` of the new session */
  signIn (who: { readonly account: string } | { readonly staff: string }): Promise<string>
  /** Sets what the next page confirms; `null` once a page has shown it. */
  setNotice (session: BrowserSession, notice: string | null): Promise<void>
  /** @returns the `Set-Cookie` that takes the cookie away */
  signOut (session: BrowserSession): Promise<string>
}

interface Row {
  id: string
  formToken: string
  signedInAt: Date
  notice: string | null
  account: string | null
  accountName: string | null
  staff: string | null
  staffName: string | null
  role: Role | null
}

const cookieName = 'example_session'
// A server that is reached by https adds Secure, and calls it __Host-….
const attributes = 'Path=/; HttpOnly; SameSite=Lax'

export function createSessions (database: Database, impersonations: Impersonations, clock: Clock): Sessions {
  return {
    async of ({ headers: { cookie } }) {
      const value = readCookie(cookie, cookieName)
      if (value === undefined) return null
      const { rows: [row] } = await database.query<Row>(`
        select b.id, b.form_token as "formToken", b.signed_in_at as "signedInAt", b.notice, a.id as account, a.name as "accountName",
          s.id as staff, s.name as "staffName", s.role
        from sessions b left join accounts a on a.id = b.account left join staff s on s.id = b.staff where b.id = $1`,
      [digest(value)])
      if (row === undefined) return null
      const { id, formToken, signedInAt, notice } = row
      if (row.staff === null) {
        return { id, formToken, signedInAt, notice, account: { id: row.account!, name: row.accountName! }, staff: null, impersonation: null }
      }
      const impersonation = await impersonations.use(id)
      return {
        id,
        formToken,
        signedInAt,
        notice,
        account: impersonation && { id: impersonation.customer, name: impersonation.customerName },
        staff: { id: row.staff, name: row.staffName!, role: row.role! },
        impersonation
      }
    },
    async signIn (who) {
      const value = randomBytes(32).toString('base64url')
      await database.query('insert into sessions (id, account, staff, form_token, signed_in_at) values ($1, $2, $3, $4, $5)', [
        digest(value), 'account' in who ? who.account : null, 'staff' in who ? who.staff : null,
        randomBytes(32).toString('base64url'), new Date(clock.now())
      ])
      return `${cookieName}=${value}; ${attributes}`
    },
    async setNotice ({ id }, notice) { await database.query('update sessions set notice = $2 where id = $1', [id, notice]) },
    async signOut ({ id }) {
      await database.query('delete from sessions where id = $1', [id])
      await impersonations.settle()
      return `${cookieName}=; Max-Age=0; ${attributes}`
    }
  }
}

function digest (value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}

function readCookie (header: string | undefined, name: string): string | undefined {
  return header?.split(/; */).find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
