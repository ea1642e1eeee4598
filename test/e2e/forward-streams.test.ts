import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { test } from 'tap'
import type { FromProxy, ProxyUsage } from '../support/forward-child.ts'
import { headOf, openRequest, readAnswer } from '../support/http-request.ts'
import { startUpstream } from '../support/upstream.ts'
import { loader } from '../support/loader.ts'

const secret = randomBytes(32).toString('base64url')
const authorized = ['x-forward-secret', secret]
const megabyte = 1024 * 1024

interface ProxyProcess {
  readonly url: string
  usage (): Promise<ProxyUsage>
  /** Ends it; what it wrote to stderr, and its exit code. */
  end (): Promise<{ exitCode: number | null, stderr: string }>
}

async function startProxyProcess (t: Test, upstream: string): Promise<ProxyProcess> {
  const child = fork(fileURLToPath(new URL('../support/forward-child.ts', import.meta.url)), [upstream, secret], {
    // The loader of the tests would be measured, too.
    execArgv: [...loader], env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const heard = async (): Promise<FromProxy> => {
    const died = exited.then(([code]) => { throw new Error(`the proxy died (${code}): ${stderr}`) })
    const [message] = await Promise.race([once(child, 'message'), died]) as [FromProxy]
    return message
  }
  const { port } = await heard() as { port: number }
  return {
    url: `http://127.0.0.1:${port}/up`,
    async usage () {
      const answer = heard()
      child.send('usage')
      return await answer as ProxyUsage
    },
    async end () {
      child.disconnect()
      const [exitCode] = await exited
      return { exitCode, stderr }
    }
  }
}

/** So many megabytes that differ, made as they are asked for. */
function * megabytes (count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(megabyte, `${i}-`)
}

function digestOf (chunks: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

test('large and aborted bodies in both directions: bounded memory, no leak, no unhandled rejection [R50 R53 R36]', async t => {
  let broken = 0
  const upstream = await startUpstream(t, ({ url }, response, request) => {
    if (url === '/down') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      pipeline(Readable.from(megabytes(100)), response).catch(() => {})
    } else if (url === '/up') {
      const hash = createHash('sha256')
      request.on('data', (chunk: Buffer) => hash.update(chunk)).once('end', () => response.end(hash.digest('hex')))
    } else if (url === '/dies') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      response.write(Buffer.alloc(megabyte), () => response.destroy())
    } else if (url === '/endless') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.once('close', () => broken++)
      pipeline(Readable.from(megabytes(Infinity)), response).catch(() => {})
    } else {
      response.end('ok')
    }
  }, { early: true })
  const proxy = await startProxyProcess(t, upstream.origin)
  const ask = async (path: string): Promise<string> => {
    const outgoing = openRequest(`${proxy.url}${path}`, { headers: authorized })
    outgoing.end()
    return (await readAnswer(await headOf(outgoing))).body.toString()
  }
  const settled = async (sockets: number): Promise<ProxyUsage> => {
    for (;;) {
      const usage = await proxy.usage()
      if (usage.sockets <= sockets) return usage
    }
  }

  for (let i = 0; i < 20; i++) t.equal(await ask('/small'), 'ok')
  const before = await proxy.usage()

  const down = openRequest(`${proxy.url}/down`, { headers: authorized })
  down.end()
  const hash = createHash('sha256')
  for await (const chunk of await headOf(down)) hash.update(chunk as Buffer)
  t.equal(hash.digest('hex'), digestOf(megabytes(100)), '100 MB down, byte by byte')

  for (const length of [['content-length', String(50 * megabyte)], []]) {
    const up = openRequest(`${proxy.url}/up`, { method: 'POST', headers: [...authorized, ...length] })
    const answer = headOf(up)
    await pipeline(Readable.from(megabytes(50)), up)
    t.equal((await readAnswer(await answer)).body.toString(), digestOf(megabytes(50)), `50 MB up, ${length.length === 0 ? 'in chunks' : 'of a known length'}`)
  }
  const grown = (await proxy.usage()).peakBytes - before.peakBytes
  t.comment(`the proxy has grown by ${(grown / megabyte).toFixed(1)} MB at most`)
  t.ok(grown < 64 * megabyte, `${grown} bytes`)

  const rounds = 10
  for (let i = 0; i < rounds; i++) await t.rejects(ask('/dies'), { code: 'ECONNRESET' })
  for (let i = 0; i < rounds; i++) {
    const left = openRequest(`${proxy.url}/endless`, { headers: authorized })
    left.end()
    const incoming = await headOf(left)
    await once(incoming, 'readable')
    if (i === 0) t.ok((await proxy.usage()).sockets >= before.sockets + 2, 'the connections of an open stream are counted')
    incoming.on('error', () => {})
    incoming.destroy()
  }
  for (let i = 0; i < rounds; i++) {
    const left = openRequest(`${proxy.url}/up`, { method: 'POST', headers: [...authorized, 'content-length', String(50 * megabyte)] })
    const closed = new Promise(resolve => { left.once('close', resolve) })
    left.on('error', () => {}).write(Buffer.alloc(megabyte), () => left.destroy())
    await closed
  }
  const after = await settled(before.sockets)
  t.ok(after.sockets <= before.sockets, `${before.sockets} sockets before, ${after.sockets} after`)
  t.equal(broken, rounds, 'who leaves takes the request to the upstream along')
  t.equal(await ask('/small'), 'ok')
  t.same(await proxy.end(), { exitCode: 0, stderr: '' }, 'nothing went unhandled')
})
