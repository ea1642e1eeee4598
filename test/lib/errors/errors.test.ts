import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'tap'
import type { ErrorCode } from '../../../lib/errors/error-table.ts'
import { errorTable } from '../../../lib/errors/error-table.ts'
import {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError,
  MissingTokenError, OAuthResourceError, OptionError, UnavailableError, findOAuthResourceError, isOAuthResourceError,
  withoutStackTrace
} from '../../../lib/errors/errors.ts'
import { reasonTable } from '../../../lib/errors/reason-table.ts'

const cause = new Error('why')
const table: ReadonlyArray<readonly [OAuthResourceError, string, string, number, string | null, string]> = [
  [new MissingTokenError(), 'MissingTokenError', 'FST_OAUTH_TOKEN_MISSING', 401, null, 'token_missing'],
  [new InvalidTokenError('signature_invalid'), 'InvalidTokenError', 'FST_OAUTH_TOKEN_INVALID', 401, 'invalid_token', 'signature_invalid'],
  [new InvalidTokenError('token_expired', cause), 'InvalidTokenError', 'FST_OAUTH_TOKEN_EXPIRED', 401, 'invalid_token', 'token_expired'],
  [new MalformedRequestError('authorization_repeated'), 'MalformedRequestError', 'FST_OAUTH_REQUEST_MALFORMED', 400, 'invalid_request', 'authorization_repeated'],
  [new InsufficientScopeError(['a']), 'InsufficientScopeError', 'FST_OAUTH_SCOPE_INSUFFICIENT', 403, 'insufficient_scope', 'scope_insufficient'],
  [new InsufficientAuthenticationError({}), 'InsufficientAuthenticationError', 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', 401,
    'insufficient_user_authentication', 'authentication_insufficient'],
  ...([
    ['FST_OAUTH_ACTOR_REFUSED', 'actor_refused'], ['FST_OAUTH_TENANT_REFUSED', 'team_foreign'],
    ['FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', 'authorization_details_missing'], ['FST_OAUTH_POLICY_REFUSED', 'policy_refused']
  ] as const).map(([code, reason]) => [new OAuthResourceError(code, { reason }), 'OAuthResourceError', code, 403, null, reason] as const),
  [new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved', cause }), 'OAuthResourceError', 'FST_OAUTH_ACCESS_DENIED', 403,
    'access_denied', 'not_approved'],
  [new UnavailableError('keys_unavailable', 7, cause), 'UnavailableError', 'FST_OAUTH_UNAVAILABLE', 503, null, 'keys_unavailable'],
  [new OptionError('x is 5'), 'OptionError', 'FST_OAUTH_OPTION_INVALID', 500, null, 'option_invalid'],
  [new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'claim_missing', message: 'm' }), 'OAuthResourceError', 'FST_OAUTH_TOKEN_INVALID', 401,
    'invalid_token', 'claim_missing']
]

for (const [error, name, code, statusCode, oauthError, reason] of table) {
  test(`${code} (${reason})`, t => {
    t.match(error, { name, code, statusCode, oauthError, reason })
    t.ok(error instanceof OAuthResourceError)
    t.ok(isOAuthResourceError(error))
    t.equal(Object.keys(error).some(key => typeof key === 'symbol'), false)
    t.equal(Object.hasOwn(error, 'cause'), error.cause === cause, 'a cause is there only when one was given')
    t.end()
  })
}

test('every reason comes under one code, and none of them is without a meaning (F22)', t => {
  for (const [reason, { code, meaning, fix }] of Object.entries(reasonTable)) {
    t.ok(code in errorTable, reason)
    t.match(reason, /^[a-z]+(?:_[a-z]+)*$/)
    for (const text of [meaning, fix]) t.match(text, /^[A-Z`].*[^.]$/)
  }
  const codes = new Set(Object.values(reasonTable).map(({ code }) => code))
  t.same(Object.keys(errorTable).filter(code => !codes.has(code as ErrorCode)), [], 'and every code has a reason')
  for (const [error,,,,, reason] of table) t.equal(reasonTable[error.reason].code, error.code, reason)
  t.end()
})

test('every reason of the table is one that is really given (F22)', t => {
  const root = new URL('../../../', import.meta.url)
  const files = ['lib', 'plugins'].flatMap(folder => readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !/reasons\.ts$|reason-table\.ts$/.test(path)).map(path => new URL(`${folder}/${path}`, root)))
  const sources = files.map(url => readFileSync(url, 'utf8')).join('\n')
  // That none is given which is not in the table is for the compiler to see.
  for (const reason of Object.keys(reasonTable)) t.ok(sources.split(`'${reason}'`).length > 1, reason)
  t.end()
})

test('the text is that of the table, unless another was given', t => {
  for (const [error] of table.filter(([{ message }]) => message !== 'm' && message !== 'x is 5')) {
    t.equal(error.message, errorTable[error.code].message)
  }
  t.equal(new OptionError('x is 5').message, 'x is 5')
  t.end()
})

test('each refusal has what it needs beside', t => {
  const scopes = ['a', 'b']
  const { requiredScopes } = new InsufficientScopeError(scopes)
  scopes.push('c')
  t.strictSame(requiredScopes, ['a', 'b'])
  t.ok(Object.isFrozen(requiredScopes))
  const acrValues = ['a']
  const authentication = new InsufficientAuthenticationError({ acrValues, maxAgeSeconds: 5, requiredScopes: ['s'] })
  acrValues.push('b')
  t.strictSame([authentication.acrValues, authentication.maxAgeSeconds, authentication.requiredScopes], [['a'], 5, ['s']])
  t.ok(Object.isFrozen(authentication.acrValues) && Object.isFrozen(authentication.requiredScopes))
  const nothing = new InsufficientAuthenticationError({})
  t.strictSame([nothing.acrValues, nothing.maxAgeSeconds, nothing.requiredScopes], [[], null, []])
  t.equal(new UnavailableError('keys_unavailable', 7).retryAfterSeconds, 7)
  t.end()
})

test('errors of another copy of the package are known by their mark', t => {
  const stranger = Object.assign(new Error('x'), { [Symbol.for('fastify-oauth-resource-server.error')]: true })
  t.ok(isOAuthResourceError(stranger))
  for (const other of [null, undefined, 'x', 5, {}, new Error('x'), Object.assign(new Error('x'), { code: 'FST_OAUTH_TOKEN_MISSING' })]) {
    t.notOk(isOAuthResourceError(other))
  }
  t.end()
})

test('an error of the package is found among the causes', t => {
  const ours = new MissingTokenError()
  const wrap = (error: unknown, times: number): unknown => times === 0 ? error : wrap(new Error('w', { cause: error }), times - 1)
  const ring: { cause?: unknown } = {}
  ring.cause = ring
  for (const times of [0, 1, 7]) t.equal(findOAuthResourceError(wrap(ours, times)), ours, `wrapped ${times} times`)
  for (const other of [wrap(ours, 8), ring, null, undefined, 'x', new Error('x'), { cause: 'x' }, { cause: null }]) {
    t.equal(findOAuthResourceError(other), null)
  }
  t.end()
})

test('expected answers carry no stack trace, others still do', t => {
  const limit = Error.stackTraceLimit
  t.notMatch(withoutStackTrace(() => new Error('x')).stack, /\bat /)
  t.throws(() => withoutStackTrace(() => { throw new TypeError('x') }), { name: 'TypeError' })
  t.equal(Error.stackTraceLimit, limit)
  t.match(new Error('x').stack, /\bat /)
  t.end()
})
