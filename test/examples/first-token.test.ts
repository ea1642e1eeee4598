import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import type { Test } from 'tap'
import { test } from 'tap'
import { run } from '../support/child.ts'
import { textOfDocument } from '../support/documents.ts'
import { freePort } from '../support/example.ts'
import { loader } from '../support/loader.ts'
import { missingUnix } from '../support/unix.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const packedLogin = 'node_modules/fastify-oauth-resource-server/examples/login.mjs'

/** The snippets of a page in one language, those under one heading only. */
function snippetsUnder (heading: string, path: string, language: string): string[] {
  const text = textOfDocument(path)
  const [section] = `\n${text}`.split(`\n${heading}\n`)[1]!.split('\n## ') as [string]
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code!)
}

interface Machine {
  /** The port of the API or MCP server, in the place of 3000. */
  readonly port: number
  /** What the documents say, with ports that are free. */
  here (text: string): string
  /** Starts a program, and returns when it prints a line that matches. */
  start (args: readonly string[], ready: RegExp, env?: NodeJS.ProcessEnv): Promise<void>
}

/** The machine of a reader: the documents name ports that may be taken on this one. */
async function createMachine (t: Test): Promise<Machine> {
  const [port, asPort] = [await freePort(), await freePort()]
  return {
    port,
    here: text => text.replaceAll('localhost:3000', `localhost:${port}`).replaceAll('localhost:3001', `localhost:${asPort}`)
      .replaceAll('port: 3000', `port: ${port}`),
    async start (args, ready, env = {}) {
      const { NODE_OPTIONS: _loader, ...inherited } = process.env
      const child: ChildProcess = spawn(process.execPath, args, { cwd: root, env: { ...inherited, AS_PORT: String(asPort), ...env }, stdio: ['ignore', 'pipe', 'ignore'] })
      t.teardown(() => child.kill('SIGKILL'))
      for await (const line of createInterface({ input: child.stdout! })) {
        if (ready.test(line)) {
          child.stdout!.resume()
          return
        }
      }
      throw new Error(`${args.join(' ')} ended`)
    }
  }
}

/** Runs commands in a shell, as they stand. */
async function shell (commands: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run('bash', ['-c', commands], { cwd: root })
  if (exitCode !== 0) throw new Error(stderr)
  return stdout
}

test('the quick start of the README ends with a 200 from an authorization server of one\'s own', { skip: missingUnix('bash') }, async t => {
  const machine = await createMachine(t)
  const [install, ...commands] = snippetsUnder('## Quick start', 'README.md', 'sh')
  t.equal(install, `npm install oidc-provider && node ${packedLogin}\n`)
  await machine.start(['examples/login.mjs'], /^Issuer: /)
  const [server] = snippetsUnder('## Quick start', 'README.md', 'ts')
  const folder = t.testdir({
    'server.ts': machine.here(server!),
    'client.ts': machine.here(snippetsUnder('## Clients and proxies', 'README.md', 'ts')[0]!)
  })
  await machine.start([...loader, join(folder, 'server.ts')], /Server listening/, { PORT: String(machine.port) })

  const answer = await shell(machine.here(commands.join('')))
  t.equal(answer.split('\r\n', 1)[0], 'HTTP/1.1 200 OK')
  t.equal(answer.split('\r\n\r\n')[1], '[{"name":"Analytical Engine","owner":"me"}]')

  const page = snippetsUnder('# A first access token', 'docs/first-token.md', 'sh')
  t.equal(page[0], install, 'its page has the same commands')
  t.same(page[1], commands.join(''))

  const { stdout, stderr } = await run(process.execPath, [...loader, join(folder, 'client.ts')], { cwd: root })
  t.equal(stdout, "[ { name: 'Analytical Engine', owner: 'me' } ]\n", stderr)
})

test('the MCP server of the README answers the command below it: 200 with the scopes of the tool, 403 without', { skip: missingUnix('bash') }, async t => {
  const machine = await createMachine(t)
  await machine.start(['examples/login.mjs'], /^Issuer: /)
  const [server] = snippetsUnder('## An MCP server', 'README.md', 'ts')
  const folder = t.testdir({ 'mcp.ts': machine.here(server!) })
  await machine.start([...loader, join(folder, 'mcp.ts')], /Server listening/)

  const token = snippetsUnder('# A first access token', 'docs/first-token.md', 'sh')[2]!
  const call = snippetsUnder('## An MCP server', 'README.md', 'sh')[1]!
  const listed = await shell(machine.here(token + call))
  t.equal(listed.split('\r\n', 1)[0], 'HTTP/1.1 200 OK')
  t.ok(listed.includes('Buy milk'))
  const refused = await shell(machine.here(token + call.replace('list_notes', 'delete_note')))
  t.equal(refused.split('\r\n', 1)[0], 'HTTP/1.1 403 Forbidden')
  t.ok(refused.includes('scope="notes:read notes:write"'), 'the challenge names the scope that is not advertised')
})
