// One of several servers that act as one, in a process of its own: started by `fork`, told over IPC what to revoke.
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { StoreOutage } from '../../lib/stores/outage.ts'
import { createRedisReplayStore } from '../../lib/stores/replay/redis-replay-store.ts'
import { createRedisRevocationStore } from '../../lib/stores/revocations/redis-revocation-store.ts'
import type { Revocation } from '../../lib/stores/revocations/revocation.ts'
import oauthResourceServer from '../../plugins/index.ts'
import type { Connections } from './redis-topologies.ts'
import { connectBySentinel } from './redis-topologies.ts'

export interface ClusterServerSettings {
  readonly redis: { readonly url: string } | { readonly sentinelPort: number }
  readonly client: 'redis' | 'ioredis'
  readonly whenUnavailable: 'refuse' | 'local'
  readonly timeoutMs: number
  readonly issuer: string
  readonly resource: string
  readonly jwks: { readonly keys: readonly object[] }
}

export interface ClusterOrder {
  readonly revoke?: Revocation
}

/** What the server says about itself, and of its work for an order. */
export interface ClusterAnswer {
  readonly port: number
  readonly isCurrent: boolean
  /** Outages that were reported, as `<store> <state>`. */
  readonly outages: readonly string[]
  /** Lines of the log from warnings on. */
  readonly logLines: number
  readonly unhandled: readonly string[]
  readonly error: string | null
}

const { redis, client: kind, whenUnavailable, timeoutMs, issuer, resource, jwks } = JSON.parse(process.argv[2]!) as ClusterServerSettings
const outages: string[] = []
const unhandled: string[] = []
let logLines = 0
process.on('unhandledRejection', error => { unhandled.push(String(error)) })
process.on('uncaughtException', error => { unhandled.push(String(error)) })

async function connect (): Promise<Connections> {
  if ('sentinelPort' in redis) return await connectBySentinel({ teardown () {} }, redis.sentinelPort, kind)
  if (kind === 'ioredis') {
    const [client, subscriber] = [0, 1].map(() => new Redis(redis.url, { retryStrategy: () => 50 }).on('error', () => {}))
    return { client: client!, subscriber: subscriber! }
  }
  const client = createClient({ url: redis.url, socket: { reconnectStrategy: 50 } }).on('error', () => {})
  const subscriber = client.duplicate().on('error', () => {})
  await Promise.all([client.connect(), subscriber.connect()])
  return { client, subscriber }
}

const { client, subscriber } = await connect()
const shared = { client, whenUnavailable, timeoutMs, retryAfterMs: 100, onOutage: ({ store, state }: StoreOutage) => { outages.push(`${store} ${state}`) } }
const revocations = createRedisRevocationStore({ ...shared, subscriber, maxStalenessMs: 1000 })

const app = Fastify({ logger: { level: 'warn', stream: { write () { logLines++ } } }, forceCloseConnections: true })
await app.register(oauthResourceServer, {
  resource, authorizationServers: [{ issuer, jwks }], dpop: { replayStore: createRedisReplayStore(shared) }, revocations
})
app.get('/me', { schema: { response: {} } }, async () => 'in')
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as { port: number }

const answer = (error: unknown = null): void => {
  process.send!({ port, isCurrent: revocations.isCurrent, outages, logLines, unhandled, error: error === null ? null : String(error) } satisfies ClusterAnswer)
}
process.on('message', ({ revoke }: ClusterOrder) => {
  if (revoke === undefined) answer()
  else revocations.revoke(revoke).then(() => answer(), answer)
})
// It ends with its parent, however that ends.
process.on('disconnect', () => process.exit())
answer()
