import { PublicError } from './errors.ts'
import type { PublicErrorRow } from './public-error.ts'

export type ForwardErrorCode =
  | 'FST_OAUTH_FORWARD_TARGET_UNKNOWN'
  | 'FST_OAUTH_FORWARD_SECRET_REFUSED'
  | 'FST_OAUTH_FORWARD_PATH_REFUSED'
  | 'FST_OAUTH_FORWARD_CODING_UNKNOWN'
  | 'FST_OAUTH_FORWARD_SESSION_OVER'
  | 'FST_OAUTH_FORWARD_REFRESH_FAILED'
  | 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED'
  | 'FST_OAUTH_FORWARD_NOT_REPEATED'
  | 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'
  | 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT'
  | 'FST_OAUTH_FORWARD_UPSTREAM_BROKEN'
  | 'FST_OAUTH_FORWARD_CLOSED'

/** One answer of the proxy's own. */
export type ForwardErrorRow = PublicErrorRow

/**
 * What the proxy answers itself, where there is no answer of the upstream to pass on. What is wrong with the credential
 * of a target is never a 401: that status is about the caller's own, and sends an MCP client to an authorization server
 * that cannot help.
 */
export const forwardErrorTable: Readonly<Record<ForwardErrorCode, ForwardErrorRow>> = {
  FST_OAUTH_FORWARD_TARGET_UNKNOWN: { statusCode: 404, message: 'The target does not exist' },
  FST_OAUTH_FORWARD_SECRET_REFUSED: { statusCode: 401, message: 'The secret of the target is missing or wrong' },
  FST_OAUTH_FORWARD_PATH_REFUSED: { statusCode: 400, message: 'The path might lead outside the target' },
  FST_OAUTH_FORWARD_CODING_UNKNOWN: { statusCode: 501, message: 'The transfer coding of the body is not supported' },
  FST_OAUTH_FORWARD_SESSION_OVER: { statusCode: 502, message: 'The session of the target is over: sign in again' },
  FST_OAUTH_FORWARD_REFRESH_FAILED: { statusCode: 503, message: 'The access token of the target cannot be refreshed at the moment' },
  FST_OAUTH_FORWARD_CREDENTIAL_REFUSED: { statusCode: 502, message: 'The upstream rejects the credential of the target' },
  FST_OAUTH_FORWARD_NOT_REPEATED: { statusCode: 503, message: 'The access token of the target was not accepted, and the body could not be sent again: repeat the request' },
  FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE: { statusCode: 502, message: 'The upstream did not answer' },
  FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT: { statusCode: 504, message: 'The upstream did not answer in time' },
  FST_OAUTH_FORWARD_UPSTREAM_BROKEN: { statusCode: 502, message: 'The answer of the upstream cannot be passed on' },
  FST_OAUTH_FORWARD_CLOSED: { statusCode: 503, message: 'The server is closing' }
}

/** An answer of the proxy's own: `code` and `statusCode` are what Fastify's error handler prints. It holds no credential. */
export class ForwardError extends PublicError<ForwardErrorCode> {
  /** Seconds after which another try makes sense; `null` where the same would happen again. */
  readonly retryAfterSeconds: number | null

  constructor (code: ForwardErrorCode, { cause, retryAfterSeconds = null }: { cause?: unknown, retryAfterSeconds?: number | null } = {}) {
    super({ code, ...forwardErrorTable[code], expose: true, cause })
    this.name = 'ForwardError'
    this.retryAfterSeconds = retryAfterSeconds
  }
}
