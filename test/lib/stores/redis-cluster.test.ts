import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { test } from 'tap'
import type { RedisClient } from '../../../lib/stores/redis-client.ts'
import { createRedisRevocationStore } from '../../../lib/stores/revocations/redis-revocation-store.ts'
import { createRedisTokenStore } from '../../../lib/stores/tokens/redis-token-store.ts'
import { missingPart } from '../../support/missing-part.ts'
import { startRedis } from '../../support/redis-server.ts'

interface Teardown {
  teardown (close: () => unknown): unknown
}

const issuer = 'https://login.example.com'

/** A cluster of one: it refuses a command whose keys are in several slots, as a large one does. */
async function startCluster (t: Teardown, folder: string): Promise<number> {
  const { url, port } = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--dir', folder])
  const node = new Redis(url)
  t.teardown(() => node.disconnect())
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  // It takes two seconds to be sure of itself. Waiting for a replica that there is not passes the time there, not here.
  while (!String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await node.call('WAIT', '1', '100')
  return port
}

test('a cluster', { skip: missingPart('redis') }, async t => {
  const port = await startCluster(t, t.testdir())
  const ioredis = new Cluster([{ host: '127.0.0.1', port }])
  t.teardown(() => ioredis.disconnect())
  await t.rejects(ioredis.call('MGET', 'a', 'b'), /CROSSSLOT/)
  const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] })
  await cluster.connect()
  t.teardown(() => cluster.destroy())
  const clients: Record<string, RedisClient> = {
    ioredis,
    redis: { sendCommand: command => cluster.sendCommand(command[command[0] === 'EVAL' ? 3 : 1], false, command) }
  }

  for (const [name, client] of Object.entries(clients)) {
    const revocations = createRedisRevocationStore({ client, prefix: `{${name}}:` })
    const token = { issuer, subject: 'ann', tokenId: '1', grantId: '2', sessionId: '3', actor: { issuer, subject: 'sam' }, issuedAt: 0, authenticatedAt: null }
    t.equal(await revocations.isRevoked(token), false, name)
    await revocations.revoke({ issuer, sessionId: '3' })
    t.equal(await revocations.isRevoked(token), true)

    for (const key of ['ann', '}', '{x}y']) {
      const store = createRedisTokenStore({ client, key, prefix: `${name}:` })
      const record = await store.exclusively(() => store.write(null, null))
      t.strictSame(await store.read(), record)
    }
  }
})
