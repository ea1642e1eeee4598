import type { LoggedDecision } from '../host/decisions.ts'
import type { PastImpersonation } from '../host/impersonations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { page, time } from './layout.ts'

const inWords: Readonly<Record<string, string>> = {
  'first-party': 'first-party client',
  'automatic-approval': 'use of a grant',
  consent: 'consent',
  exchange: 'exchange of the code',
  refresh: 'refresh',
  use: 'use of a token'
}

export function logPage (
  session: BrowserSession, decisions: readonly LoggedDecision[], impersonations: readonly PastImpersonation[]
): string {
  return page({ title: 'Log', session, path: '/staff/log' }, html`
    <div class="card scroll">${decisions.length === 0
      ? html`<h2>Decisions</h2><p>There are no decisions yet.</p>`
      : html`<table>
      <caption><h2>Decisions about impersonated grants, the newest first</h2></caption>
      <thead><tr><th scope="col">Decision</th><th scope="col">Staff as customer</th><th scope="col">Client</th><th scope="col">Without approval</th><th scope="col">Step</th><th scope="col">When</th></tr></thead>
      <tbody>${decisions.map(({ at, allowed, reason, staff, customer, client, step, route, organizations }) => html`
        <tr>
          <th scope="row"><span class="tag ${allowed ? 'yes' : 'no'}">${allowed ? 'allowed' : 'refused'}</span><br><code class="whole">${reason}</code></th>
          <td data-label="Staff as customer">${staff ?? 'unknown'} as ${customer ?? 'unknown'}</td>
          <td data-label="Client">${client ?? '–'}</td>
          <td data-label="Without approval">${organizations.length === 0 ? '–' : organizations.join(', ')}</td>
          <td data-label="Step">${inWords[step ?? ''] ?? step ?? '–'}${route === null ? '' : html`<br><code>${route}</code>`}</td>
          <td data-label="When"><span class="whole">${time(at)}</span></td>
        </tr>`)}
      </tbody>
    </table>`}
    </div>
    <div class="card scroll">${impersonations.length === 0
      ? html`<h2>Impersonations</h2><p>There are no impersonations yet.</p>`
      : html`<table>
      <caption><h2>Impersonations, the newest first</h2></caption>
      <thead><tr><th scope="col">Staff</th><th scope="col">Customer</th><th scope="col">Mode</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Ended by</th></tr></thead>
      <tbody>${impersonations.map(({ staff, customer, readOnly, startedAt, endedAt, endedBy }) => html`
        <tr>
          <th scope="row">${staff}</th>
          <td data-label="Customer">${customer}</td>
          <td data-label="Mode">${readOnly ? 'read-only' : 'with write access'}</td>
          <td data-label="From">${time(startedAt)}</td>
          <td data-label="To">${endedAt === null ? 'running' : time(endedAt)}</td>
          <td data-label="Ended by">${endedBy ?? '–'}</td>
        </tr>`)}
      </tbody>
    </table>`}
    </div>`)
}
