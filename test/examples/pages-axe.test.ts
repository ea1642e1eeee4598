import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import type { Test } from 'tap'
import { test } from 'tap'
import { axeProblems } from '../support/axe.ts'
import { chromiumOptions } from '../support/chromium.ts'
import { connect, registerClient } from '../support/example-client.ts'
import type { StartedExample } from '../support/example-server.ts'
import { startExample } from '../support/example-server.ts'
import { missingPart } from '../support/missing-part.ts'
import { createUserAgent } from '../support/user-agent.ts'

async function look (t: Test, page: Page, name: string): Promise<void> {
  t.same(await axeProblems(page, name), [], name)
}

async function open (browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  page.setDefaultTimeout(20_000)
  return page
}

async function signIn (page: Page, { issuer }: StartedExample, name: string, button: 'Sign in' | 'Sign in as staff'): Promise<void> {
  await page.goto(`${issuer}/sign-in`)
  await page.getByRole('radio', { name }).check()
  await page.getByRole('button', { name: button, exact: true }).click()
  await page.waitForURL(url => url.pathname !== '/sign-in')
}

test('axe finds nothing on any page of the demo, in light and dark, at 390 and 1280 pixels', { skip: missingPart('chromium') }, async t => {
  const example = await startExample(t)
  const { issuer } = example
  const client = await registerClient(example)
  const browser = await chromium.launch(chromiumOptions())
  t.teardown(() => browser.close())

  const ada = await open(browser)
  await ada.goto(`${issuer}/sign-in`)
  await look(t, ada, 'sign-in')
  await ada.goto(client.request().url.href)
  await look(t, ada, 'sign-in-for-a-client')
  await ada.goto(`${issuer}/clients`)
  await look(t, ada, 'deep-link')
  await signIn(ada, example, 'Ada Lovelace', 'Sign in')
  await look(t, ada, 'overview')
  await ada.goto(`${issuer}/clients`)
  await look(t, ada, 'clients-none')
  const agent = createUserAgent()
  await connect(agent, client)
  await connect(agent, await registerClient(example, example.apiUrl), {}, { organizations: ['analytical-society', 'royal-institution'] })
  await ada.goto(`${issuer}/clients`)
  await look(t, ada, 'clients')
  await ada.goto(client.request({ prompt: 'consent', scope: 'projects:read projects:write' }).url.href)
  await look(t, ada, 'consent')
  await ada.goto(`${issuer}/organizations`)
  await look(t, ada, 'organizations')
  await ada.getByRole('button', { name: 'Turn AI processing on' }).click()
  await ada.getByRole('status').waitFor()
  await look(t, ada, 'organizations-switched')
  await ada.getByRole('button', { name: 'Turn AI processing off for Royal Institution' }).click()
  await ada.goto(`${issuer}/staff`)
  await look(t, ada, 'not-for-customers')
  await ada.goto(`${issuer}/no/such/page`)
  await look(t, ada, 'not-found')
  await ada.goto(`${issuer}/auth?client_id=unknown`)
  await look(t, ada, 'authorization-error')

  const other = await open(browser)
  await signIn(other, example, 'Grace Hopper', 'Sign in')
  await other.goto(`${issuer}/organizations`)
  await other.context().clearCookies()
  await other.getByRole('button', { name: 'Turn AI processing off' }).click()
  await other.getByRole('heading', { name: 'You are not signed in' }).waitFor()
  await look(t, other, 'form-without-session')

  const sam = await open(browser)
  await signIn(sam, example, 'Sam Porter', 'Sign in as staff')
  await look(t, sam, 'customers')
  await sam.goto(`${issuer}/staff/log`)
  await look(t, sam, 'log-empty')
  await sam.goto(client.request().url.href)
  await look(t, sam, 'choose-a-customer')
  await sam.goto(`${issuer}/staff`)
  await sam.getByRole('button', { name: 'Impersonate, read-only: Ada Lovelace' }).click()
  await look(t, sam, 'impersonating')
  await sam.goto(`${issuer}/organizations`)
  await look(t, sam, 'impersonating-organizations')
  await sam.goto(`${issuer}/clients`)
  await look(t, sam, 'impersonating-clients')
  await sam.goto(client.request({ scope: 'projects:read projects:write offline_access' }).url.href)
  await look(t, sam, 'impersonating-consent')
  await sam.getByRole('radio', { name: /^All organizations/ }).check()
  await sam.getByRole('checkbox', { name: /^Analytical Society/ }).check()
  await sam.getByRole('button', { name: 'Allow' }).click()
  await sam.getByRole('alert').waitFor()
  await look(t, sam, 'impersonating-consent-again')
  await sam.getByRole('checkbox', { name: /^Analytical Society/ }).uncheck()
  await sam.getByRole('button', { name: 'Allow' }).click()
  await sam.getByRole('heading', { name: 'This client was not connected' }).waitFor()
  await look(t, sam, 'impersonating-refused')
  await sam.goto(client.request({ scope: 'openid projects:write' }).url.href)
  await look(t, sam, 'nothing-to-grant')
  await sam.goto(`${issuer}/staff/log`)
  await look(t, sam, 'log')
  await sam.getByRole('button', { name: 'End impersonation' }).click()
  await sam.getByRole('status').waitFor()
  await look(t, sam, 'impersonation-ended')

  const robin = await open(browser)
  await signIn(robin, example, 'Robin Berg', 'Sign in as staff')
  await robin.goto(`${issuer}/staff/people`)
  await look(t, robin, 'staff')
})
