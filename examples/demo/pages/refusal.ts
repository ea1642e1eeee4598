import type { AutomaticRefusal } from '../../../plugins/entry-points/oidc-provider.ts'
import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { form, page } from './layout.ts'

export interface Refusal {
  readonly uid: string
  readonly clientName: string
  /** Whether an approval is missing, the check could not be completed, or another reason will not pass by itself. */
  readonly kind: AutomaticRefusal
  /** Whether the customer has more than one organization, so that less can be asked for. */
  readonly divisible: boolean
}

/** Why nothing was granted, and what to do about it. Only the log names the organization. */
export function refusalPage (session: BrowserSession, { uid, clientName, kind, divisible }: Refusal): string {
  const name = session.account?.name ?? 'a customer'
  const reason = {
    not_approved: html`<strong>${clientName}</strong> would get access to data of an organization that has not allowed AI processing.`,
    refused: html`<strong>${clientName}</strong> cannot be connected in this impersonation.`,
    unavailable: html`Whether <strong>${clientName}</strong> may be connected could not be checked.`
  }[kind]
  const advice = {
    not_approved: html`Ask an administrator on ${name}’s side to turn AI processing on, on the page “Organizations”, and connect the client again. You cannot turn it on for them.`,
    refused: html`The log says why. Connect the client again in a new impersonation, or ask ${name} to connect it.`,
    unavailable: html`Connect the client again a little later. The log says what failed.`
  }[kind]
  return page({ title: 'This client was not connected', session, narrow: true }, html`
    <div class="card refused">
      <p class="lead">${reason}</p>
      <p>${session.impersonation === null ? '' : html`You are acting as ${name}. Staff cannot give an AI client access to customer data without the customer’s approval. `}Nothing was granted, and the client got no access.</p>
    </div>
    <div class="card">
      <h2>What you can do</h2>
      <ul>
        <li>${advice}</li>
        ${divisible ? html`<li>Or <a href="/interaction/${uid}?choose">limit its access</a> to organizations where AI processing is on.</li>` : ''}
      </ul>
      ${form(session, `/interaction/${uid}/leave${kind === 'unavailable' ? '?unavailable' : ''}`, html`<p class="actions"><button class="first" type="submit">Return to ${clientName}</button></p>`)}
      <p class="soft">The client gets the error ${kind === 'unavailable' ? 'that the check could not be completed' : 'that access was denied'}.</p>
    </div>`)
}
