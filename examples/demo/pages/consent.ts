import type { CustomerOrganization } from '../host/organizations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import { form, page } from './layout.ts'
import { aiTag } from './organizations.ts'

export interface ConsentRequest {
  readonly uid: string
  readonly clientName: string
  /** Where the response goes. A client chooses its name; this is what the user can judge it by. */
  readonly destination: string
  /** What is asked for, resource by resource. */
  readonly access: ReadonlyArray<{ readonly resource: string, readonly name: string, readonly scopes: readonly string[] }>
  readonly organizations: readonly CustomerOrganization[]
}

/** What the user chose, and why the question is asked again. */
export interface UnclearChoice {
  readonly problem: string
  readonly level: string | null
  readonly organizations: readonly string[]
  readonly teams: readonly string[]
}

export function consentPage (
  session: BrowserSession, { uid, clientName, destination, access, organizations }: ConsentRequest, unclear: UnclearChoice | null = null
): string {
  const { account, staff } = session
  const checked = (isChosen: boolean): Html | string => isChosen ? html` checked` : ''
  // No default: a user who ticks an organization and submits does not mean all of them.
  const level = (value: string, text: string): Html =>
    html`<label class="choice"><input type="radio" name="level" value="${value}" required${checked(unclear?.level === value)}> ${text}</label>`
  const choice = (name: string, value: string, chosen: readonly string[] | undefined, text: Html): Html =>
    html`<label class="choice"><input type="checkbox" name="${name}" value="${value}"${checked(chosen?.includes(value) ?? false)}> <span>${text}</span></label>`
  return page({ title: 'Allow access?', session, narrow: true }, html`
    ${unclear === null ? '' : html`<div class="card refused" id="problem" role="alert"><p>${unclear.problem}</p></div>`}
    <p class="lead"><strong>${clientName}</strong> asks for access${staff === null ? '' : html` to what <strong>${account!.name}</strong> can see`}. The answer goes to <code>${destination}</code>.</p>
    ${staff === null ? html`<p>You are signed in as <strong>${account!.name}</strong>.</p>` : ''}
    ${access.map(({ resource, name, scopes }) => html`
    <div class="card">
      <h2>${name}</h2>
      <p><code>${resource}</code></p>
      <ul>${scopes.map(scope => html`<li>${scope}</li>`)}</ul>
    </div>`)}
    <div class="card">${form(session, `/interaction/${uid}/consent`, html`
      <fieldset${unclear === null ? '' : html` aria-describedby="problem"`}>
        <legend>Access to</legend>
        ${level('all', 'All organizations, also those joined later')}
        ${level('organization', 'Only these organizations:')}
        <div class="nested">${organizations.map(organization =>
          choice('organization', organization.id, unclear?.organizations, html`${organization.name} ${aiTag(organization)}`))}
        </div>
        ${level('team', 'Only these teams:')}
        <div class="nested">${organizations.flatMap(({ name: owner, teams }) => teams.map(({ id, name }) =>
          choice('team', id, unclear?.teams, html`${name} <span class="soft">of ${owner}</span>`)))}
        </div>
      </fieldset>
      ${staff === null
        ? ''
        : html`<p class="soft">While you act for a customer, a client can be connected only if every organization that it gets access to has turned AI processing on.</p>`}
      <p class="actions">
        <button class="first" type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
      </p>`)}
    </div>`)
}
