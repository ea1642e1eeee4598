import { test } from 'tap'
import { targetsOf } from '../../../lib/mcp/targets.ts'

const uris = (...resourceSubscriptions: unknown[]): Record<string, unknown> => ({ notifications: { resourceSubscriptions } })

for (const [method, params, targets] of [
  ['tools/call', { name: 'a', uri: 'b' }, ['tool a']],
  ['prompts/get', { name: 'a' }, ['prompt a']],
  ['resources/read', { name: 'b', uri: 'a' }, ['resource a']],
  ['resources/subscribe', { uri: 'a' }, ['resource a']],
  ['resources/unsubscribe', { uri: 'a' }, ['resource a']],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'a', uri: 'b' } }, ['prompt a']],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'a:{b}', name: 'b' } }, ['template a:{b}']],
  ['subscriptions/listen', uris('a', 'b'), ['resource a', 'resource b']],
  ['subscriptions/listen', { notifications: { toolsListChanged: true } }, []],
  ['subscriptions/listen', {}, []],
  ['tools/list', { name: 'a' }, []],
  ['TOOLS/CALL', { name: 'a' }, []]
] as const) {
  test(`the targets of ${method} ${JSON.stringify(params)}`, t => {
    t.same(targetsOf({ method, params }, null).map(({ kind, name }) => `${kind} ${name}`), targets)
    t.end()
  })
}

for (const [method, params, message] of [
  ['tools/call', {}, 'tools/call needs the parameter "name"'],
  ['tools/call', { name: 1 }, /"name"/],
  ['tools/call', { name: ['a'] }, /"name"/],
  ['tools/call', { name: null }, /"name"/],
  ['tools/call', Object.create({ name: 'a' }), /"name"/],
  ['prompts/get', { uri: 'a' }, 'prompts/get needs the parameter "name"'],
  ['resources/read', { name: 'a' }, 'resources/read needs the parameter "uri"'],
  ['resources/subscribe', {}, 'resources/subscribe needs the parameter "uri"'],
  ['resources/unsubscribe', {}, 'resources/unsubscribe needs the parameter "uri"'],
  ['completion/complete', {}, 'completion/complete needs the parameter "ref"'],
  ['completion/complete', { ref: 'a' }, /"ref"/],
  ['completion/complete', { ref: { type: 'ref/tool', name: 'a' } }, /"ref"/],
  ['completion/complete', { ref: Object.create({ type: 'ref/prompt', name: 'a' }) as object }, /"ref"/],
  ['completion/complete', { ref: { type: 'ref/prompt' } }, 'completion/complete needs the parameter "name"'],
  ['completion/complete', { ref: { type: 'ref/resource', name: 'a' } }, 'completion/complete needs the parameter "uri"'],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: 'a' } }, 'subscriptions/listen needs the parameter "notifications.resourceSubscriptions"'],
  ['subscriptions/listen', uris('a', 1), /"notifications.resourceSubscriptions"/]
] as ReadonlyArray<readonly [string, Record<string, unknown>, string | RegExp]>) {
  test(`JSON-RPC 2.0 section 5.1: ${method} ${JSON.stringify(params)} has invalid parameters (-32602)`, t => {
    t.throws(() => targetsOf({ method, params }, null), { code: 'FST_OAUTH_MCP_PARAMETERS_INVALID', statusCode: 400, rpcCode: -32602, message })
    t.end()
  })
}

for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
  test(`MCP 2026-07-28 has no ${method}: method not found (-32601), whatever its parameters`, t => {
    for (const params of [{}, { uri: 'a' }]) {
      t.throws(() => targetsOf({ method, params }, '2026-07-28'), { code: 'FST_OAUTH_MCP_METHOD_UNKNOWN', statusCode: 404, rpcCode: -32601 })
      t.throws(() => targetsOf({ method, params }, '2027-01-01'), { code: 'FST_OAUTH_MCP_METHOD_UNKNOWN' })
    }
    t.same(targetsOf({ method, params: { uri: 'a' } }, '2025-11-25'), [{ kind: 'resource', name: 'a' }])
    t.end()
  })
}

test('MCP 2026-07-28 has the other methods', t => {
  for (const revision of ['2026-07-28', '2027-01-01']) {
    t.same(targetsOf({ method: 'tools/call', params: { name: 'a' } }, revision), [{ kind: 'tool', name: 'a' }])
    t.same(targetsOf({ method: 'ping', params: {} }, revision), [])
  }
  t.end()
})
