import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { resource } from '../support/app.ts'
import type { Cluster, ClusterServer, Reply } from '../support/cluster.ts'
import { startCluster } from '../support/cluster.ts'
import type { ClusterServerSettings } from '../support/cluster-server.ts'
import { createProofMaker, tokenHash } from '../support/dpop-proofs.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { missingPart } from '../support/missing-part.ts'
import { startRedis } from '../support/redis-server.ts'
import { startRedisSentinels } from '../support/redis-topologies.ts'

// Four servers in processes of their own, behind a round-robin. The numbers go to the standard error output: how many proofs were
// accepted once, how long a revocation takes. `CLUSTER_PROOFS=10000` is the full count.

const skip = missingPart('redis')
const proofs = Number(process.env.CLUSTER_PROOFS ?? 500)
const revocationRounds = 30
/** Of each store. A request asks one or two of them. */
const timeoutMs = 300
/** On a machine that does other things as well; what was measured is printed. */
const hangMs = 5000

interface Client {
  /** Headers of a request with a token that is bound to the key of this client, and a proof of its own. */
  headers (jti?: string): Record<string, string>
}

async function createClientOf (issuer: FakeIssuer, claims: Record<string, unknown> = {}): Promise<Client> {
  const maker = createProofMaker()
  const token = await issuer.token({ cnf: { jkt: maker.thumbprint }, ...claims })
  const ath = tokenHash(token)
  return {
    headers: (jti = randomUUID()) => ({
      authorization: `DPoP ${token}`, dpop: maker.proof({ jti, htm: 'GET', htu: `${resource}/me`, iat: Math.floor(Date.now() / 1000), ath })
    })
  }
}

function print (text: string): void {
  process.stderr.write(`    ${text}\n`)
}

function median (numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

/** Runs as many pieces of work, a few at a time. */
async function many (count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: atOnce }, async () => { while (next < count) await work(next++) }))
}

/** Sends requests to every server, one at a time each, until the condition holds for all that was answered. */
async function load (cluster: Cluster, client: Client, isEnough: (replies: readonly Reply[], index: number) => boolean): Promise<readonly Reply[][]> {
  return await Promise.all(cluster.servers.map(async ({ port }, index) => {
    const replies: Reply[] = []
    do replies.push(await cluster.get(port, client.headers()))
    while (!isEnough(replies, index))
    return replies
  }))
}

/** The last ones all had this status. */
const ended = (status: number, count: number) => (replies: readonly Reply[]): boolean =>
  replies.length >= count && replies.slice(-count).every(reply => reply.status === status)

async function untilCurrent (servers: readonly ClusterServer[]): Promise<void> {
  for (const server of servers) while (!(await server.order({})).isCurrent);
}

test('four servers with one Redis', { skip, timeout: 240_000 }, async t => {
  const issuer = await createFakeIssuer()
  let redis = await startRedis(t)
  const settings = (client: 'redis' | 'ioredis', whenUnavailable: 'refuse' | 'local'): ClusterServerSettings =>
    ({ redis: { url: redis.url }, client, whenUnavailable, timeoutMs, issuer: issuer.issuer, resource, jwks: { keys: issuer.keys.map(({ publicJwk }) => publicJwk) } })
  const cluster = await startCluster(t, [settings('redis', 'refuse'), settings('ioredis', 'refuse'), settings('redis', 'local'), settings('ioredis', 'local')])
  const { servers, balancerPort } = cluster
  const whenUnavailable = ['refuse', 'refuse', 'local', 'local']
  await untilCurrent(servers)
  const client = await createClientOf(issuer)

  await t.test(`of ${proofs} proofs, each sent to two servers at once, each is accepted once (R9449-19)`, async t => {
    const counts = { once: 0, never: 0, twice: 0, other: 0, atTwoServers: 0 }
    await many(proofs, 8, async () => {
      const headers = client.headers()
      const replies = await Promise.all([cluster.get(balancerPort, headers), cluster.get(balancerPort, headers)])
      const accepted = replies.filter(({ status }) => status === 200).length
      if (!replies.every(({ status }) => status === 200 || status === 401)) counts.other++
      else counts[accepted === 1 ? 'once' : accepted === 0 ? 'never' : 'twice']++
      if (replies[0]!.server !== replies[1]!.server) counts.atTwoServers++
    })
    print(`${proofs} proofs, each sent twice at once: ${JSON.stringify(counts)}`)
    t.same({ ...counts, atTwoServers: 0 }, { once: proofs, never: 0, twice: 0, other: 0, atTwoServers: 0 })
    t.ok(counts.atTwoServers > proofs * 0.5, 'most pairs met two servers')
  })

  await t.test('a token that was revoked at one server is refused by all others within 100 ms, in the median', async t => {
    const times: number[] = []
    for (let round = 0; round < revocationRounds; round++) {
      const tokenId = randomUUID()
      const bearer = { authorization: `Bearer ${await issuer.token({ jti: tokenId })}` }
      for (const { port } of servers) t.equal((await cluster.get(port, bearer)).status, 200)
      const others = servers.filter((_server, i) => i !== round % servers.length)
      const start = performance.now()
      const revoked = servers[round % servers.length]!.order({ revoke: { issuer: issuer.issuer, tokenId } })
      times.push(...await Promise.all(others.map(async ({ port }) => {
        for (;;) {
          const sentAt = performance.now()
          if ((await cluster.get(port, bearer)).status === 401) return sentAt - start
        }
      })))
      t.equal((await revoked).error, null)
    }
    print(`${times.length} refusals at other servers after a revocation, ms: median ${median(times).toFixed(1)}, longest ${Math.max(...times).toFixed(1)}`)
    t.ok(median(times) < 100, String(median(times)))
  })

  const revoked = { authorization: `Bearer ${await issuer.token({ jti: 'revoked' })}` }
  await servers[0]!.order({ revoke: { issuer: issuer.issuer, tokenId: 'revoked' } })
  for (const { port } of servers) while ((await cluster.get(port, revoked)).status !== 401);

  const outages: ReadonlyArray<readonly [name: string, begin: () => Promise<unknown> | void, end: () => Promise<void> | void]> = [
    ['is killed and comes back empty', () => redis.stop('SIGKILL'), async () => { redis = await startRedis(t, undefined, redis.port) }],
    ['hangs', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')]
  ]
  for (const [name, begin, end] of outages) {
    await t.test(`a Redis that ${name} under load: 503 or the local view as configured, and full recovery`, async t => {
      const before = await Promise.all(servers.map(async server => await server.order({})))
      // The load goes on through the whole outage; in it, servers that refuse are waited for.
      let isBack = false
      const running = load(cluster, client, replies => isBack && ended(200, 20)(replies))
      await begin()
      const during = await load(cluster, client, (replies, i) => ended(whenUnavailable[i] === 'refuse' ? 503 : 200, 40)(replies))
      for (const { port } of servers) t.equal((await cluster.get(port, revoked)).status, 401, 'what was revoked before is refused')
      // Of what is accepted meanwhile, nothing is accepted twice by one server.
      const again = client.headers()
      const twice = [await cluster.get(servers[2]!.port, again), await cluster.get(servers[2]!.port, again)]
      t.same(twice.map(({ status }) => status), [200, 401])
      await end()
      isBack = true
      const replies = (await running).map((list, i) => [...list, ...during[i]!])
      for (const [i, list] of replies.entries()) {
        const statuses = new Set(list.map(({ status }) => status))
        if (whenUnavailable[i] === 'local') t.same([...statuses], [200], 'a server with a local view refuses nothing')
        else t.same([...statuses].sort(), [200, 503])
        t.ok(list.every(({ status, retryAfter }) => status === 200 || retryAfter === '5'), 'each 503 has Retry-After')
      }
      const longest = Math.max(...replies.flat().map(({ ms }) => ms))
      print(`Redis ${name}: ${replies.flat().length} requests, ${replies.flat().filter(({ status }) => status === 503).length} times 503, the longest took ${Math.round(longest)} ms`)
      t.ok(longest < hangMs, `nothing hangs: ${longest} ms`)

      await untilCurrent(servers)
      // A server with a local view does not show from outside when its outage has ended.
      for (const [i, server] of servers.entries()) {
        while (!(await server.order({})).outages.slice(before[i]!.outages.length).includes('replays ended')) await cluster.get(server.port, client.headers())
      }
      // What was accepted in the outage is written when Redis is back: in batches, which go before the commands of later requests.
      for (let i = 0; i < 20; i++) await cluster.get(servers[2]!.port, client.headers())
      t.equal((await cluster.get(servers[0]!.port, again)).status, 401)
      for (const { port } of servers) t.equal((await cluster.get(port, revoked)).status, 401)
      const state = await Promise.all(servers.map(async server => await server.order({})))
      for (const [i, { unhandled, logLines, outages }] of state.entries()) {
        t.same(unhandled, [])
        t.ok(logLines - before[i]!.logLines <= 8, `no flood of the log: ${logLines - before[i]!.logLines} lines`)
        const reported = outages.slice(before[i]!.outages.length)
        t.ok(reported.length <= 12 && reported.includes('replays began') && reported.includes('replays ended'), reported.join(', '))
      }
    })
  }

  await t.test('a Redis that came back empty has learned again what was revoked', async t => {
    const admin = new Redis(redis.url)
    t.teardown(() => admin.disconnect())
    t.equal((await admin.keys('*"revoked"*')).length, 1)
  })
})

test('a replica is promoted under load: what was replicated holds, what was not is lost as the documentation says', { skip, timeout: 240_000 }, async t => {
  const issuer = await createFakeIssuer()
  const { primary, replica, sentinelPort } = await startRedisSentinels(t, t.testdir())
  const settings = (client: 'redis' | 'ioredis'): ClusterServerSettings =>
    ({ redis: { sentinelPort }, client, whenUnavailable: 'refuse', timeoutMs, issuer: issuer.issuer, resource, jwks: { keys: issuer.keys.map(({ publicJwk }) => publicJwk) } })
  const cluster = await startCluster(t, [settings('redis'), settings('ioredis'), settings('redis'), settings('ioredis')])
  const { servers } = cluster
  await untilCurrent(servers)
  const client = await createClientOf(issuer)
  const revoke = async (tokenId: string): Promise<Record<string, string>> => {
    const bearer = { authorization: `Bearer ${await issuer.token({ jti: tokenId })}` }
    t.equal((await servers[0]!.order({ revoke: { issuer: issuer.issuer, tokenId } })).error, null)
    for (const { port } of servers) while ((await cluster.get(port, bearer)).status !== 401);
    return bearer
  }

  const [replicated, lost] = [client.headers(), client.headers()]
  t.equal((await cluster.get(servers[0]!.port, replicated)).status, 200)
  const revokedBefore = await revoke('replicated')
  const [onPrimary, onReplica] = [new Redis(primary.url), new Redis(replica.url)]
  t.teardown(() => { for (const one of [onPrimary, onReplica]) one.disconnect() })
  for (const one of [onPrimary, onReplica]) one.on('error', () => {})
  await onPrimary.set('marker', '1')
  while (await onReplica.get('marker') === null);

  let isPromoted = false
  const running = load(cluster, client, replies => isPromoted && ended(200, 20)(replies))
  // From here on the primary's writes do not reach it.
  await onReplica.call('REPLICAOF', 'NO', 'ONE')
  t.equal((await cluster.get(servers[1]!.port, lost)).status, 200)
  const revokedAfter = await revoke('not replicated')
  const killedAt = performance.now()
  await primary.stop('SIGKILL')
  // Until a server has written to the promoted one.
  while (!await onReplica.get('promoted')) {
    const role = String(await onReplica.call('ROLE'))
    if (role.startsWith('master') && (await cluster.get(servers[0]!.port, client.headers())).status === 200) await onReplica.set('promoted', '1')
  }
  isPromoted = true
  const replies = (await running).flat()
  t.same([...new Set(replies.map(({ status }) => status))].sort(), [200, 503], 'while there is no primary, requests are refused')
  const longest = Math.max(...replies.map(({ ms }) => ms))
  print(`promotion: recovered ${Math.round(performance.now() - killedAt)} ms after the primary was killed; ${replies.length} requests, ` +
    `${replies.filter(({ status }) => status === 503).length} times 503, the longest took ${Math.round(longest)} ms`)
  t.ok(longest < hangMs, `nothing hangs: ${longest} ms`)

  await untilCurrent(servers)
  for (const { port } of servers) {
    t.equal((await cluster.get(port, replicated)).status, 401, 'a proof that was replicated stays used')
    t.equal((await cluster.get(port, revokedBefore)).status, 401)
    t.equal((await cluster.get(port, revokedAfter)).status, 401, 'a revocation that was not replicated holds at the servers that heard it')
  }
  t.equal((await cluster.get(servers[2]!.port, lost)).status, 200, 'a proof that was not replicated can be used once more')
  t.equal((await cluster.get(servers[1]!.port, lost)).status, 401, 'and only once')
  while ((await onReplica.keys('*"not replicated"*')).length === 0);
  for (const { unhandled, logLines } of await Promise.all(servers.map(async server => await server.order({})))) {
    t.same(unhandled, [])
    t.ok(logLines <= 12, `no flood of the log: ${logLines} lines`)
  }
})
