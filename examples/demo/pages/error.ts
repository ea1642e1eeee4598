import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { page } from './layout.ts'

export interface PageError {
  readonly status: number
  readonly message: string
}

/** What went wrong, and a way on. */
export function errorPage ({ status, message }: PageError, session: BrowserSession | null): string {
  return page({ title: titleOf(status), session, narrow: true }, html`
    <div class="card refused">
      <p>${message}</p>
      <p>${adviceOn(status)}</p>
    </div>
    <p class="actions">${session === null
      ? html`<a class="button" href="/sign-in">Sign in</a>`
      : session.account === null
        ? html`<a class="button" href="/staff">Customers</a>`
        : html`<a class="button" href="/">Overview</a>`}</p>
    <p class="soft">HTTP status ${String(status)}</p>`)
}

export function notFoundPage (session: BrowserSession | null): string {
  return errorPage({ status: 404, message: 'There is no page at this address.' }, session)
}

function titleOf (status: number): string {
  switch (status) {
    case 401: return 'You are not signed in'
    case 403: return 'Not allowed'
    case 404: return 'Not found'
    case 503: return 'Not available at the moment'
    default: return status < 500 ? 'This request was refused' : 'The server failed'
  }
}

function adviceOn (status: number): string {
  switch (status) {
    case 401: return 'Nothing was changed. Sign in, and send the form again.'
    case 403: return 'Sign out to use another account, or go back.'
    case 404: return 'The address may be misspelled, or what it led to is gone.'
    case 503: return 'Nothing was changed. Try again in a few seconds.'
    default: return status < 500 ? 'Go back to where you came from and start again.' : 'The log of the server has the cause.'
  }
}
