import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import type { Test } from 'tap'
import { test } from 'tap'
import { startConformanceServer } from '../../examples/mcp-conformance/server.ts'
import { startTokenProxy } from '../../examples/mcp-conformance/token-proxy.ts'

/** The suite needs Node.js 22, and gets one of its own: neither of them is a dependency of the package. */
const suite = ['-y', '-p', 'node@24', '-p', '@modelcontextprotocol/conformance@0.1.16', 'conformance']

interface Outcome {
  readonly passed: number
  readonly failed: number
}
type Outcomes = ReadonlyMap<string, Outcome>

function run (args: readonly string[]): Promise<{ output: string, failed: boolean }> {
  return new Promise(resolve => {
    execFile('npx', [...suite, ...args], { timeout: 300_000, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}\n${stderr}`, failed: error !== null })
    })
  })
}

async function outcomesOf (url: string): Promise<Outcomes> {
  const { output } = await run(['server', '--url', url, '--suite', 'all'])
  const outcomes = new Map([...output.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)].map(([, name, passed, failed]) =>
    [name!, { passed: Number(passed), failed: Number(failed) }]))
  // The scenarios in which the server asks the client something are lost now and then on a busy machine, with or without
  // a token; by themselves they are not.
  for (const [name, { failed }] of outcomes) {
    if (failed > 0) outcomes.set(name, await outcomeOf(url, name))
  }
  return outcomes
}

async function outcomeOf (url: string, scenario: string): Promise<Outcome> {
  const { output } = await run(['server', '--url', url, '--scenario', scenario])
  const [, passed = 0, failed = 1] = /Passed: (\d+)\/\d+, (\d+) failed/.exec(output) ?? []
  return { passed: Number(passed), failed: Number(failed) }
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  const address = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return address.port
}

async function unprotected (t: Test): Promise<Outcomes> {
  const server = await startConformanceServer({ port: await freePort(), isProtected: false })
  t.teardown(() => server.close())
  return await outcomesOf(server.url)
}

async function protectedByToken (t: Test): Promise<Outcomes> {
  const proxyPort = await freePort()
  const server = await startConformanceServer({
    port: await freePort(), isProtected: true, allowedOrigins: [`http://localhost:${proxyPort}`]
  })
  t.teardown(() => server.close())
  const refused = await fetch(server.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  t.equal(refused.status, 401, 'it is protected')
  const proxy = await startTokenProxy(server.url, server.token, proxyPort)
  t.teardown(() => proxy.close())
  return await outcomesOf(proxy.url)
}

const passedOf = (outcomes: Outcomes): number => [...outcomes.values()].reduce((sum, { passed }) => sum + passed, 0)

test('the MCP conformance suite finds a protected server as it finds the same server unprotected', { timeout: 600_000 }, async t => {
  const available = await run(['list', '--server'])
  if (available.failed) {
    const why = available.output.trim().slice(-300)
    process.stderr.write(`\nNOT RUN: the MCP conformance suite, or a Node.js that it runs on, cannot be had: ${why}\n\n`)
    t.pass('the conformance suite', { skip: 'it cannot be had' })
    return
  }
  const without = await unprotected(t)
  const withToken = await protectedByToken(t)
  t.comment(`unprotected: ${passedOf(without)} passed of ${without.size} scenarios; protected: ${passedOf(withToken)} passed`)
  t.ok(without.size >= 32, 'there are scenarios')
  t.same([...withToken.keys()], [...without.keys()])
  for (const [name, { failed }] of without) {
    if (failed === 0) t.equal(withToken.get(name)?.failed, 0, name)
  }
  t.ok(passedOf(withToken) >= passedOf(without), 'as many passed')
})
