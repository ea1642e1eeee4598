import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { on, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { createRedisTokenStore } from '../../lib/stores/tokens/redis-token-store.ts'
import type { TokenStore } from '../../lib/stores/tokens/token-store.ts'
import { resource } from '../support/app.ts'
import { missingPart } from '../support/missing-part.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RotatingIssuer } from '../support/rotating-issuer.ts'
import { startRotatingIssuer } from '../support/rotating-issuer.ts'
import type { Answer, Order, ProcessSettings } from '../support/session-process.ts'
import { loader } from '../support/loader.ts'

const skip = missingPart('redis')
const program = fileURLToPath(new URL('../support/session-process.ts', import.meta.url))
const start = 1_800_000_000_000

/** What of a test is used here. */
interface Teardown {
  teardown (close: () => unknown): unknown
}

class Process {
  readonly child: ChildProcess

  constructor (t: Teardown, settings: ProcessSettings) {
    this.child = fork(program, [JSON.stringify(settings)], { execArgv: [...loader], env: { PATH: process.env.PATH } })
    t.teardown(() => this.child.kill('SIGKILL'))
  }

  async answer (): Promise<Answer> {
    return (await once(this.child, 'message') as [Answer])[0]
  }

  /** Does not wait for the answer. */
  tell (order: Order): Promise<Answer> {
    const answer = this.answer()
    this.child.send(order)
    return answer
  }
}

interface World {
  readonly issuer: RotatingIssuer
  readonly processes: readonly [Process, Process]
  readonly store: TokenStore
  /** Resolves when two clients of Redis have asked for their turn from now on. */
  bothAsk (): Promise<void>
}

/** Two processes with one session, whose access token is dead from `start` on, over two kinds of client. */
async function createWorld (t: Teardown, turnMs: number): Promise<World> {
  const [{ url }, issuer] = await Promise.all([startRedis(t), startRotatingIssuer(t)])
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  const store = createRedisTokenStore({ client: redis, key: 'ann' })
  await store.write({ accessToken: 'dead', tokenType: 'Bearer', refreshToken: await issuer.grant(), expiresAt: start, scopes: ['read'] }, null)
  const settings = { redisUrl: url, issuer: issuer.issuer, resource, clientId: issuer.clientId, turnMs }
  const processes = [new Process(t, { ...settings, client: 'redis' }), new Process(t, { ...settings, client: 'ioredis' })] as const
  const monitor = await redis.monitor()
  t.teardown(() => monitor.disconnect())
  for (const ready of await Promise.all(processes.map(one => one.answer()))) {
    if (!('ready' in ready)) throw new Error('a process did not start')
  }
  return {
    issuer,
    processes,
    store,
    async bothAsk () {
      const clients = new Set<string>()
      for await (const [, [command], client] of on(monitor, 'monitor') as AsyncIterable<[time: string, words: string[], client: string]>) {
        if (command!.toUpperCase() === 'SET') clients.add(client)
        if (clients.size === 2) return
      }
    }
  }
}

test('two processes, fifty rounds of simultaneous expiry: never a reuse, never a lost session (RFSH-05, R23)', { skip }, async t => {
  const { issuer, processes, store, bothAsk } = await createWorld(t, 60_000)
  const seen = new Set<string>()
  for (let round = 1; round <= 50; round++) {
    // Whoever is first has no answer before the other one wants to renew as well.
    const both = bothAsk()
    issuer.gate = async () => {
      await both
      return true
    }
    // The access token of the round before is dead by now, for both of them.
    const answers = await Promise.all(processes.map(one => one.tell({ now: start + round * 3600_000, callers: 5 })))
    const tokens = new Set(answers.flatMap(answer => 'tokens' in answer ? answer.tokens : [JSON.stringify(answer)]))
    const [token] = tokens
    if (tokens.size !== 1 || seen.has(token!) || issuer.statuses.length !== round) {
      t.fail(`round ${round}`, { tokens: [...tokens], statuses: issuer.statuses })
      return
    }
    seen.add(token!)
  }
  t.same(issuer.statuses, Array(50).fill(200), 'one token request in each round')
  t.equal(issuer.revokedGrants(), 0)
  t.ok(seen.has((await store.read())!.tokens!.accessToken), 'the last one is kept')

  issuer.gate = async () => true
  const used = (await store.read())!.tokens!.refreshToken!
  const use = async () => (await fetch(issuer.tokenEndpoint, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: issuer.clientId, refresh_token: used })
  })).status
  t.same([await use(), await use()], [200, 400])
  t.equal(issuer.revokedGrants(), 1, 'this issuer would have noticed')
})

test('a process that dies in its turn does not take the session with it (RFSH-05)', { skip }, async t => {
  const { issuer, processes: [first, second], store } = await createWorld(t, 500)
  issuer.gate = async () => {
    issuer.gate = async () => true
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    return false
  }
  const died = once(first.child, 'exit')
  first.child.send({ now: start, callers: 1 } satisfies Order)
  await died
  const answer = await second.tell({ now: start, callers: 3 })
  t.equal('tokens' in answer && new Set(answer.tokens).size, 1, JSON.stringify(answer))
  t.same(issuer.statuses, [200])
  t.equal(issuer.revokedGrants(), 0)
  t.same((await store.read())!.tokens!.accessToken, 'tokens' in answer && answer.tokens[0])
})
