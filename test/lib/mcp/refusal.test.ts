import { test } from 'tap'
import {
  InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError, OptionError, UnavailableError,
  isOAuthResourceError
} from '../../../lib/errors/errors.ts'
import type { McpErrorCode } from '../../../lib/errors/mcp-errors.ts'
import { McpError, mcpErrorTable } from '../../../lib/errors/mcp-errors.ts'
import { challengeNamesScopes, toRpcRefusal, toToolRefusal, withRequiredScopes } from '../../../lib/mcp/refusal.ts'

const fastifyError = (code: string, statusCode: number): Error => Object.assign(new Error('of Fastify'), { code, statusCode })

for (const [name, error, statusCode, code, message] of [
  ['missing', new MissingTokenError(), 401, -32000, 'An access token is required'],
  ['invalid', new InvalidTokenError('audience_foreign', new Error('secret')), 401, -32000, 'The access token is invalid'],
  ['malformed', new MalformedRequestError('authorization_malformed'), 400, -32600, 'The Authorization header is malformed'],
  ['insufficient', new InsufficientScopeError(['a']), 403, -32000, 'The access token does not cover this request'],
  ['unavailable', new UnavailableError('keys_unavailable', 5), 503, -32000, 'The access token cannot be checked at the moment'],
  ['wrapped', new Error('wrapped', { cause: new MissingTokenError() }), 401, -32000, 'An access token is required'],
  ['no JSON', fastifyError('FST_ERR_CTP_INVALID_JSON_BODY', 400), 400, -32700, 'of Fastify'],
  ['an empty body', fastifyError('FST_ERR_CTP_EMPTY_JSON_BODY', 400), 400, -32700, 'of Fastify'],
  ['another 400', fastifyError('FST_ERR_VALIDATION', 400), 400, -32600, 'of Fastify'],
  ['another type', fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 415, -32000, 'of Fastify'],
  ['without a message', { statusCode: 429 }, 429, -32000, ''],
  ...Object.entries(mcpErrorTable).map(([one, row]) =>
    [one, new McpError(one as McpErrorCode), row.statusCode, row.rpcCode, row.message] as const)
] as ReadonlyArray<readonly [string, unknown, number, number, string]>) {
  test(`a refusal in JSON-RPC: ${name}`, t => {
    t.same(toRpcRefusal(error, { method: 'ping', id: 7 }),
      { statusCode, body: { jsonrpc: '2.0', error: { code, message }, id: 7 } })
    t.end()
  })
}

for (const [name, error] of [
  ['an exception', new Error('secret')],
  ['nothing', undefined],
  ['a failure with a status', fastifyError('X', 500)],
  ['a gateway', fastifyError('X', 502)],
  ['an option', new OptionError('x')],
  ['no failure at all', fastifyError('X', 302)]
] as const) {
  test(`left to the host: ${name}`, t => {
    t.equal(toRpcRefusal(error, undefined), null)
    t.end()
  })
}

test('an McpError says what its row says', t => {
  const error = new McpError('FST_OAUTH_MCP_SESSION_UNKNOWN')
  t.match({ ...error, message: error.message, name: error.name }, { name: 'McpError', code: 'FST_OAUTH_MCP_SESSION_UNKNOWN', statusCode: 404, rpcCode: -32001, message: 'Session not found' })
  t.end()
})

test('an McpError has status, statusCode and expose, and its detail is for the log alone', t => {
  const error = new McpError('FST_OAUTH_MCP_TOOL_UNDECLARED', { message: 'Tool "x" is not available', detail: { received: '"x"' } })
  t.match(error, { status: 403, statusCode: 403, expose: true, message: 'Tool "x" is not available' })
  t.same(error.detail, { received: '"x"' })
  t.notMatch(JSON.stringify(error), 'received')
  t.equal(new McpError('FST_OAUTH_MCP_BODY_INVALID').detail, null)
  t.end()
})

test('a refusal with more scopes is the same refusal otherwise', t => {
  for (const [error, scopes] of [
    [new InsufficientScopeError(['a']), ['b', 'a']], [new MissingTokenError(), ['b']], [new InvalidTokenError('audience_foreign'), ['b']]
  ] as const) {
    const named = withRequiredScopes(error, ['b'])
    t.same((named as unknown as { requiredScopes: string[] }).requiredScopes, scopes)
    t.ok(isOAuthResourceError(named) && named instanceof Error)
    t.match(named, { code: error.code, statusCode: error.statusCode, reason: error.reason, message: error.message })
  }
  const same = new InsufficientScopeError(['a', 'b'])
  t.equal(withRequiredScopes(same, ['b']), same)
  t.end()
})

test('scopes are named in challenges of 401 and insufficient_scope alone', t => {
  for (const [error, names] of [
    [new MissingTokenError(), true], [new InvalidTokenError('audience_foreign'), true], [new InsufficientScopeError(['a']), true],
    [new MalformedRequestError('authorization_malformed'), false], [new UnavailableError('keys_unavailable', 5), false]
  ] as const) t.equal(challengeNamesScopes(error), names, error.code)
  t.end()
})

test('a refusal as a tool result [F92]', t => {
  const refusal = new InsufficientScopeError(['a'])
  t.same(toToolRefusal(refusal, { method: 'tools/call', id: 3 }, 'Bearer scope="a"'), {
    jsonrpc: '2.0',
    id: 3,
    result: { isError: true, content: [{ type: 'text', text: 'The access token does not cover this request' }], _meta: { 'mcp/www_authenticate': ['Bearer scope="a"'] } }
  })
  t.match(toToolRefusal(refusal, { method: 'tools/call', id: 3 }, ['Bearer', 'DPoP']), { result: { _meta: { 'mcp/www_authenticate': ['Bearer', 'DPoP'] } } })
  for (const body of [undefined, { method: 'tools/call' }, { method: 'tools/list', id: 1 }, [{ method: 'tools/call', id: 1 }]]) t.equal(toToolRefusal(refusal, body, 'Bearer'), null)
  t.end()
})
