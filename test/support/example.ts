import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A curl command that an example prints. */
export interface PrintedCommand {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** What the example says about it, after a `#`. */
  readonly remark: string
}

export interface RunningExample {
  readonly origin: string
  readonly output: string
  readonly commands: readonly PrintedCommand[]
  /** Sends what the command would send. */
  run (command: PrintedCommand): Promise<{ status: number, headers: Headers, body: string }>
}

/** Starts an example inside of the test's process, and reads what it prints. It is closed with the test. */
export async function startExample (t: { teardown (close: () => unknown): unknown }, path: string): Promise<RunningExample> {
  const port = await freePort()
  const { PORT: before } = process.env
  const print = console.log
  let output = ''
  process.env.PORT = String(port)
  console.log = text => { output += String(text) }
  let app: FastifyInstance
  try {
    ({ app } = await import(new URL(`../../examples/${path}`, import.meta.url).href) as { app: FastifyInstance })
  } finally {
    console.log = print
    if (before === undefined) delete process.env.PORT
    else process.env.PORT = before
  }
  t.teardown(() => { app.server.closeAllConnections(); return app.close() })
  return { origin: `http://localhost:${port}`, output, commands: readCommands(output), run }
}

function readCommands (output: string): PrintedCommand[] {
  return output.replaceAll('\\\n', ' ').split('\n').filter(line => line.startsWith('curl ')).map(line => {
    const [command = '', remark = ''] = line.split(/ {3}# /)
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)
    const valuesOf = (flag: string): string[] => words.filter((_, i) => words[i - 1] === flag)
    const [body] = valuesOf('-d')
    return {
      url: words.at(-1)!,
      method: valuesOf('-X')[0] ?? (body === undefined ? 'GET' : 'POST'),
      headers: Object.fromEntries(valuesOf('-H').map(header => header.split(/: (.*)/s).slice(0, 2))) as Record<string, string>,
      body,
      remark
    }
  })
}

async function run ({ url, method, headers, body }: PrintedCommand): Promise<{ status: number, headers: Headers, body: string }> {
  const response = await fetch(url, { method, headers, ...body === undefined ? {} : { body }, redirect: 'manual' })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
