import tap, { test } from 'tap'
import { createRedisIntrospectionCache } from '../../../lib/stores/introspection/redis-introspection-cache.ts'
import { createRedisMcpSessionStore } from '../../../lib/stores/mcp-sessions/redis-mcp-session-store.ts'
import { createRedisReplayStore } from '../../../lib/stores/replay/redis-replay-store.ts'
import { createRedisRevocationStore } from '../../../lib/stores/revocations/redis-revocation-store.ts'
import { createRedisTokenStore } from '../../../lib/stores/tokens/redis-token-store.ts'
import { introspectionCacheSuite } from '../../support/introspection-cache-suite.ts'
import { mcpSessionSuite } from '../../support/mcp-session-suite.ts'
import { missingPart } from '../../support/missing-part.ts'
import { clientKinds } from '../../support/redis-clients.ts'
import { startRedis } from '../../support/redis-server.ts'
import type { Connections } from '../../support/redis-topologies.ts'
import { startRedisCluster, startRedisSentinels } from '../../support/redis-topologies.ts'
import { replaySuite } from '../../support/replay-suite.ts'
import { revocationSuite } from '../../support/revocation-suite.ts'

// One suite for each kind of store, which those in memory pass in tests of their own: in Redis by every client over every topology.

const skip = missingPart('redis')

interface Topology {
  readonly name: string
  readonly connections: readonly [Pick<Connections, 'client'> & Partial<Connections>, Pick<Connections, 'client'> & Partial<Connections>]
  readonly numRuns: number
}

async function startTopologies (): Promise<Topology[]> {
  const [{ url }, cluster, sentinels] = await Promise.all([startRedis(tap), startRedisCluster(tap, tap.testdir()), startRedisSentinels(tap, tap.testdir())])
  const single = clientKinds.map(async ({ name, connect }) => ({
    name: `over ${name}`, connections: [{ client: await connect(tap, url) }, { client: await connect(tap, url) }] as const, numRuns: 20
  }))
  const others = (['redis', 'ioredis'] as const).flatMap(kind => [
    Promise.all([cluster.connect(tap, kind), cluster.connect(tap, kind)]).then(connections => ({ name: `on a cluster of three, over ${kind}`, connections, numRuns: 8 })),
    Promise.all([sentinels.connect(tap, kind), sentinels.connect(tap, kind)]).then(connections => ({ name: `behind sentinels, over ${kind}`, connections, numRuns: 8 }))
  ])
  return await Promise.all([...single, ...others])
}

if (skip === false) {
  let stores = 0
  for (const { name, connections: [one, other], numRuns } of await startTopologies()) {
    for (const whenUnavailable of ['refuse', 'local'] as const) {
      // A server that is up answers both ways alike.
      if (whenUnavailable === 'local' && numRuns < 20) continue
      const answer = whenUnavailable === 'local' ? ' with a local view' : ''
      replaySuite(`replays ${name}${answer}`, clock => {
        const shared = { clock, whenUnavailable, prefix: `replay-${++stores}:` }
        return [createRedisReplayStore({ client: one.client, ...shared }), createRedisReplayStore({ client: other.client, ...shared })]
      }, { numRuns })
      mcpSessionSuite(`MCP sessions ${name}${answer}`, clock => {
        const shared = { clock, whenUnavailable, prefix: `session-${++stores}:` }
        return [createRedisMcpSessionStore({ client: one.client, ...shared }), createRedisMcpSessionStore({ client: other.client, ...shared })]
      })
    }
    introspectionCacheSuite(`introspection answers ${name}`, clock => {
      const shared = { clock, prefix: `introspected-${++stores}:` }
      return [createRedisIntrospectionCache({ client: one.client, ...shared }), createRedisIntrospectionCache({ client: other.client, ...shared })]
    }, { numRuns })
    revocationSuite(`revocations ${name}`, (clock, longestLifetimeSeconds, leewaySeconds = 0) =>
      createRedisRevocationStore({ client: one.client, clock, longestLifetimeSeconds, leewaySeconds, prefix: `{revoked-${++stores}}` }), { numRuns })
    test(`a token store ${name}`, async t => {
      for (const key of ['ann', '}', '{x}y']) {
        const store = createRedisTokenStore({ client: one.client, key, prefix: `tokens-${++stores}:` })
        const record = await store.exclusively(() => store.write(null, null))
        t.strictSame(await store.read(), record)
      }
    })
  }
}
