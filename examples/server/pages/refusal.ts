import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { form, page } from './layout.ts'

export interface Refusal {
  readonly uid: string
  readonly clientName: string
  /** Whether it was found out that approval is missing; otherwise it could not be found out, which is a no as well. */
  readonly known: boolean
  /** Whether the customer has more than one organization, so that less can be asked for. */
  readonly divisible: boolean
}

/** Why nothing was granted, and what to do about it. Which organization it is about is in the log alone. */
export function refusalPage (session: BrowserSession, { uid, clientName, known, divisible }: Refusal): string {
  const name = session.account?.name ?? 'a customer'
  return page({ title: 'This client was not connected', session, narrow: true }, html`
    <div class="card refused">
      <p class="lead">${known
        ? html`<strong>${clientName}</strong> would have reached data of an organization that has not allowed AI processing.`
        : html`Whether <strong>${clientName}</strong> may be connected could not be found out.`}</p>
      <p>You are acting as ${name}, and it is not for staff to let an AI client at a customer’s data. Nothing was granted, and the client holds nothing.</p>
    </div>
    <div class="card">
      <h2>What you can do</h2>
      <ul>
        ${known
          ? html`<li>Ask an administrator on ${name}’s side to turn AI processing on, on the page “Organizations”, and connect the client again. You cannot do it for them.</li>`
          : html`<li>Connect the client again a little later. The log says what it failed for.</li>`}
        ${divisible ? html`<li>Or <a href="/interaction/${uid}?choose">let it reach less</a>: only organizations where AI processing is on.</li>` : ''}
      </ul>
      ${form(session, `/interaction/${uid}/leave`, html`<p class="actions"><button class="first" type="submit">Return to ${clientName}</button></p>`)}
      <p class="soft">It is told that access was denied.</p>
    </div>`)
}
