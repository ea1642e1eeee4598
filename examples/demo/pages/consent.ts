import type { CustomerOrganization } from '../host/organizations.ts'
import type { BrowserSession } from '../host/sessions.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import { clock, duration, form, page } from './layout.ts'
import { aiTag } from './organizations.ts'

export interface ConsentRequest {
  readonly uid: string
  readonly clientName: string
  /** Where the response goes. A client chooses its name; this is what the user can judge it by. */
  readonly destination: string
  /** What is asked for, resource by resource. */
  readonly access: readonly RequestedAccess[]
  /** How long the client keeps what it gets. */
  readonly lifetime: Lifetime
  readonly organizations: readonly CustomerOrganization[]
}

export interface RequestedAccess {
  readonly name: string
  /** The identifier of a resource; `null` for the account itself. */
  readonly resource: string | null
  /** What *Allow* grants, in words. */
  readonly granted: readonly string[]
  /** Requested scopes that are not granted, even if the user consents. */
  readonly withheld: readonly string[]
}

export interface Lifetime {
  readonly accessTokenSeconds: number
  /** The client can renew its access for this time; 0 for a client without refresh tokens. */
  readonly refreshSeconds: number
}

/** What the user chose, and why the question is asked again. */
export interface UnclearChoice {
  readonly problem: string
  readonly level: string | null
  readonly organizations: readonly string[]
  readonly teams: readonly string[]
}

export function consentPage (
  session: BrowserSession, { uid, clientName, destination, access, lifetime, organizations }: ConsentRequest, unclear: UnclearChoice | null = null
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
    ${access.map(({ resource, name, granted, withheld }) => html`
    <div class="card">
      <h2>${name}</h2>
      ${resource === null ? '' : html`<p><code>${resource}</code></p>`}
      ${granted.length === 0 ? html`<p>Nothing of this can be granted.</p>` : html`<ul class="granted">${granted.map(one => html`<li>${one}</li>`)}</ul>`}
      ${withheld.length === 0
        ? ''
        : html`<h3>Not granted${session.impersonation?.readOnly && resource !== null ? ': this impersonation is read-only' : ' in an impersonation'}</h3>
      <ul class="withheld">${withheld.map(one => html`<li>${one}</li>`)}</ul>`}
    </div>`)}
    ${access.every(({ granted }) => granted.length === 0) ? nothingToGrant(session, uid, clientName) : choices()}`)

  function choices (): Html {
    return html`<div class="card">${form(session, `/interaction/${uid}/consent`, html`
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
      <p>${lasting(session, lifetime)}</p>
      ${staff === null
        ? ''
        : html`<p class="soft">While you act for a customer, a client can be connected only if every organization that it gets access to has turned AI processing on.</p>`}
      <p class="actions">
        <button class="first" type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
      </p>`)}
    </div>`
  }
}

function nothingToGrant (session: BrowserSession, uid: string, clientName: string): Html {
  return html`<div class="card refused">
      <p>${clientName} asks only for what this impersonation cannot grant.</p>
      ${form(session, `/interaction/${uid}/consent`, html`<p class="actions"><button class="first" type="submit" name="decision" value="deny">Return to ${clientName}</button></p>`)}
    </div>`
}

/** How long the access lasts. An impersonator's client has no refresh token. */
function lasting ({ impersonation }: BrowserSession, { accessTokenSeconds, refreshSeconds }: Lifetime): Html {
  if (impersonation !== null) {
    return html`The access ends after ${duration(accessTokenSeconds)}, and with your impersonation (at ${clock(impersonation.endsAt)} at the latest). The client cannot renew it.`
  }
  return refreshSeconds === 0
    ? html`The access ends after ${duration(accessTokenSeconds)}, or when you revoke it.`
    : html`The client can renew its access for ${duration(refreshSeconds)}, unless you revoke it.`
}
