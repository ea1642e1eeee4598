import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { test } from 'tap'
import { runClient } from '../../examples/mcp-conformance/client.ts'
import type { Ended } from './child.ts'
import { run } from './child.ts'

const cwd = fileURLToPath(new URL('../../', import.meta.url))

/** The suite needs Node.js 22, and gets one of its own: neither of them is a dependency of the package. */
const suiteOf = (version: string): string[] => ['-y', '-p', 'node@24', '-p', `@modelcontextprotocol/conformance@${version}`]

/** What the suite starts is a messenger: the client itself runs here, where it is compiled once for all scenarios. */
const messenger = (url: string): string => `
const body = JSON.stringify({ url: process.argv.at(-1), env: process.env })
const failure = await (await fetch(${JSON.stringify(url)}, { method: 'POST', body })).text()
if (failure !== '') throw new Error(failure)
`

interface Told { readonly url: string, readonly env: Readonly<Record<string, string | undefined>> }

async function startClient (t: Test): Promise<string> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<string> => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { url, env } = JSON.parse(Buffer.concat(chunks).toString()) as Told
      return await runClient(url, env).then(() => '', (error: unknown) => String(error))
    }
    answer().then(text => response.end(text), (error: unknown) => response.end(String(error)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Where npx put it: to ask npx for each scenario would take longer than the scenario. */
async function findSuite (version: string): Promise<Ended> {
  return await run('npx', [...suiteOf(version), '-c', 'conformance list --client && echo "PATH=$PATH"'], { cwd, timeoutMs: 300_000 })
}

export interface Expectation {
  readonly version: string
  /** So many there are at least; with fewer the list was not understood. */
  readonly leastScenarios: number
  /** Those that are not passed. */
  readonly faults?: readonly string[]
}

/** Runs every `auth/*` scenario for clients of one version of the suite, or says loudly that it cannot be had. */
export function testClientScenarios ({ version, leastScenarios, faults = [] }: Expectation): void {
  test(`MCPC the client scenarios of the MCP conformance suite ${version}`, { timeout: 900_000 }, async t => {
    const found = await findSuite(version)
    const path = /^PATH=(.*)$/m.exec(found.stdout)?.[1]
    if (found.exitCode !== 0 || path === undefined) {
      const why = (found.stdout + found.stderr).trim().slice(-300)
      process.stderr.write(`\nNOT RUN: the MCP conformance suite ${version}, or a Node.js that it runs on, cannot be had: ${why}\n\n`)
      t.pass('the conformance suite', { skip: 'it cannot be had' })
      return
    }
    const scenarios = [...found.stdout.matchAll(/^\s+- (auth\/\S+)/gm)].map(([, name]) => name!)
    t.ok(scenarios.length >= leastScenarios, 'there are scenarios')
    const folder = t.testdir({ 'messenger.mjs': messenger(await startClient(t)) })
    const command = `${process.execPath} ${join(folder, 'messenger.mjs')}`
    const passed = new Map<string, string>()
    const left = [...scenarios]
    const work = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const { exitCode, stdout, stderr } = await run('conformance', ['client', '--command', command, '--scenario', name], { cwd, env: { PATH: path } })
        passed.set(name, exitCode === 0 ? 'passed' : (stdout + stderr).slice(-1500))
      }
    }
    await Promise.all([work(), work()])
    for (const name of scenarios) {
      if (faults.includes(name)) t.not(passed.get(name), 'passed', `${name} is known not to be`)
      else t.equal(passed.get(name), 'passed', name)
    }
  })
}
