import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import type { Test } from 'tap'
import { test } from 'tap'
import { chromiumOptions } from '../support/chromium.ts'
import { startExample } from '../support/example-server.ts'
import { missingPart } from '../support/missing-part.ts'

interface Result {
  readonly error?: string
  readonly status?: number
  readonly body?: string
  readonly next?: { readonly status: number, readonly scope?: string }
}

/** Serves the page of the client on a port of its own, which makes it another origin. */
async function serveClient (t: Test): Promise<string> {
  const script = await readFile(new URL('browser-client/client.js', import.meta.url))
  const server = createServer((request, response) => {
    if (request.url === '/client.js') response.setHeader('content-type', 'text/javascript').end(script)
    else response.setHeader('content-type', 'text/html').end('<!doctype html><title>Client</title><script type="module" src="/client.js"></script>')
  })
  await once(server.listen(0, 'localhost'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

async function resultOf (page: Page): Promise<Result> {
  return JSON.parse(await page.locator('#result').textContent() ?? '') as Result
}

test('a page of another origin reads the challenge, discovers, registers, signs in, and calls an MCP tool and the API', { skip: missingPart('chromium') }, async t => {
  const [client, stranger] = [await serveClient(t), await serveClient(t)]
  const { mcpUrl, apiUrl, issuer } = await startExample(t, { browserOrigins: [client] })
  const browser = await chromium.launch(chromiumOptions())
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(20_000)

  await page.goto(`${client}/?${new URLSearchParams({ url: mcpUrl })}`)
  await page.getByRole('radio', { name: 'Ada Lovelace' }).check()
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByText(new URL(client).host).waitFor()
  await page.getByRole('radio', { name: /^All organizations/ }).check()
  await page.getByRole('button', { name: 'Allow' }).click()
  const called = await resultOf(page)
  t.match(called, { status: 200, body: /"ada/ })
  t.match(called.body, 'ada')
  t.match(called.next, { status: 403, scope: /projects:write/ }, 'the challenge of a 403 is read as well')

  await page.goto(`${client}/?${new URLSearchParams({ url: `${apiUrl}/projects` })}`)
  await page.getByRole('radio', { name: /^All organizations/ }).check()
  await page.getByRole('button', { name: 'Allow' }).click()
  t.match(await resultOf(page), { status: 200, body: /Analytical Engine/ })

  await page.goto(`${stranger}/?${new URLSearchParams({ url: mcpUrl })}`)
  t.match(await resultOf(page), { error: /TypeError/ }, 'a page whose origin is not allowed reads nothing')
  t.equal(new URL(page.url()).origin, stranger)
  t.not(client, issuer)
})
