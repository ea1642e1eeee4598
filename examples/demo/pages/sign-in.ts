import type { DemoAccount } from '../host/accounts.ts'
import type { BrowserSession } from '../host/sessions.ts'
import type { StaffMember } from '../host/staff.ts'
import { html } from './html.ts'
import { form, page, pageNames } from './layout.ts'

export interface SignIn {
  /** Where the form is sent: during an authorization request, a route that resumes it. */
  readonly action: string
  readonly accounts: readonly DemoAccount[]
  /** During an authorization request none: a client gets access to a customer's data. */
  readonly staff?: readonly StaffMember[]
  /** The path that was asked for. The user comes back to it. */
  readonly returnTo?: string | null
}

/** @param session `null` when no user is signed in */
export function signInPage (session: BrowserSession | null, { action, accounts, staff = [], returnTo = null }: SignIn): string {
  const back = returnTo === null ? '' : html`<input type="hidden" name="return_to" value="${returnTo}">`
  return page({ title: 'Sign in', session, narrow: true }, html`
    ${returnTo === null ? '' : html`<div class="card note"><p>Sign in to open <strong>${pageNames[returnTo]!}</strong>. You will come back to it.</p></div>`}
    <p class="lead">There are no passwords: choose an account.</p>
    <div class="card">${form(session, action, html`${back}
      <fieldset>
        <legend>Customers</legend>
        ${accounts.map((account, index) => html`
        <label class="choice"><input type="radio" name="account" value="${account.id}" required${index === 0 ? html` checked` : ''}> <span>${account.name}</span></label>`)}
      </fieldset>
      <p><button class="first" type="submit">Sign in</button></p>`)}
    </div>
    ${staff.length === 0
      ? ''
      : html`<div class="card">${form(session, action, html`${back}
      <fieldset>
        <legend>Staff</legend>
        ${staff.map(({ id, name, role }, index) => html`
        <label class="choice"><input type="radio" name="staff" value="${id}" required${index === 0 ? html` checked` : ''}> <span>${name} <span class="soft">${inWords[role]}</span></span></label>`)}
      </fieldset>
      <p><button type="submit">Sign in as staff</button></p>`)}
    </div>`}`)
}

/** A member of staff has no data of their own that a client could get access to. */
export function impersonateFirstPage (session: BrowserSession): string {
  return page({ title: 'Choose a customer first', session, narrow: true }, html`
    <div class="card note">
      <p>You are signed in as a member of staff, who has no projects. A client can only be connected for a customer.</p>
      <p>Impersonate a customer first, and connect the client again. To connect it as a customer, sign out first.</p>
      <p class="actions"><a class="button" href="/staff">Choose a customer</a></p>
    </div>`)
}

export const inWords = {
  none: 'may not impersonate',
  support: 'may impersonate customers',
  admin: 'may impersonate customers, and manage staff'
} as const
