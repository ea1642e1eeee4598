import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { freePort } from '../support/example.ts'

const minimal = fileURLToPath(new URL('../../examples/minimal.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

test('the minimal example is twenty lines', async t => {
  const lines = (await readFile(minimal, 'utf8')).trimEnd().split('\n')
  t.ok(lines.length <= 20, `${lines.length} lines`)
  t.ok(lines.every(line => line.length <= 120))
})

test('the minimal example runs as it stands, and its resource follows the port (H1, H31)', async t => {
  const port = await freePort()
  const child = spawn(process.execPath, ['--import', 'tsx', minimal], {
    // Here, tsconfig.json says what the name of the package means.
    cwd: root,
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let address: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    address = /Server listening at (http:[^"]+)/.exec(line)?.[1]
    if (address !== undefined) break
  }

  const health = await fetch(`${address}/health`)
  t.equal(health.status, 200)
  const refused = await fetch(`${address}/projects`)
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('www-authenticate'),
    `Bearer resource_metadata="http://localhost:${port}/.well-known/oauth-protected-resource", scope="projects:read"`)
  const document = await fetch(`${address}/.well-known/oauth-protected-resource`)
  t.match(await document.json(), {
    resource: `http://localhost:${port}`,
    authorization_servers: ['http://localhost:3001'],
    scopes_supported: ['projects:read']
  })
})
