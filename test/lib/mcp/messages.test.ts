import { test } from 'tap'
import { callsOf, idOf } from '../../../lib/mcp/messages.ts'

const call = (name: unknown): object => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

for (const [name, body, methods] of [
  ['a request', { jsonrpc: '2.0', id: 1, method: 'ping' }, ['ping']],
  ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }, ['notifications/initialized']],
  ['each element of a batch', [call('a'), { method: 'ping' }, { id: 1, result: {} }], ['tools/call', 'ping']],
  ['a response is no call', { jsonrpc: '2.0', id: 1, result: {} }, []],
  ['an error is no call', { jsonrpc: '2.0', id: 1, error: {} }, []],
  ['a call that pretends to be a response', { id: 1, result: {}, method: 'ping' }, ['ping']]
] as const) {
  test(`the calls of a body: ${name}`, t => {
    t.same(callsOf(body).map(({ method }) => method), methods)
    t.end()
  })
}

for (const body of [
  undefined, null, '', 'text', '{"method":"ping"}', 1, true, [], [null], [[]], [{ method: 'ping' }, 'text'], {}, { method: 1 },
  { method: null, result: {} }, Buffer.from('{"method":"ping"}'), new Uint8Array(3)
]) {
  test(`a body that cannot be read is refused: ${JSON.stringify(body)}`, t => {
    t.throws(() => callsOf(body), { code: 'FST_OAUTH_MCP_BODY_INVALID', statusCode: 400 })
    t.end()
  })
}

test('parameters that are not an object count as none', t => {
  for (const params of [undefined, null, [], 'a', 1]) t.same(callsOf({ method: 'ping', params })[0]!.params, {})
  t.end()
})

for (const [body, id] of [
  [{ method: 'ping', id: 1 }, 1],
  [{ method: 'ping', id: 'a' }, 'a'],
  [{ method: 'ping', id: 0 }, 0],
  [{ method: 'ping' }, null],
  [{ method: 'ping', id: { a: 1 } }, null],
  [{ result: {}, id: 1 }, null],
  [[{ method: 'ping', id: 1 }], null],
  [undefined, null],
  ['text', null]
] as const) {
  test(`the id of a response to ${JSON.stringify(body)}`, t => {
    t.equal(idOf(body), id)
    t.end()
  })
}
