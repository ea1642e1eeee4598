import type { BrowserSession } from '../host/sessions.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** What is around the content of a page. */
export interface Frame {
  readonly title: string
  /** `null` when no user is signed in. */
  readonly session: BrowserSession | null
  /** Where in the navigation the page is. */
  readonly path?: string
  /** Pages that ask one thing. */
  readonly narrow?: boolean
}

export function page ({ title, session, path = '', narrow = false }: Frame, content: Html): string {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title} – Projects</title>
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header class="bar"><div>
      <a class="brand" href="/">Projects</a>
      ${session === null
? ''
: html`${navigation(session, path)}
      <div class="who"><span>${session.staff?.name ?? session.account!.name}${session.staff === null ? '' : ' (staff)'}</span>
        ${form(session, '/sign-out', html`<button class="plain" type="submit">Sign out</button>`)}
      </div>`}
    </div></header>
    ${session?.impersonation ? banner(session) : ''}
    <main id="main"${narrow ? html` class="narrow"` : ''}>
      ${session?.notice == null ? '' : html`<div class="card done" role="status"><p>${session.notice}</p></div>`}
      <h1>${title}</h1>
      ${content}
    </main>
    <footer><p>This is a demonstration: there are no passwords, and all people and organizations are made up.</p></footer>
  </body>
</html>
`.toString()
}

/** A form. During a session it carries the token of the session, which a page of another site does not know. */
export function form (session: BrowserSession | null, action: string, content: Html): Html {
  return html`<form method="post" action="${action}">${session === null
    ? ''
    : html`<input type="hidden" name="form_token" value="${session.formToken}">`}${content}</form>`
}

/** The day and the minute, in UTC. */
export function time (at: Date): Html {
  const iso = at.toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}

/** The minute, in UTC. */
export function clock (at: Date): Html {
  const iso = at.toISOString()
  return html`<time datetime="${iso}">${iso.slice(11, 16)} UTC</time>`
}

/** A time span in the largest whole unit. */
export function duration (seconds: number): string {
  const [unit, size] = seconds >= 7200 && seconds % 3600 === 0 ? ['hour', 3600] as const : seconds >= 60 && seconds % 60 === 0 ? ['minute', 60] as const : ['second', 1] as const
  const count = seconds / size
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** The pages that a user can come back to after the sign-in. */
export const pageNames: Readonly<Record<string, string>> = {
  '/': 'Overview',
  '/organizations': 'Organizations',
  '/clients': 'Connected clients',
  '/staff': 'Customers',
  '/staff/log': 'Log',
  '/staff/people': 'Staff'
}

function navigation ({ account, staff }: BrowserSession, path: string): Html {
  const links = [
    ...account === null ? [] : ['/', '/organizations', '/clients'],
    ...staff === null ? [] : ['/staff', '/staff/log'],
    ...staff?.role === 'admin' ? ['/staff/people'] : []
  ]
  return html`<nav aria-label="Main"><ul>${links.map(href => html`
        <li><a href="${href}"${href === path ? html` aria-current="page"` : ''}>${pageNames[href]!}</a></li>`)}
      </ul></nav>`
}

function banner (session: BrowserSession): Html {
  const { customerName, readOnly, endsAt } = session.impersonation!
  return html`<section class="banner" aria-label="Impersonation"><div>
      <p><strong>You are acting as ${customerName}</strong>, ${readOnly ? 'read-only' : 'with write access'}, until ${clock(endsAt)} at the latest.</p>
      ${form(session, '/impersonation/end', html`<button type="submit">End impersonation</button>`)}
    </div></section>`
}
