import type { BrowserSession } from '../host/sessions.ts'
import { html } from './html.ts'
import { page } from './layout.ts'

export function errorPage (message: string, session: BrowserSession | null = null): string {
  return page({ title: 'That did not work', session, narrow: true }, html`
    <div class="card refused">
      <p>${message}</p>
      <p>Go back to where you came from and start again.</p>
    </div>`)
}
