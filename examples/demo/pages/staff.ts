import type { DemoAccount } from '../host/accounts.ts'
import type { ImpersonationLimits } from '../host/impersonations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import type { StaffMember } from '../host/staff.ts'
import { roles } from '../host/staff.ts'
import { html } from './html.ts'
import { duration, form, page } from './layout.ts'
import { inWords } from './sign-in.ts'

export function customersPage (
  session: BrowserSession, customers: readonly DemoAccount[], { idleSeconds, totalSeconds }: ImpersonationLimits
): string {
  const allowed = session.staff!.role !== 'none'
  return page({ title: 'Customers', session, path: '/staff' }, html`
    <p class="lead">To help a customer, see what they see: impersonate them.</p>
    ${allowed
      ? html`<p>An impersonation ends after ${duration(idleSeconds)} without activity, after ${duration(totalSeconds)} in any case, and when you sign out. Clients that were connected in it lose their access then.</p>`
      : html`<p>You may not impersonate customers.</p>`}
    ${customers.map(({ id, name }) => html`
    <section class="card" aria-labelledby="customer-${id}">
      <h2 id="customer-${id}">${name}</h2>
      ${allowed
        ? form(session, '/staff/impersonate', html`
        <input type="hidden" name="customer" value="${id}">
        <p class="actions">
          <button type="submit" name="mode" value="read-only" aria-label="Impersonate, read-only: ${name}">Impersonate, read-only</button>
          <button type="submit" name="mode" value="read-write" aria-label="Impersonate, with write access: ${name}">Impersonate, with write access</button>
        </p>`)
        : ''}
    </section>`)}`)
}

export function peoplePage (session: BrowserSession, people: readonly StaffMember[]): string {
  return page({ title: 'Staff', session, path: '/staff/people' }, html`
    <p class="lead">Staff who may impersonate customers. Changing the role ends their impersonations at once.</p>
    ${people.map(({ id, name, role }) => html`
    <section class="card" aria-labelledby="person-${id}">
      <h2 id="person-${id}">${name}</h2>
      <p class="soft">${capital(inWords[role])}.</p>
      ${id === session.staff!.id
        ? html`<p>This is you.</p>`
        : html`<div class="actions">
        ${form(session, `/staff/people/${encodeURIComponent(id)}/role`, html`<p class="inline">
          <label for="role-${id}">Role<span class="hidden"> of ${name}</span></label>
          <select id="role-${id}" name="role">${roles.map(one => html`<option value="${one}"${one === role ? html` selected` : ''}>${inWords[one]}</option>`)}</select>
          <button type="submit">Change</button></p>`)}
        ${form(session, `/staff/people/${encodeURIComponent(id)}/remove`, html`<button class="danger" type="submit">Remove<span class="hidden"> ${name}</span></button>`)}
      </div>`}
    </section>`)}`)
}

function capital (text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
