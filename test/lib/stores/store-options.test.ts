import { test } from 'tap'
import { createFileConnectionStore } from '../../../lib/stores/connections/file-connection-store.ts'
import { createRedisConnectionStore } from '../../../lib/stores/connections/redis-connection-store.ts'
import { createMemoryIntrospectionCache } from '../../../lib/stores/introspection/introspection-cache.ts'
import { createRedisIntrospectionCache } from '../../../lib/stores/introspection/redis-introspection-cache.ts'
import { createRedisMcpSessionStore } from '../../../lib/stores/mcp-sessions/redis-mcp-session-store.ts'
import { createPostgresOrganizationDirectory } from '../../../lib/stores/organizations/postgres-organization-directory.ts'
import { createMemoryReplayStore } from '../../../lib/stores/replay/memory-replay-store.ts'
import { createRedisReplayStore } from '../../../lib/stores/replay/redis-replay-store.ts'
import { createRedisRevocationStore } from '../../../lib/stores/revocations/redis-revocation-store.ts'
import { createFileTokenStore } from '../../../lib/stores/tokens/file-token-store.ts'
import { createRedisTokenStore } from '../../../lib/stores/tokens/redis-token-store.ts'

const client = { sendCommand: async () => null }
const limit = 2 ** 31 - 1

/** What each store needs, and options with the values that they accept at most and at least, and do not accept. */
const stores = {
  createFileConnectionStore: [createFileConnectionStore, { path: 'x' }, {}, {}],
  createFileTokenStore: [createFileTokenStore, { path: 'x' }, { lockTtlMs: [100, limit] }, { lockTtlMs: [99, limit + 1], clock: [{}, { now: 1 }], wait: [1] }],
  'createRedisTokenStore, its lock': [createRedisTokenStore, { client, key: 'ann' }, { lockTtlMs: [1, limit], maxLockMs: [1, limit] }, {
    lockTtlMs: [0, 1.5, limit + 1], maxLockMs: [0, limit + 1], clock: [{}, { now: 1 }], wait: [1]
  }],
  'createRedisRevocationStore, its limits': [createRedisRevocationStore, { client }, { maxLocalEntries: [1, 100_000_000] }, { maxLocalEntries: [0, 1.5, 100_000_001] }],
  createMemoryIntrospectionCache: [createMemoryIntrospectionCache, {}, { maxEntries: [1] }, { maxEntries: [0, 100_000_001], maxBytes: [16_383] }],
  createMemoryReplayStore: [createMemoryReplayStore, {}, { maxEntries: [1] }, { maxEntries: [0, 100_000_001] }],
  createPostgresOrganizationDirectory: [createPostgresOrganizationDirectory, { client: { query: async () => ({ rows: [] }) } }, { schema: ['a'] }, { schema: [1] }],
  ...Object.fromEntries(Object.entries({ createRedisTokenStore, createRedisConnectionStore }).map(([name, create]) => [name, [create, { client, key: 'ann' }, {
    prefix: ['', 'a:'], seal: [{ seal: async () => '', unseal: async () => '' }], forgetAfterSeconds: [1, 100 * 365 * 86_400], timeoutMs: [1, limit]
  }, {
    key: ['', 1, undefined], prefix: ['{a}', 'a{', '}', 1], seal: [1, {}, { seal: async () => '' }, { unseal: async () => '' }], forgetAfterSeconds: [0, 1.5, 100 * 365 * 86_400 + 1],
    timeoutMs: [0, limit + 1]
  }]])),
  ...Object.fromEntries(Object.entries({ createRedisReplayStore, createRedisMcpSessionStore, createRedisIntrospectionCache, createRedisRevocationStore }).map(([name, create]) =>
    [name, [create, { client }, { timeoutMs: [1, limit] }, { timeoutMs: [0, 1.5, limit + 1], whenUnavailable: ['', 'yes'], clock: [{}, { now: 1 }], onOutage: [1] }]]))
} as Record<string, [create: (options: never) => unknown, needed: object, accepted: Record<string, unknown[]>, refused: Record<string, unknown[]>]>

for (const [name, [create, needed, accepted, refused]] of Object.entries(stores)) {
  test(`an option error of ${name} names the option`, t => {
    const make = (given: object): unknown => create({ ...needed, ...given } as never)
    t.ok(make({}))
    t.throws(() => make({ unknownOption: 1 }), { code: 'FST_OAUTH_OPTION_INVALID', message: /^unknown option "unknownOption"\. Known options: / })
    for (const [option, values] of Object.entries(accepted)) for (const value of values) t.ok(make({ [option]: value }), `${option} ${String(value)}`)
    for (const [option, values] of Object.entries(refused)) {
      for (const value of values) t.throws(() => make({ [option]: value }), { code: 'FST_OAUTH_OPTION_INVALID', message: new RegExp(`^\`?${option}\\b`) }, `${option} ${String(value)}`)
    }
    t.end()
  })
}
