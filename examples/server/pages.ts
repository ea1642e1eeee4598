import type { DemoAccount } from './accounts.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

export interface ConsentRequest {
  readonly uid: string
  readonly accountName: string
  readonly clientName: string
  /** Where the answer goes. The name of a client is its own claim; this is what the user can judge it by. */
  readonly destination: string
  /** What is asked for, resource by resource. */
  readonly access: ReadonlyArray<{ readonly resource: string, readonly name: string, readonly scopes: readonly string[] }>
}

export function signInPage (uid: string, accounts: readonly DemoAccount[]): string {
  return page('Sign in', html`
    <p>This is a demonstration. There are no passwords: choose who you are.</p>
    <form method="post" action="/interaction/${uid}/sign-in">
      <fieldset>
        <legend>Account</legend>
        ${accounts.map((account, index) => html`
        <p><label><input type="radio" name="account" value="${account.id}" required${index === 0 ? html` checked` : ''}> ${account.name}</label></p>`)}
      </fieldset>
      <p><button type="submit">Sign in</button></p>
    </form>`)
}

export function consentPage ({ uid, accountName, clientName, destination, access }: ConsentRequest): string {
  return page('Allow access?', html`
    <p>You are signed in as <strong>${accountName}</strong>.</p>
    <p><strong>${clientName}</strong> asks for access. The answer goes to <code>${destination}</code>.</p>
    ${access.map(({ resource, name, scopes }) => html`
    <h2>${name}</h2>
    <p><code>${resource}</code></p>
    <ul>${scopes.map(scope => html`<li>${scope}</li>`)}</ul>`)}
    <form method="post" action="/interaction/${uid}/consent">
      <p>
        <button type="submit" name="decision" value="allow">Allow</button>
        <button type="submit" name="decision" value="deny">Deny</button>
      </p>
    </form>`)
}

export function errorPage (message: string): string {
  return page('That did not work', html`
    <p>${message}</p>
    <p>Go back to the application that sent you here and start again.</p>`)
}

function page (title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>
      :root { color-scheme: light dark }
      body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem }
      button { font: inherit; padding: .4rem 1rem }
      code { overflow-wrap: anywhere }
    </style>
  </head>
  <body>
    <main>
    <h1>${title}</h1>${content}
    </main>
  </body>
</html>
`.toString()
}
