import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { CallToolResult, OAuthDiscoveryState, StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import type { Test } from 'tap'
import { test } from 'tap'
import { accessibilityProblems } from '../support/accessibility.ts'
import { chromiumOptions } from '../support/chromium.ts'
import { createDeferred } from '../support/deferred.ts'
import { startExample } from '../support/example-server.ts'
import { createMcpClientStorage } from '../support/mcp-client-storage.ts'
import { missingPart } from '../support/missing-part.ts'

/** An MCP client on somebody's machine: it sends its user to a browser, and waits for them at a port of its own. */
interface DesktopClient {
  /** `undefined` once it is connected; before that, what the user has to open. */
  connect (): Promise<string | undefined>
  /** What came back from the browser. */
  callback (): Promise<URLSearchParams>
  /** Goes on with it. */
  finish (parameters: URLSearchParams): Promise<void>
  projects (): Promise<unknown>
}

async function startClient (t: Test, url: string, clientName: string): Promise<DesktopClient> {
  let arrival = createDeferred<URLSearchParams>()
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost')
    if (pathname === '/callback') arrival.resolve(searchParams)
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Back in the client</title><p>You can close this page.')
  })
  await once(server.listen(0, 'localhost'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const redirectUrl = `http://localhost:${(server.address() as AddressInfo).port}/callback`
  const storage = createMcpClientStorage<StoredOAuthClientInformation, StoredOAuthTokens, OAuthDiscoveryState>({ redirectUrl, clientName })

  let client: Client | undefined
  let transport: StreamableHTTPClientTransport
  t.teardown(() => client?.close())
  return {
    async connect () {
      await client?.close()
      client = new Client({ name: clientName, version: '1.0.0' })
      transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: storage })
      try {
        await client.connect(transport)
        return undefined
      } catch (error) {
        if (!UnauthorizedError.isInstance(error)) throw error
        return storage.authorizationUrl!.href
      }
    },
    async callback () {
      const parameters = await arrival.promise
      arrival = createDeferred()
      return parameters
    },
    finish: parameters => transport.finishAuth(parameters),
    async projects () {
      const { content: [first] } = await client!.callTool({ name: 'list_projects', arguments: {} }) as CallToolResult
      return first?.type === 'text' ? JSON.parse(first.text) : undefined
    }
  }
}

/** Somebody at a browser of their own. */
async function openBrowser (browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 } })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(url)
  return page
}

/** `SCREENSHOTS=<folder>` keeps a picture of each step. */
const folder = process.env.SCREENSHOTS ?? ''
let pictures = 0

/** Holds a page against what everybody needs, and takes its picture. */
async function look (t: Test, page: Page, name: string): Promise<void> {
  t.same(await accessibilityProblems(page), [], `${name}: everybody can use it`)
  if (folder === '') return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${String(++pictures).padStart(2, '0')}-${name}.png`) })
}

test('issue 4: the story of an impersonation, in a browser', { skip: missingPart('chromium') }, async t => {
  const { issuer, mcpUrl } = await startExample(t)
  const browser = await chromium.launch(chromiumOptions())
  t.teardown(() => browser.close())

  const sam = await openBrowser(browser, issuer)
  await look(t, sam, 'sign-in')
  await sam.getByRole('radio', { name: 'Sam Porter' }).check()
  await sam.getByRole('button', { name: 'Sign in as staff' }).click()
  await look(t, sam, 'customers')
  await sam.getByRole('button', { name: 'Impersonate, read-only: Ada Lovelace' }).click()
  const banner = sam.getByRole('region', { name: 'Impersonation' })
  await banner.getByText('You are acting as Ada Lovelace').waitFor()
  await look(t, sam, 'impersonating')
  await sam.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Organizations' }).click()
  t.equal(await sam.getByRole('button', { name: /^Turn AI/ }).count(), 0, 'the switch is not for staff')
  await look(t, sam, 'organizations-for-staff')

  const samsClient = await startClient(t, mcpUrl, 'Desktop assistant')
  await sam.goto((await samsClient.connect())!)
  await sam.getByRole('heading', { name: 'Allow access?' }).waitFor()
  await banner.waitFor()
  await look(t, sam, 'consent')
  await sam.getByRole('checkbox', { name: /^Analytical Society/ }).check()
  t.equal(await sam.locator('input[name=level]:invalid').count(), 3, 'to tick something is not to say what it is: the browser does not send that')
  await sam.getByRole('radio', { name: /^All organizations/ }).check()
  await sam.getByRole('button', { name: 'Allow' }).click()
  await sam.getByRole('alert').getByText('do not belong').waitFor()
  await look(t, sam, 'consent-again')
  await sam.getByRole('checkbox', { name: /^Analytical Society/ }).uncheck()
  await sam.getByRole('button', { name: 'Allow' }).click()
  await sam.getByRole('heading', { name: 'This client was not connected' }).waitFor()
  await banner.waitFor()
  await look(t, sam, 'refused')
  await sam.getByRole('button', { name: 'Return to Desktop assistant' }).click()
  const refusal = await samsClient.callback()
  t.match(Object.fromEntries(refusal), { error: 'access_denied', iss: issuer })
  await t.rejects(samsClient.finish(refusal))

  const ada = await openBrowser(browser, issuer)
  await ada.getByRole('radio', { name: 'Ada Lovelace' }).check()
  await ada.getByRole('button', { name: 'Sign in', exact: true }).click()
  await ada.getByRole('heading', { name: 'Projects of Ada Lovelace' }).waitFor()
  t.equal(await ada.getByRole('region', { name: 'Impersonation' }).count(), 0)
  await look(t, ada, 'overview')
  await ada.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Organizations' }).click()
  await look(t, ada, 'organizations')
  const institution = ada.getByRole('region', { name: 'Royal Institution' })
  await institution.getByRole('button', { name: 'Turn AI processing on' }).click()
  await institution.getByText('AI processing: on').waitFor()

  await sam.goto((await samsClient.connect())!)
  await sam.getByRole('radio', { name: /^All organizations/ }).check()
  await sam.getByRole('button', { name: 'Allow' }).click()
  await samsClient.finish(await samsClient.callback())
  t.equal(await samsClient.connect(), undefined, 'the same connection succeeds')
  t.same(await samsClient.projects(), [{ name: 'Analytical Engine' }])

  const adasClient = await startClient(t, mcpUrl, 'Notebook')
  await ada.goto((await adasClient.connect())!)
  await look(t, ada, 'consent-of-a-customer')
  await ada.getByRole('radio', { name: /^All organizations/ }).check()
  await ada.getByRole('button', { name: 'Allow' }).click()
  await adasClient.finish(await adasClient.callback())
  t.equal(await adasClient.connect(), undefined)

  await ada.goto(`${issuer}/organizations`)
  await institution.getByRole('button', { name: 'Turn AI processing off' }).click()
  await institution.getByText('AI processing: off').waitFor()
  await t.rejects(samsClient.projects(), 'the next call is refused')
  t.same(await adasClient.projects(), [{ name: 'Analytical Engine' }], 'her own goes on')
  await ada.goto(`${issuer}/clients`)
  await ada.getByRole('row', { name: /Desktop assistant/ }).getByText('Sam Porter').waitFor()
  await look(t, ada, 'clients')

  await sam.goto(`${issuer}/staff/log`)
  await sam.getByRole('row', { name: /refused/ }).first().waitFor()
  t.match(await sam.getByRole('main').innerText(), /not_approved[\s\S]*Sam Porter as Ada Lovelace[\s\S]*Desktop assistant[\s\S]*Royal Institution/)
  await look(t, sam, 'log')
  await banner.getByRole('button', { name: 'End impersonation' }).click()
  await sam.getByRole('heading', { name: 'Customers' }).waitFor()
  t.equal(await banner.count(), 0)
  await ada.reload()
  t.equal(await ada.getByRole('row', { name: /Desktop assistant/ }).count(), 0, 'what came of it is gone')
  await ada.getByRole('row', { name: /Notebook/ }).getByRole('button', { name: 'Revoke' }).click()
  await ada.getByText('No client has access.').waitFor()
  await t.rejects(adasClient.projects(), 'and she can take back what she gave')

  await ada.goto(`${issuer}/staff`)
  await ada.getByRole('heading', { name: 'Not allowed' }).waitFor()
  await look(t, ada, 'error')
  const robin = await openBrowser(browser, issuer)
  await robin.getByRole('radio', { name: 'Robin Berg' }).check()
  await robin.getByRole('button', { name: 'Sign in as staff' }).click()
  await robin.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Staff' }).click()
  await robin.getByRole('combobox', { name: 'Role of Sam Porter' }).waitFor()
  await look(t, robin, 'staff')
})
