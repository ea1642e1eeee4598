import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import type { Contender, FromServer } from './forward-server.ts'
import { setting } from './settings.ts'
import { median, printTable, spread } from './statistics.ts'

/** The proxy beside `@fastify/reply-from` and the bare upstream, on the same traffic in one run. */
interface Load {
  readonly name: string
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly body?: string
}

interface Cell {
  readonly contender: Contender
  readonly label: string
  readonly load: Load
  /** For each round. */
  readonly cpu: number[]
  readonly throughput: number[]
}

const rounds = setting('BENCH_ROUNDS', 5)
const seconds = setting('BENCH_SECONDS', 1)
const connections = 10

const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })
const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'ada' }] } })
const page = Buffer.alloc(100_000, 'a')
const loads: readonly Load[] = [
  { name: 'GET, 100 kB of text', path: '/page', method: 'GET' },
  { name: 'POST, a small JSON-RPC call', path: '/rpc', method: 'POST', body: call }
]

const upstream = createServer((request, response) => {
  request.resume().once('end', () => {
    if (request.url === '/page') response.setHeader('content-type', 'text/plain').end(page)
    else response.setHeader('content-type', 'application/json').end(answer)
  })
}).listen(0, '127.0.0.1')
await once(upstream, 'listening')
const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`

const contenders: ReadonlyArray<readonly [Contender, string]> = [
  ['reply-from', '`@fastify/reply-from`'], ['reply-from', 'the same, once more'], ['ours', 'this package']
]
const cells: readonly Cell[] = loads.flatMap(load => contenders.map(([contender, label]) => ({ contender, label, load, cpu: [], throughput: [] })))

for (let round = 0; round < rounds; round++) {
  console.error(`round ${round + 1} of ${rounds}`)
  // Each round begins elsewhere: what a machine does in the meantime falls on no one in particular.
  for (let i = 0; i < cells.length; i++) await measure(cells[(i + round * 2) % cells.length]!)
}
upstream.close()
upstream.closeAllConnections()
report()

async function measure ({ contender, load, cpu, throughput }: Cell): Promise<void> {
  const server = fork(fileURLToPath(new URL('forward-server.ts', import.meta.url)), [contender, origin], { execArgv: ['--import', 'tsx'] })
  const { url, headers } = await heard(server) as { url: string, headers: Record<string, string> }
  const fire = async (): Promise<{ requests: number, duration: number }> => {
    const { duration, errors, timeouts, statusCodeStats } = await autocannon({
      url: `${url}${load.path}`,
      connections,
      duration: seconds,
      method: load.method,
      headers: { ...headers, ...load.body === undefined ? {} : { 'content-type': 'application/json' } },
      ...load.body === undefined ? {} : { body: load.body }
    })
    const statuses = Object.keys(statusCodeStats)
    if (errors + timeouts > 0 || statuses.join() !== '200') {
      throw new Error(`${contender}, ${load.name}: ${errors} errors, ${timeouts} timeouts, status ${statuses.join()}`)
    }
    return { requests: statusCodeStats[200]!.count, duration }
  }
  // So that the code is hot before it is measured.
  await fire()
  const before = await cpuOf(server)
  const { requests, duration } = await fire()
  cpu.push((await cpuOf(server) - before) / requests)
  throughput.push(requests / duration)
  server.disconnect()
  server.kill()
  await once(server, 'exit')
}

async function cpuOf (server: ChildProcess): Promise<number> {
  const message = heard(server)
  server.send('usage')
  return (await message as { cpuMicroseconds: number }).cpuMicroseconds
}

/** The next thing that the server says; a server that dies says nothing. */
async function heard (server: ChildProcess): Promise<FromServer> {
  const [message] = await Promise.race([
    once(server, 'message'),
    once(server, 'exit').then(() => { throw new Error('the server died') })
  ]) as [FromServer]
  return message
}

function report (): void {
  const over = (ours: readonly number[], theirs: readonly number[]): number[] => ours.map((value, round) => value / theirs[round]!)
  console.log(`Node.js ${process.version}, ${availableParallelism()} × ${cpus()[0]!.model}, ${rounds} rounds of ${seconds} s\n`)
  printTable(
    ['load', 'proxy', 'CPU µs a request', 'CPU over reply-from', 'requests a second over reply-from'],
    cells.map(({ label, load, cpu, throughput }) => {
      const base = cells.find(cell => cell.load === load)!
      return [load.name, label, median(cpu).toFixed(0), spread(over(cpu, base.cpu)), spread(over(throughput, base.throughput))]
    }))
}
