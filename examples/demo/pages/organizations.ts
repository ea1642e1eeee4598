import type { CustomerOrganization } from '../host/organizations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import { form, page } from './layout.ts'

export function organizationsPage (session: BrowserSession, organizations: readonly CustomerOrganization[]): string {
  return page({ title: 'Organizations', session, path: '/organizations' }, html`
    <p class="lead">An organization decides whether AI clients that our staff connect may process its data.</p>
    <p>Unless it is on, a client that a member of staff connects while acting for you gets no access. Clients that you connect yourself are not affected.</p>
    ${organizations.map(organization => html`
    <section class="card" aria-labelledby="organization-${organization.id}">
      <div class="row">
        <h2 id="organization-${organization.id}">${organization.name}</h2>
        ${aiTag(organization)}
      </div>
      <p class="soft">${organization.teams.length === 0 ? 'No teams.' : `Teams: ${organization.teams.map(({ name }) => name).join(', ')}.`}
        You are ${organization.admin ? 'an administrator' : 'a member'}.</p>
      ${aiSwitch(session, organization)}
    </section>`)}`)
}

export function aiTag ({ aiApproved }: CustomerOrganization): Html {
  return aiApproved ? html`<span class="tag yes">AI processing: on</span>` : html`<span class="tag no">AI processing: off</span>`
}

function aiSwitch (session: BrowserSession, { id, name, admin, aiApproved }: CustomerOrganization): Html {
  if (session.impersonation !== null) {
    return html`<p>Only the customer can change this. Staff cannot approve in their place.</p>`
  }
  if (!admin) return html`<p>Only an administrator of ${name} can change this.</p>`
  return form(session, `/organizations/${encodeURIComponent(id)}/ai`, aiApproved
    ? html`<button class="danger" type="submit" name="ai" value="off">Turn AI processing off<span class="hidden"> for ${name}</span></button>`
    : html`<button class="first" type="submit" name="ai" value="on">Turn AI processing on<span class="hidden"> for ${name}</span></button>`)
}
