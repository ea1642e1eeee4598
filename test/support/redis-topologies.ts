import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import type { RedisClient } from '../../lib/stores/redis-client.ts'
import type { RedisSubscriber } from '../../lib/stores/redis-subscriber.ts'
import { startDaemon } from './daemon.ts'
import { findPart } from './missing-part.ts'
import type { RedisServer } from './redis-server.ts'
import { freePort, startRedis } from './redis-server.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

/** A way to reach Redis, with a client for commands and one for subscriptions, which are closed when the test ends. */
export interface Connections {
  readonly client: RedisClient
  readonly subscriber: RedisSubscriber
}

export interface RedisCluster {
  readonly ports: readonly number[]
  connect (t: Teardown, kind: 'redis' | 'ioredis'): Promise<Connections>
}

const thirds = [['0', '5460'], ['5461', '10922'], ['10923', '16383']] as const

/** A cluster of three nodes, each with a third of the slots and no replica. */
export async function startRedisCluster (t: Teardown, folder: string): Promise<RedisCluster> {
  const nodes = await Promise.all(thirds.map(async () => {
    // The port of the cluster bus is 10000 above, and has to exist.
    const [port, busPort] = [await freePort(), await freePort()]
    return await startRedis(t, [
      '--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000',
      '--cluster-config-file', `nodes-${port}.conf`, '--dir', folder
    ], port).then(server => ({ ...server, busPort }))
  }))
  const admins = nodes.map(({ url }) => new Redis(url))
  for (const [i, admin] of admins.entries()) {
    t.teardown(() => admin.disconnect())
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', ...thirds[i]!)
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  for (const { port, busPort } of nodes.slice(1)) await admins[0]!.call('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort))
  const isWhole = async (admin: Redis): Promise<boolean> => {
    const info = String(await admin.call('CLUSTER', 'INFO'))
    return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3') && info.includes('cluster_slots_ok:16384')
  }
  // Waiting for a replica that does not exist passes the time there, not here.
  for (const admin of admins) while (!await isWhole(admin)) await admin.call('WAIT', '1', '50').catch(() => {})
  const ports = nodes.map(({ port }) => port)
  return {
    ports,
    async connect (t, kind) {
      if (kind === 'ioredis') {
        const client = new Cluster(ports.map(port => ({ host: '127.0.0.1', port })))
        client.on('error', () => {})
        t.teardown(() => client.disconnect())
        return { client, subscriber: client }
      }
      const client = createCluster({ rootNodes: ports.map(port => ({ url: `redis://127.0.0.1:${port}` })) })
      client.on('error', () => {})
      await client.connect()
      t.teardown(() => client.destroy())
      return { client, subscriber: client }
    }
  }
}

export interface RedisSentinels {
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly sentinelPort: number
  connect (t: Teardown, kind: 'redis' | 'ioredis'): Promise<Connections>
}

const sentinelName = 'main'

/** A primary, a replica that has caught up, and one sentinel that promotes it when the primary is silent for 500 ms. */
export async function startRedisSentinels (t: Teardown, folder: string): Promise<RedisSentinels> {
  const primary = await startRedis(t, ['--repl-diskless-sync-delay', '0'])
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'])
  const admin = new Redis(primary.url)
  t.teardown(() => admin.disconnect())
  admin.on('error', () => {})
  await admin.set('caught up', '1')
  while (Number(await admin.call('WAIT', '1', '1000')) < 1) await admin.set('caught up', '1')

  const sentinelPort = await freePort()
  const config = join(folder, `sentinel-${sentinelPort}.conf`)
  await writeFile(config, [
    `port ${sentinelPort}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor ${sentinelName} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${sentinelName} 500`, `sentinel failover-timeout ${sentinelName} 4000`, ''
  ].join('\n'))
  const sentinel = await startDaemon(findPart('redis') ?? 'redis-server', [config, '--sentinel'], /\+slave slave 127/)
  t.teardown(() => sentinel.stop('SIGKILL'))
  return { primary, replica, sentinelPort, connect: async (t, kind) => await connectBySentinel(t, sentinelPort, kind) }
}

/** Also for processes of their own, which end with their clients. */
export async function connectBySentinel (t: Teardown, sentinelPort: number, kind: 'redis' | 'ioredis'): Promise<Connections> {
  if (kind === 'ioredis') {
    const open = (): Redis => {
      const client = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinelPort }], name: sentinelName, sentinelRetryStrategy: () => 100, retryStrategy: () => 100 })
      client.on('error', () => {})
      t.teardown(() => client.disconnect())
      return client
    }
    return { client: open(), subscriber: open() }
  }
  const client = createSentinel({
    name: sentinelName, sentinelRootNodes: [{ host: '127.0.0.1', port: sentinelPort }], scanInterval: 250,
    nodeClientOptions: { socket: { reconnectStrategy: 100 } }, sentinelClientOptions: { socket: { reconnectStrategy: 100 } }
  })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.destroy())
  return { client, subscriber: client }
}
