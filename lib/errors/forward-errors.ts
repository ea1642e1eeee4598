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

/** An error response of the proxy. */
export type ForwardErrorRow = PublicErrorRow

/**
 * The error responses of the proxy itself, when there is no upstream response to pass on. An invalid credential of a target
 * is never a 401: a caller would take that to be about its own token, and an MCP client would start a useless sign-in.
 */
export const forwardErrorTable: Readonly<Record<ForwardErrorCode, ForwardErrorRow>> = {
  FST_OAUTH_FORWARD_TARGET_UNKNOWN: { statusCode: 404, message: 'The target does not exist' },
  FST_OAUTH_FORWARD_SECRET_REFUSED: { statusCode: 401, message: 'The secret of the target is missing or wrong' },
  FST_OAUTH_FORWARD_PATH_REFUSED: { statusCode: 400, message: 'A server could resolve this path to one outside the target' },
  FST_OAUTH_FORWARD_CODING_UNKNOWN: { statusCode: 501, message: 'The transfer coding of the body is not supported' },
  FST_OAUTH_FORWARD_SESSION_OVER: { statusCode: 502, message: 'The session of the target has ended: sign in again' },
  FST_OAUTH_FORWARD_REFRESH_FAILED: { statusCode: 503, message: 'The access token of the target cannot be refreshed at the moment' },
  FST_OAUTH_FORWARD_CREDENTIAL_REFUSED: { statusCode: 502, message: 'The upstream rejects the credential of the target' },
  FST_OAUTH_FORWARD_NOT_REPEATED: { statusCode: 503, message: 'The upstream rejected the access token of the target, and the body could not be sent again: repeat the request' },
  FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE: { statusCode: 502, message: 'The upstream did not answer' },
  FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT: { statusCode: 504, message: 'The upstream did not answer in time' },
  FST_OAUTH_FORWARD_UPSTREAM_BROKEN: { statusCode: 502, message: 'The answer of the upstream cannot be passed on' },
  FST_OAUTH_FORWARD_CLOSED: { statusCode: 503, message: 'The server is closing' }
}

/** An error response of the proxy: Fastify's error handler sends `code`, `statusCode` and the message. It contains no credential. */
export class ForwardError extends PublicError<ForwardErrorCode> {
  /** `Retry-After` in seconds; `null` if another attempt would fail in the same way. */
  readonly retryAfterSeconds: number | null

  constructor (code: ForwardErrorCode, { cause, retryAfterSeconds = null }: { cause?: unknown, retryAfterSeconds?: number | null } = {}) {
    super({ code, ...forwardErrorTable[code], expose: true, cause })
    this.name = 'ForwardError'
    this.retryAfterSeconds = retryAfterSeconds
  }
}
