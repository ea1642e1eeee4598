import type { ConnectedClient } from '../host/grants.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { form, page, time } from './layout.ts'

export function clientsPage (session: BrowserSession, clients: readonly ConnectedClient[]): string {
  return page({ title: 'Connected clients', session, path: '/clients' }, html`
    <p class="lead">Clients with access to the projects of ${session.account!.name}.</p>
    ${clients.length === 0
      ? html`<div class="card"><p>No client has access. The <a href="/">overview</a> says how to connect one.</p></div>`
      : html`<div class="card scroll"><table>
      <thead><tr><th scope="col">Client</th><th scope="col">Access to</th><th scope="col">Connected by</th><th scope="col">Since</th><th scope="col">Revoke</th></tr></thead>
      <tbody>${clients.map(({ grantId, name, access, staff, since }) => html`
        <tr>
          <th scope="row">${name}</th>
          <td data-label="Access to">${access}</td>
          <td data-label="Connected by">${staff === null ? session.account!.name : html`${staff} <span class="tag">staff</span>`}</td>
          <td data-label="Since">${time(since)}</td>
          <td class="action">${session.impersonation?.readOnly
            ? html`<span class="soft">read-only</span>`
            : form(session, `/clients/${encodeURIComponent(grantId)}/revoke`, html`<button class="danger" type="submit">Revoke<span class="hidden"> the access of ${name}</span></button>`)}</td>
        </tr>`)}
      </tbody>
    </table></div>`}`)
}
