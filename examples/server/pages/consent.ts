import type { CustomerOrganization } from '../host/organizations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { form, page } from './layout.ts'
import { aiTag } from './organizations.ts'

export interface ConsentRequest {
  readonly uid: string
  readonly clientName: string
  /** Where the answer goes. The name of a client is its own claim; this is what the user can judge it by. */
  readonly destination: string
  /** What is asked for, resource by resource. */
  readonly access: ReadonlyArray<{ readonly resource: string, readonly name: string, readonly scopes: readonly string[] }>
  readonly organizations: readonly CustomerOrganization[]
}

export function consentPage (
  session: BrowserSession, { uid, clientName, destination, access, organizations }: ConsentRequest
): string {
  const { account, staff } = session
  return page({ title: 'Allow access?', session, narrow: true }, html`
    <p class="lead"><strong>${clientName}</strong> asks for access${staff === null ? '' : html` to what <strong>${account!.name}</strong> can see`}. The answer goes to <code>${destination}</code>.</p>
    ${staff === null ? html`<p>You are signed in as <strong>${account!.name}</strong>.</p>` : ''}
    ${access.map(({ resource, name, scopes }) => html`
    <div class="card">
      <h2>${name}</h2>
      <p><code>${resource}</code></p>
      <ul>${scopes.map(scope => html`<li>${scope}</li>`)}</ul>
    </div>`)}
    <div class="card">${form(session, `/interaction/${uid}/consent`, html`
      <fieldset>
        <legend>What it may reach</legend>
        <label class="choice"><input type="radio" name="level" value="all" checked> All organizations, also those that are joined later</label>
        <label class="choice"><input type="radio" name="level" value="organization"> Only these organizations:</label>
        <div class="nested">${organizations.map(organization => html`
          <label class="choice"><input type="checkbox" name="organization" value="${organization.id}"> <span>${organization.name} ${aiTag(organization)}</span></label>`)}
        </div>
        <label class="choice"><input type="radio" name="level" value="team"> Only these teams:</label>
        <div class="nested">${organizations.flatMap(({ name: owner, teams }) => teams.map(({ id, name }) => html`
          <label class="choice"><input type="checkbox" name="team" value="${id}"> <span>${name} <span class="soft">of ${owner}</span></span></label>`))}
        </div>
      </fieldset>
      ${staff === null
        ? ''
        : html`<p class="soft">While you act for a customer, a client can be connected only where AI processing is on in every organization it reaches.</p>`}
      <p class="actions">
        <button class="first" type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny">Deny</button>
      </p>`)}
    </div>`)
}
