// A process of its own that shares a session with others: started by `fork`, told what to do and answering over IPC.
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createRefresh } from '../../lib/client/oauth/refresh-token.ts'
import { createSession } from '../../lib/client/session/session.ts'
import type { RedisClient } from '../../lib/stores/redis-client.ts'
import { createRedisTokenStore } from '../../lib/stores/tokens/redis-token-store.ts'

export interface ProcessSettings {
  readonly redisUrl: string
  readonly client: 'redis' | 'ioredis'
  readonly issuer: string
  readonly resource: string
  readonly clientId: string
  readonly turnMs: number
}

/** Set the clock, and say which token is the one to send, as told to that many callers at once. */
export interface Order {
  readonly now: number
  readonly callers: number
}

export type Answer = { readonly ready: true } | { readonly tokens: readonly string[] } | { readonly error: string }

const settings = JSON.parse(process.argv[2]!) as ProcessSettings
let now = 0
const clock = { now: () => now }
const send = (answer: Answer): void => { process.send!(answer) }

async function connect (): Promise<RedisClient> {
  if (settings.client === 'ioredis') return new Redis(settings.redisUrl)
  return await createClient({ url: settings.redisUrl }).connect()
}

const session = createSession({
  tokenStore: createRedisTokenStore({ client: await connect(), key: 'ann', lockTtlMs: settings.turnMs, timeoutMs: 60_000 }),
  refresh: createRefresh({
    server: { issuer: settings.issuer, token_endpoint: `${settings.issuer}/token` },
    clientId: settings.clientId,
    authentication: { method: 'none' },
    resource: settings.resource,
    timeoutMs: 120_000,
    clock
  }),
  // Nothing here is to depend on how fast the machine is.
  attemptTimeoutMs: 120_000,
  totalTimeoutMs: 240_000,
  clock
})
process.on('message', (order: Order) => {
  now = order.now
  Promise.all(Array.from({ length: order.callers }, () => session.token())).then(
    tokens => send({ tokens: tokens.map(({ accessToken }) => accessToken) }),
    (error: unknown) => send({ error: String(error) })
  )
})
// It ends with its parent, however that ends.
process.on('disconnect', () => process.exit())
send({ ready: true })
