import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { missingUnix } from '../support/unix.ts'

const main = fileURLToPath(new URL('../../examples/demo/main.ts', import.meta.url))
const anyPorts = { PORT: '0', AS_PORT: '0', PARTNER_PORT: '0' }

interface Example {
  readonly child: ChildProcess
  /** Its exit code, once everything it wrote has been read. */
  readonly exitCode: Promise<number | null>
  /** The lines that it prints, as they come. */
  readonly lines: AsyncIterator<string>
  /** Everything that it wrote to stderr so far. */
  stderr (): string
}

function start (t: { teardown (close: () => unknown): unknown }, env: Record<string, string>): Example {
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const exitCode = once(child, 'close').then(([code]) => code as number | null)
  return { child, exitCode, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), stderr: () => stderr }
}

/** The next lines that are not empty. */
async function read ({ lines, stderr }: Example, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) {
    const { value, done = false } = await lines.next()
    if (done) throw new Error(`it stopped after ${JSON.stringify(texts)}: ${stderr()}`)
    if (value !== '') texts.push(value)
  }
  return texts
}

test('the example prints the URL of its MCP endpoint and three commands that show the way (H31)', { skip: missingUnix('shell and signals') }, async t => {
  const example = start(t, anyPorts)
  const [url, ...commands] = await read(example, 4)
  t.match(url, /^http:\/\/localhost:\d+\/mcp$/)
  t.ok(commands.every(command => command.startsWith('curl ')))

  const run = async (command: string): Promise<string> => (await promisify(execFile)('sh', ['-c', command])).stdout
  const pointer = new URL(`/.well-known/oauth-protected-resource${new URL(url!).pathname}`, url).href
  const challenge = `Bearer resource_metadata="${pointer}"`

  const refused = await run(commands[0]!)
  t.match(refused, 'HTTP/1.1 401 Unauthorized')
  t.ok(refused.includes(challenge))
  t.match(JSON.parse(await run(commands[1]!)), { resource: url })
  const [bearer, dpop, ...others] = (await run(commands[2]!)).trim().toLowerCase().split(/\r?\n/)
  t.equal(bearer, `www-authenticate: ${challenge}`.toLowerCase(), 'the Bearer challenge first, as older MCP clients read no other')
  t.match(dpop, /^www-authenticate: dpop .*algs="es256/)
  t.strictSame(others, [])

  example.child.kill('SIGINT')
  t.equal(await example.exitCode, 0, 'Ctrl-C closes it')
  await t.rejects(fetch(url!), 'and nobody listens any more')
})

test('a connection that is kept alive does not keep the example from closing', { skip: missingUnix('signals') }, async t => {
  const example = start(t, anyPorts)
  const [url] = await read(example, 1)
  const keptAlive = await fetch(url!)
  t.equal(keptAlive.status, 401)
  example.child.kill('SIGTERM')
  t.equal(await example.exitCode, 0)
})

for (const variable of ['PORT', 'AS_PORT', 'PARTNER_PORT']) {
  test(`${variable} is taken: one line that says so, and no server`, async t => {
    const server = createServer()
    await once(server.listen(0, 'localhost'), 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo

    const example = start(t, { ...anyPorts, [variable]: String(port) })
    t.equal(await example.exitCode, 1)
    t.match(example.stderr(), `Port ${port} is taken`)
    t.match(example.stderr(), variable)
    t.notMatch(example.stderr(), /^\s+at /m, 'no stack trace')
  })
}

test('a database that does not answer: one line that says so', async t => {
  const example = start(t, { ...anyPorts, DATABASE_URL: 'postgresql://postgres@127.0.0.1:9/postgres' })
  t.equal(await example.exitCode, 1)
  t.match(example.stderr(), 'No database answers at DATABASE_URL')
  t.notMatch(example.stderr(), /^\s+at /m)
})

test('a port that is none', async t => {
  const example = start(t, { ...anyPorts, PORT: 'http' })
  t.equal(await example.exitCode, 1)
  t.match(example.stderr(), 'PORT "http" is not a port')
  t.notMatch(example.stderr(), /^\s+at /m)
})
