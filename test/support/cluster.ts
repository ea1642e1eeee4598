import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { on } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { ClusterAnswer, ClusterOrder, ClusterServerSettings } from './cluster-server.ts'
import { loader } from './loader.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

export interface ClusterServer {
  readonly port: number
  /** Revokes there, or asks how it is. */
  order (order: ClusterOrder): Promise<ClusterAnswer>
}

export interface Reply {
  readonly status: number
  /** The server behind the balancer. */
  readonly server: string | undefined
  readonly retryAfter: string | undefined
  /** How long it took, in milliseconds. */
  readonly ms: number
}

export interface Cluster {
  readonly servers: readonly ClusterServer[]
  /** Where requests go to the servers in turn. */
  readonly balancerPort: number
  get (port: number, headers: Readonly<Record<string, string>>): Promise<Reply>
}

const program = fileURLToPath(new URL('cluster-server.ts', import.meta.url))

/** Starts servers in processes of their own, and a balancer in front of them. */
export async function startCluster (t: Teardown, settings: readonly ClusterServerSettings[]): Promise<Cluster> {
  const servers = await Promise.all(settings.map(async one => await startServer(t, one)))
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  t.teardown(() => agent.destroy())
  let turn = 0
  const balancer = createServer((incoming, outgoing) => {
    const server = turn++ % servers.length
    const forwarded = request({ agent, host: '127.0.0.1', port: servers[server]!.port, path: incoming.url, method: incoming.method, headers: incoming.headers }, response => {
      outgoing.writeHead(response.statusCode!, { ...response.headers, 'x-server': String(server) })
      response.pipe(outgoing)
    })
    forwarded.on('error', () => { outgoing.writeHead(502).end() })
    incoming.pipe(forwarded)
  })
  await new Promise<void>(resolve => { balancer.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { balancer.closeAllConnections(); balancer.close() })
  return {
    servers,
    balancerPort: (balancer.address() as AddressInfo).port,
    get: async (port, headers) => await get(agent, port, headers)
  }
}

async function startServer (t: Teardown, settings: ClusterServerSettings): Promise<ClusterServer> {
  const child = fork(program, [JSON.stringify(settings)], { execArgv: [...loader], env: { PATH: process.env.PATH } })
  t.teardown(() => child.kill('SIGKILL'))
  const answers = answersOf(child)
  const next = async (): Promise<ClusterAnswer> => {
    const { value, done } = await answers.next()
    if (done === true) throw new Error('a server of the cluster has ended')
    return value
  }
  const { port } = await next()
  // One order at a time: its answer is the next one.
  let last: Promise<unknown> = Promise.resolve()
  return {
    port,
    async order (order) {
      const answer = last.then(async () => {
        child.send(order)
        return await next()
      })
      last = answer.catch(() => {})
      return await answer
    }
  }
}

async function * answersOf (child: ChildProcess): AsyncGenerator<ClusterAnswer, void, undefined> {
  for await (const [answer] of on(child, 'message', { close: ['exit'] })) yield answer as ClusterAnswer
}

async function get (agent: Agent, port: number, headers: Readonly<Record<string, string>>): Promise<Reply> {
  const start = performance.now()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, path: '/me', headers }, resolve).on('error', reject).end()
  })
  response.resume()
  await new Promise(resolve => response.once('end', resolve))
  const { 'x-server': server, 'retry-after': retryAfter } = response.headers
  return { status: response.statusCode!, server: server as string | undefined, retryAfter, ms: performance.now() - start }
}
