import { test } from 'tap'
import { parseForwardedBody } from '../../../lib/mcp/forwarded-body.ts'

const parse = (text: string): unknown => parseForwardedBody(Buffer.from(text))

test('a body that goes on to another server is read as JSON', t => {
  for (const body of [
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a', arguments: { Name: 1, METHOD: 2 }, ref: { type: 'x' }, notifications: {} } },
    [{ method: 'ping' }, { id: 1, result: {} }, 'text'], { method: 'ping', params: [1] }, 'text', null
  ]) t.same(parse(JSON.stringify(body)), body)
  t.end()
})

for (const [name, text] of [
  ['no JSON', '{'],
  ['nothing', ''],
  ['a member that stands twice', '{"method":"ping","method":"tools/call"}'],
  ['a parameter that stands twice', '{"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}'],
  ['Method beside method', '{"method":"ping","Method":"tools/call"}'],
  ['PARAMS alone', '{"method":"tools/call","PARAMS":{"name":"a"}}'],
  ['a name in another case', '{"method":"tools/call","params":{"name":"a","Name":"b"}}'],
  ['a name of a ref in another case', '{"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","NAME":"b"}}}'],
  ['a filter in another case', '{"method":"subscriptions/listen","params":{"notifications":{"ResourceSubscriptions":["a"]}}}'],
  ['one of a batch', '[{"method":"ping"},{"method":"ping","Method":"tools/call"}]'],
  ['nesting without end', `${'['.repeat(100)}${']'.repeat(100)}`]
] as const) {
  test(`a body that another parser may read differently is refused: ${name} [T-39]`, t => {
    t.throws(() => parse(text), { code: 'FST_OAUTH_MCP_BODY_INVALID', statusCode: 400 })
    t.end()
  })
}

test('bytes that are not UTF-8 are refused', t => {
  t.throws(() => parseForwardedBody(Buffer.from([0x22, 0xff, 0x22])), { code: 'FST_OAUTH_MCP_BODY_INVALID' })
  t.end()
})

test('no earlier body changes how the names of a body are read', t => {
  // JSON.parse of Node 24 and 26 would read `n\\u0` where `name` stands: https://github.com/nodejs/node/issues/63785.
  for (let i = 0; i < 3; i++) JSON.parse('{"method":"ping","params":{"name":"open","n\\\\u0":"x"}}')
  t.throws(() => parse('{"method":"tools/call","params":{"name":"open","n\\u0061me":"secret"}}'), { code: 'FST_OAUTH_MCP_BODY_INVALID' })
  t.end()
})

for (const name of ['jsonrpc', 'id', 'method', 'params', 'result', 'error', 'name', 'uri', 'ref', 'type', 'notifications', 'resourceSubscriptions']) {
  test(`a body with ${name} in another case is refused [T-39]`, t => {
    for (const other of [name.toUpperCase(), `${name[0]!.toUpperCase()}${name.slice(1)}`]) {
      t.throws(() => parse(JSON.stringify({ jsonrpc: '2.0', method: 'ping', [other]: 1 })), { code: 'FST_OAUTH_MCP_BODY_INVALID' }, other)
    }
    t.doesNotThrow(() => parse(JSON.stringify({ jsonrpc: '2.0', method: 'ping', [name]: 1 })))
    t.end()
  })
}
