import { inspect } from 'node:util'
import { test } from 'tap'
import type { RefusalDetail } from '../../../lib/errors/detail.ts'
import { describeValue } from '../../../lib/errors/detail.ts'
import {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError, OAuthResourceError,
  UnavailableError
} from '../../../lib/errors/errors.ts'
import { McpError } from '../../../lib/errors/mcp-errors.ts'
import { refused } from '../../../lib/token/jwt.ts'

test('a value that a stranger sent is described as JSON', t => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const cases: ReadonlyArray<[unknown, string]> = [
    ['https://api.example.com/', '"https://api.example.com/"'], [['x', 1], '["x",1]'], [{ a: null }, '{"a":null}'], [5, '5'], [true, 'true'],
    [null, 'null'], [undefined, 'nothing'], [() => 1, 'function'], [Symbol('x'), 'symbol'], [1n, 'bigint'], [circular, 'object'],
    [{ toJSON () { throw new Error('x') } }, 'object']
  ]
  for (const [value, text] of cases) t.equal(describeValue(value), text)
  t.end()
})

test('a described value has no control characters, no direction overrides and a bounded length', t => {
  t.equal(describeValue('a\u0000\u001b[31m\r\nb'), '"a\\u0000\\u001b[31m\\r\\nb"')
  t.equal(describeValue('a\u007f\u0085\u2028\u202eb'), '"a b"')
  t.equal(describeValue('\ud800'), '"\\ud800"')
  for (const long of ['x'.repeat(1e6), Array.from({ length: 1e4 }, () => 'y'), '😀'.repeat(500), `x${'😀'.repeat(500)}`, { [`${'k'.repeat(500)}`]: 1 }]) {
    const text = describeValue(long)
    t.ok(text.length <= 200, String(text.length))
    t.match(text, /…$/)
    t.doesNotThrow(() => encodeURIComponent(text), 'no surrogate pair is cut in two')
  }
  t.end()
})

const detail: RefusalDetail = { expected: 'https://api.example.com', received: 'secret-of-the-log', fix: 'configure it' }

test('the detail of a refusal is for the log alone: no body, no inspection and no copy of the error shows it [A1]', t => {
  for (const error of [
    new InvalidTokenError('audience_foreign', undefined, detail), refused('audience_foreign', detail), new MalformedRequestError('authorization_malformed', detail),
    new InsufficientScopeError(['read'], detail), new InsufficientAuthenticationError({}, detail), new UnavailableError('keys_unavailable', 5, undefined, detail),
    new OAuthResourceError('FST_OAUTH_POLICY_REFUSED', { reason: 'policy_refused', detail }), new McpError('FST_OAUTH_MCP_ORIGIN_REFUSED', { detail })
  ]) {
    t.equal(error.detail, detail, error.name)
    for (const text of [JSON.stringify(error), inspect(error), JSON.stringify({ ...error }), error.message]) t.notOk(text.includes('secret-of-the-log'), error.name)
  }
  for (const error of [new MissingTokenError(), new InvalidTokenError('token_expired'), new McpError('FST_OAUTH_MCP_BODY_INVALID')]) t.equal(error.detail, null)
  t.end()
})
