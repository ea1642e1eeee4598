import type { RefusalDetail } from './detail.ts'
import { PublicError } from './errors.ts'
import type { PublicErrorRow } from './public-error.ts'

export type McpErrorCode =
  | 'FST_OAUTH_MCP_ORIGIN_REFUSED'
  | 'FST_OAUTH_MCP_HOST_REFUSED'
  | 'FST_OAUTH_MCP_BODY_INVALID'
  | 'FST_OAUTH_MCP_BODY_TOO_LARGE'
  | 'FST_OAUTH_MCP_HEADER_MISMATCH'
  | 'FST_OAUTH_MCP_METHOD_UNKNOWN'
  | 'FST_OAUTH_MCP_PARAMETERS_INVALID'
  | 'FST_OAUTH_MCP_TOOL_UNDECLARED'
  | 'FST_OAUTH_MCP_PROMPT_UNDECLARED'
  | 'FST_OAUTH_MCP_RESOURCE_UNDECLARED'
  | 'FST_OAUTH_MCP_SESSION_UNKNOWN'

/** Why an MCP endpoint refused a request, in a word for the log and the audit. */
export type McpReason =
  | 'origin_refused' | 'host_refused' | 'body_invalid' | 'body_too_large' | 'header_mismatch' | 'method_unknown'
  | 'parameters_invalid' | 'tool_undeclared' | 'prompt_undeclared' | 'resource_undeclared' | 'session_unknown'

/** One refusal of an MCP endpoint, as HTTP and as JSON-RPC see it. */
export interface McpErrorRow extends PublicErrorRow {
  readonly reason: McpReason
  /** `error.code` of the JSON-RPC body. */
  readonly rpcCode: number
}

/** `error.code` of refusals that JSON-RPC and MCP have no code for: the range is the server's own (JSON-RPC section 5.1). */
export const serverErrorCode = -32000

const row = (statusCode: number, reason: McpReason, rpcCode: number, message: string): McpErrorRow => ({ statusCode, reason, rpcCode, message })

/** What an MCP endpoint refuses beyond the token. No other token would change the answer, so none of these has a challenge. */
export const mcpErrorTable: Readonly<Record<McpErrorCode, McpErrorRow>> = {
  FST_OAUTH_MCP_ORIGIN_REFUSED: row(403, 'origin_refused', serverErrorCode, 'This origin is not allowed'),
  FST_OAUTH_MCP_HOST_REFUSED: row(403, 'host_refused', serverErrorCode, 'This host is not allowed'),
  FST_OAUTH_MCP_BODY_INVALID: row(400, 'body_invalid', -32600, 'The body is not a JSON-RPC message'),
  FST_OAUTH_MCP_BODY_TOO_LARGE: row(413, 'body_too_large', serverErrorCode, 'The body is too large'),
  FST_OAUTH_MCP_HEADER_MISMATCH: row(400, 'header_mismatch', -32020, 'A header does not match the body'),
  FST_OAUTH_MCP_METHOD_UNKNOWN: row(404, 'method_unknown', -32601, 'Method not found'),
  FST_OAUTH_MCP_PARAMETERS_INVALID: row(400, 'parameters_invalid', -32602, 'Invalid parameters'),
  FST_OAUTH_MCP_TOOL_UNDECLARED: row(403, 'tool_undeclared', serverErrorCode, 'This tool is not available'),
  FST_OAUTH_MCP_PROMPT_UNDECLARED: row(403, 'prompt_undeclared', serverErrorCode, 'This prompt is not available'),
  FST_OAUTH_MCP_RESOURCE_UNDECLARED: row(403, 'resource_undeclared', serverErrorCode, 'This resource is not available'),
  FST_OAUTH_MCP_SESSION_UNKNOWN: row(404, 'session_unknown', -32001, 'Session not found')
}

/** What a refusal says beyond its row of the table. */
export interface McpErrorDetails {
  /** The text that the client reads, in place of the table's. */
  readonly message?: string
  readonly detail?: RefusalDetail
}

/** A request that an MCP endpoint refuses with any token. */
export class McpError extends PublicError<McpErrorCode> {
  readonly reason: McpReason
  /** `error.code` of the JSON-RPC body. */
  readonly rpcCode: number
  /** What was expected, what came, how to fix it. For the log alone: it is not enumerable, so no body shows it. */
  declare readonly detail: RefusalDetail | null

  constructor (code: McpErrorCode, { message, detail }: McpErrorDetails = {}) {
    const { statusCode, reason, rpcCode, message: text } = mcpErrorTable[code]
    super({ code, statusCode, expose: true, message: message ?? text })
    this.name = 'McpError'
    this.reason = reason
    this.rpcCode = rpcCode
    Object.defineProperty(this, 'detail', { value: detail ?? null })
  }
}
