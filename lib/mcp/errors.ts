export type McpErrorCode =
  | 'FST_MCP_ORIGIN_REFUSED'
  | 'FST_MCP_HOST_REFUSED'
  | 'FST_MCP_BODY_INVALID'
  | 'FST_MCP_HEADER_MISMATCH'
  | 'FST_MCP_TOOL_UNDECLARED'
  | 'FST_MCP_SESSION_UNKNOWN'

/** One refusal of an MCP endpoint, as HTTP and as JSON-RPC see it. */
export interface McpErrorRow {
  readonly statusCode: number
  /** `error.code` of the JSON-RPC body. */
  readonly rpcCode: number
  readonly message: string
}

/** `error.code` of refusals that JSON-RPC and MCP have no code for: the range is the server's own (JSON-RPC section 5.1). */
export const serverErrorCode = -32000

/** What an MCP endpoint refuses beyond the token: none of it is mended by another token, so none of it has a challenge. */
export const mcpErrorTable: Readonly<Record<McpErrorCode, McpErrorRow>> = {
  FST_MCP_ORIGIN_REFUSED: { statusCode: 403, rpcCode: serverErrorCode, message: 'This origin is not allowed' },
  FST_MCP_HOST_REFUSED: { statusCode: 403, rpcCode: serverErrorCode, message: 'This host is not allowed' },
  FST_MCP_BODY_INVALID: { statusCode: 400, rpcCode: -32600, message: 'The body is not a JSON-RPC message' },
  FST_MCP_HEADER_MISMATCH: { statusCode: 400, rpcCode: -32020, message: 'A header does not say what the body says' },
  FST_MCP_TOOL_UNDECLARED: { statusCode: 403, rpcCode: serverErrorCode, message: 'This tool is not open to anybody' },
  FST_MCP_SESSION_UNKNOWN: { statusCode: 404, rpcCode: -32001, message: 'Session not found' }
}

/** A request that the endpoint refuses whatever token it has. */
export class McpError extends Error {
  readonly code: McpErrorCode
  readonly statusCode: number
  readonly rpcCode: number

  constructor (code: McpErrorCode) {
    const { statusCode, rpcCode, message } = mcpErrorTable[code]
    super(message)
    this.name = 'McpError'
    this.code = code
    this.statusCode = statusCode
    this.rpcCode = rpcCode
  }
}
