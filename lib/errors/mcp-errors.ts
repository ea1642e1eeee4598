import type { RefusalDetail } from './detail.ts'
import type { PublicErrorRow } from './public-error.ts'
import { PublicError } from './public-error.ts'

export type McpErrorCode =
  | 'FST_OAUTH_MCP_ORIGIN_REFUSED'
  | 'FST_OAUTH_MCP_HOST_REFUSED'
  | 'FST_OAUTH_MCP_BODY_INVALID'
  | 'FST_OAUTH_MCP_HEADER_MISMATCH'
  | 'FST_OAUTH_MCP_TOOL_UNDECLARED'
  | 'FST_OAUTH_MCP_SESSION_UNKNOWN'

/** Why an MCP endpoint refused a request, in a word for the log and the audit. */
export type McpReason =
  | 'origin_refused' | 'host_refused' | 'body_invalid' | 'header_mismatch' | 'tool_undeclared' | 'session_unknown'

/** One refusal of an MCP endpoint, as HTTP and as JSON-RPC see it. */
export interface McpErrorRow extends PublicErrorRow {
  readonly reason: McpReason
  /** `error.code` of the JSON-RPC body. */
  readonly rpcCode: number
}

/** `error.code` of refusals that JSON-RPC and MCP have no code for: the range is the server's own (JSON-RPC section 5.1). */
export const serverErrorCode = -32000

/** What an MCP endpoint refuses beyond the token: none of it is mended by another token, so none of it has a challenge. */
export const mcpErrorTable: Readonly<Record<McpErrorCode, McpErrorRow>> = {
  FST_OAUTH_MCP_ORIGIN_REFUSED: { statusCode: 403, reason: 'origin_refused', rpcCode: serverErrorCode, message: 'This origin is not allowed' },
  FST_OAUTH_MCP_HOST_REFUSED: { statusCode: 403, reason: 'host_refused', rpcCode: serverErrorCode, message: 'This host is not allowed' },
  FST_OAUTH_MCP_BODY_INVALID: { statusCode: 400, reason: 'body_invalid', rpcCode: -32600, message: 'The body is not a JSON-RPC message' },
  FST_OAUTH_MCP_HEADER_MISMATCH: { statusCode: 400, reason: 'header_mismatch', rpcCode: -32020, message: 'A header does not say what the body says' },
  FST_OAUTH_MCP_TOOL_UNDECLARED: { statusCode: 403, reason: 'tool_undeclared', rpcCode: serverErrorCode, message: 'This tool is not available' },
  FST_OAUTH_MCP_SESSION_UNKNOWN: { statusCode: 404, reason: 'session_unknown', rpcCode: -32001, message: 'Session not found' }
}

/** A request that the endpoint refuses whatever token it has. */
export class McpError extends PublicError<McpErrorCode> {
  readonly reason: McpReason
  readonly rpcCode: number
  /** What was expected, what came, how to fix it. For the log alone: it is not enumerable, so no body shows it. */
  declare readonly detail: RefusalDetail | null

  constructor (code: McpErrorCode, detail: RefusalDetail | null = null) {
    const { statusCode, reason, rpcCode, message } = mcpErrorTable[code]
    super({ code, statusCode, expose: true, message })
    this.name = 'McpError'
    this.reason = reason
    this.rpcCode = rpcCode
    Object.defineProperty(this, 'detail', { value: detail })
  }
}
