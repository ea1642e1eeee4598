import { test } from 'tap'
import { checkHeaders, revisionOf } from '../../../lib/mcp/headers.ts'

const version = 'io.modelcontextprotocol/protocolVersion'
const call = { method: 'tools/call', params: { name: 'whoami', _meta: { [version]: '2026-07-28' } } }
const read = { method: 'resources/read', params: { uri: 'notes://1' } }
const subscribe = { method: 'resources/subscribe', params: { uri: 'notes://1' } }
const list = { method: 'tools/list', params: {} }
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

for (const [name, headers, calls] of [
  ['none', {}, [call]],
  ['all of them', { 'mcp-method': 'tools/call', 'mcp-name': 'whoami', 'mcp-protocol-version': '2026-07-28' }, [call]],
  ['a name that a header cannot hold', { 'mcp-name': base64('größe') }, [{ method: 'tools/call', params: { name: 'größe' } }]],
  ['a prompt', { 'mcp-name': 'brief' }, [{ method: 'prompts/get', params: { name: 'brief' } }]],
  ['a URI', { 'mcp-name': 'notes://1' }, [read]],
  ['a name where there is none', { 'mcp-name': 'x' }, [list]],
  ['a name of what is not named in headers', { 'mcp-name': 'x' }, [subscribe]],
  ['a version that the body does not say', { 'mcp-protocol-version': '2025-11-25' }, [list]],
  ['a batch of the same', { 'mcp-method': 'tools/call' }, [call, call]],
  ['no calls at all', { 'mcp-method': 'tools/call' }, []]
] as const) {
  test(`headers that do not disagree: ${name}`, t => {
    t.doesNotThrow(() => checkHeaders(headers, calls))
    t.end()
  })
}

for (const [name, headers, calls] of [
  ['another method', { 'mcp-method': 'tools/list' }, [call]],
  ['another case', { 'mcp-method': 'Tools/Call' }, [call]],
  ['another tool', { 'mcp-name': 'delete_note' }, [call]],
  ['two tools', { 'mcp-name': 'whoami, delete_note' }, [call]],
  ['two header lines', { 'mcp-name': ['whoami', 'whoami'] }, [call]],
  ['nothing', { 'mcp-name': '' }, [call]],
  ['another prompt', { 'mcp-name': 'other' }, [{ method: 'prompts/get', params: { name: 'brief' } }]],
  ['base64 with something behind it', { 'mcp-name': `${base64('whoami')}x` }, [call]],
  ['base64 with something before it', { 'mcp-name': `x${base64('whoami')}` }, [call]],
  ['another URI', { 'mcp-name': 'notes://2' }, [read]],
  ['another version', { 'mcp-protocol-version': '2025-11-25' }, [call]],
  ['a version that is none', { 'mcp-protocol-version': '1' }, [{ method: 'ping', params: { _meta: { [version]: 1 } } }]],
  ['one of a batch', { 'mcp-method': 'tools/call' }, [call, list]],
  ['another tool in base64', { 'mcp-name': base64('delete_note') }, [call]],
  ['base64 that is not canonical', { 'mcp-name': '=?base64?d2hvYW1p?=' }, [{ method: 'tools/call', params: { name: 'whoam' } }]],
  ['base64 with stray bits', { 'mcp-name': '=?base64?YR==?=' }, [{ method: 'tools/call', params: { name: 'a' } }]],
  ['bytes that are no text', { 'mcp-name': '=?base64?/w==?=' }, [{ method: 'tools/call', params: { name: '\ufffd' } }]]
] as const) {
  test(`headers that disagree: ${name}`, t => {
    t.throws(() => checkHeaders(headers as Record<string, string | string[]>, calls),
      { code: 'FST_OAUTH_MCP_HEADER_MISMATCH', statusCode: 400, rpcCode: -32020 })
    t.end()
  })
}

test('Mcp-Name of a call without a name does not match', t => {
  t.throws(() => checkHeaders({ 'mcp-name': 'whoami' }, [{ method: 'tools/call', params: {} }]), { code: 'FST_OAUTH_MCP_HEADER_MISMATCH' })
  t.end()
})

for (const [name, headers, calls, revision] of [
  ['in the body', {}, [list, call], '2026-07-28'],
  ['in the header', { 'mcp-protocol-version': '2025-11-25' }, [list], '2025-11-25'],
  ['nowhere', {}, [list], null],
  ['in two header lines', { 'mcp-protocol-version': ['2025-11-25', '2026-07-28'] }, [], null]
] as const) {
  test(`the protocol revision of a request: ${name}`, t => {
    t.equal(revisionOf(headers as Record<string, string | string[]>, calls), revision)
    t.end()
  })
}
