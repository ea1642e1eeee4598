import { test } from 'tap'
import { AuthorizationError, authorizationErrorTable } from '../../../lib/errors/authorization-error.ts'
import type { AuthorizationErrorCode } from '../../../lib/errors/authorization-error.ts'
import { AnswerError, RefreshError, RequestError, SessionError, sessionErrorTable } from '../../../lib/errors/client-errors.ts'
import type { SessionErrorCode } from '../../../lib/errors/client-errors.ts'
import { errorTable } from '../../../lib/errors/error-table.ts'
import type { ErrorCode } from '../../../lib/errors/error-table.ts'
import { OAuthResourceError, OptionError, UnavailableError } from '../../../lib/errors/errors.ts'
import { ForwardError, forwardErrorTable } from '../../../lib/errors/forward-errors.ts'
import type { ForwardErrorCode } from '../../../lib/errors/forward-errors.ts'
import { McpError, mcpErrorTable } from '../../../lib/errors/mcp-errors.ts'
import type { McpErrorCode } from '../../../lib/errors/mcp-errors.ts'
import type { PublicErrorFields } from '../../../lib/errors/public-error.ts'
import { RedisStoreError, ReplayStoreFullError, RevocationStoreFullError } from '../../../lib/errors/store-errors.ts'
import { ChallengeSyntaxError, IdentifierError } from '../../../lib/errors/syntax-errors.ts'

const keys = <Code extends string>(table: Readonly<Record<Code, unknown>>): Code[] => Object.keys(table) as Code[]
const request = { method: 'GET', url: 'https://api.example.com/', first: null }
const errors: ReadonlyArray<Error & PublicErrorFields> = [
  ...keys<ErrorCode>(errorTable).map(code => new OAuthResourceError(code, { reason: 'token_missing' })),
  ...keys<SessionErrorCode>(sessionErrorTable).map(code => new SessionError(code)),
  ...keys<AuthorizationErrorCode>(authorizationErrorTable).map(code => new AuthorizationError(code)),
  ...keys<ForwardErrorCode>(forwardErrorTable).map(code => new ForwardError(code)),
  ...keys<McpErrorCode>(mcpErrorTable).map(code => new McpError(code)),
  ...(['retry', 'keep', 'over'] as const).map(outcome => new RefreshError(outcome, { message: 'x' })),
  new RequestError({ ...request, cause: null }), new AnswerError({ ...request, status: 404, body: null, kind: 'refused' }),
  new RedisStoreError('down'), new ReplayStoreFullError(1), new RevocationStoreFullError(1), new ChallengeSyntaxError(3), new IdentifierError('must be https')
]

test('every public error has a code of its own, one status under two names, and says whether its message may be shown [E3]', t => {
  for (const error of errors) {
    const { code, status, statusCode, expose } = error
    t.match(code, /^FST_OAUTH_[A-Z_]+$/)
    t.ok(Number.isInteger(status) && status >= 400 && status < 600, code)
    t.equal(status, statusCode, code)
    t.type(expose, 'boolean', code)
    t.not(error.message, '', code)
  }
  t.equal(new Set(errors.map(({ code }) => code)).size, errors.length, 'no code stands for two errors')
  t.end()
})

test('what the package answers itself may be shown to the client; what is about options or other servers may not', t => {
  t.equal(new UnavailableError('keys_unavailable', 5).expose, true)
  t.equal(new McpError('FST_OAUTH_MCP_ORIGIN_REFUSED').expose, true)
  t.equal(new ForwardError('FST_OAUTH_FORWARD_CLOSED').expose, true)
  for (const error of [new OptionError('x'), new SessionError('FST_OAUTH_SESSION_OFFLINE'), new AuthorizationError('FST_OAUTH_CLIENT_LOST')]) t.equal(error.expose, false)
  t.end()
})

test('no client error is a 401: that would send the caller to an authorization server of its own', t => {
  for (const code of keys(sessionErrorTable)) t.not(sessionErrorTable[code].statusCode, 401, code)
  for (const code of keys(authorizationErrorTable)) t.not(authorizationErrorTable[code].statusCode, 401, code)
  t.end()
})
