import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { createBenchIssuer } from './issuer.ts'
import type { Contender, FromServer } from './server.ts'
import { setting } from './settings.ts'
import { median, printTable, spread } from './statistics.ts'

/** A protected route over bare Fastify: what is asked of it, by whom, and what comes back. */
interface Load {
  readonly name: string
  readonly status: number
  /** Values of `Authorization`, in turn; `null` for none. */
  readonly headers: ReadonlyArray<string | null>
  /** Whether none of them may be sent twice. */
  readonly once: boolean
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
const distinct = setting('BENCH_TOKENS', 4000)
const connections = 10
// So that the code is hot before it is measured.
const warmUp = 1500

console.error(`signing ${2 * (distinct + warmUp)} tokens`)
const issuer = createBenchIssuer()
const bearer = (token: string): string => `Bearer ${token}`
// A connection may have asked for its next header when the last request was the last.
const neverRepeat = (alg: 'RS256' | 'ES256'): string[] => issuer.tokens(alg, warmUp + distinct + 2 * connections).map(bearer)
const [hot] = issuer.tokens('RS256', 1) as [string]
const loads: readonly Load[] = [
  { name: 'hot token', status: 200, headers: [bearer(hot)], once: false },
  { name: 'a thousand tokens', status: 200, headers: issuer.tokens('RS256', 1000).map(bearer), once: false },
  { name: 'tokens that never repeat, RS256', status: 200, headers: neverRepeat('RS256'), once: true },
  { name: 'tokens that never repeat, ES256', status: 200, headers: neverRepeat('ES256'), once: true },
  { name: 'no token → 401', status: 401, headers: [null], once: false },
  { name: 'garbage → 401', status: 401, headers: [bearer('garbage')], once: false }
]
const plain: Load = { name: 'no plugin', status: 200, headers: [null], once: false }

const cell = (contender: Contender, label: string, load: Load): Cell => ({ contender, label, load, cpu: [], throughput: [] })
const bare = cell('bare', 'bare Fastify', plain)
const cells: readonly Cell[] = [
  bare,
  // Twice, so that the table says how much of a difference is none.
  cell('bare', 'bare Fastify, once more', plain),
  ...loads.flatMap(load => [cell('ours', 'this package', load), cell('jose', '`jwtVerify` of jose in a hook', load)])
]

const jwksServer = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.jwks))
}).listen(0, '127.0.0.1')
await once(jwksServer, 'listening')
const jwksUri = `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}/jwks`

for (let round = 0; round < rounds; round++) {
  console.error(`round ${round + 1} of ${rounds}`)
  // Each round begins elsewhere: what a machine does in the meantime falls on no one in particular.
  for (let i = 0; i < cells.length; i++) await measure(cells[(i + round * 5) % cells.length]!)
}
jwksServer.close()
report()

async function measure ({ contender, load, cpu, throughput }: Cell): Promise<void> {
  const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [contender, jwksUri], { execArgv: ['--import', 'tsx'] })
  const { port } = await heard(server) as { port: number }
  let next = 0
  const fire = async (limit: { amount: number } | { duration: number }): Promise<{ requests: number, duration: number }> => {
    const { duration, errors, timeouts, statusCodeStats } = await autocannon({
      url: `http://127.0.0.1:${port}/`,
      connections,
      ...limit,
      requests: [{
        setupRequest (request) {
          if (load.once && next >= load.headers.length) throw new Error('out of tokens')
          const authorization = load.headers[next++ % load.headers.length]!
          return authorization === null ? request : { ...request, headers: { authorization } }
        }
      }]
    })
    const statuses = Object.keys(statusCodeStats)
    if (errors + timeouts > 0 || statuses.join() !== String(load.status)) {
      throw new Error(`${contender}, ${load.name}: ${errors} errors, ${timeouts} timeouts, status ${statuses.join()}`)
    }
    return { requests: statusCodeStats[load.status]!.count, duration }
  }
  await fire(load.once ? { amount: warmUp } : { duration: seconds })
  if (load.once) next = warmUp
  const before = await cpuOf(server)
  const { requests, duration } = await fire(load.once ? { amount: distinct } : { duration: seconds })
  cpu.push((await cpuOf(server) - before) / requests)
  throughput.push(requests / duration)
  server.disconnect()
  server.kill()
  await once(server, 'exit')
}

async function cpuOf (server: ChildProcess): Promise<number> {
  const answer = heard(server)
  server.send('usage')
  return (await answer as { cpuMicroseconds: number }).cpuMicroseconds
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
  console.log(`Node.js ${process.version}, ${availableParallelism()} × ${cpus()[0]!.model}, ${rounds} rounds; bare Fastify: ` +
    `${median(bare.cpu).toFixed(0)} µs of CPU a request, ${median(bare.throughput).toFixed(0)} requests a second\n`)
  printTable(
    ['load', 'server', 'CPU of a request over bare', 'requests a second over bare'],
    cells.map(({ label, load, cpu, throughput }) => [load.name, label, spread(over(cpu, bare.cpu)), spread(over(throughput, bare.throughput))]))
}
