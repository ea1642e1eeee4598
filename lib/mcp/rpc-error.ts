import { findOAuthResourceError } from '../errors/errors.ts'
import { McpError, serverErrorCode } from '../errors/mcp-errors.ts'
import { idOf } from './messages.ts'

/** A refusal as JSON-RPC says it. */
export interface RpcRefusal {
  readonly statusCode: number
  readonly body: {
    readonly jsonrpc: '2.0'
    readonly error: { readonly code: number, readonly message: string }
    readonly id: string | number | null
  }
}

/** What Fastify calls a body that is no JSON. */
const notJson = ['FST_ERR_CTP_INVALID_JSON_BODY', 'FST_ERR_CTP_EMPTY_JSON_BODY']

/**
 * Says a refusal in JSON-RPC; `null` for what is none, a failure of the host among them.
 *
 * @param body of the request; undefined when it was not read
 */
export function toRpcRefusal (error: unknown, body: unknown): RpcRefusal | null {
  const { statusCode, code, message } = refusalOf(error)
  if (statusCode < 400 || (statusCode >= 500 && statusCode !== 503)) return null
  return { statusCode, body: { jsonrpc: '2.0', error: { code, message }, id: idOf(body) } }
}

function refusalOf (error: unknown): { statusCode: number, code: number, message: string } {
  const ours = findOAuthResourceError(error)
  if (ours !== null) return { ...pick(ours), code: ours.statusCode === 400 ? -32600 : serverErrorCode }
  if (error instanceof McpError) return { ...pick(error), code: error.rpcCode }
  const { statusCode = 500, code, message = '' } = (error ?? {}) as { statusCode?: number, code?: string, message?: string }
  if (notJson.includes(code ?? '')) return { statusCode, message, code: -32700 }
  return { statusCode, message, code: statusCode === 400 ? -32600 : serverErrorCode }
}

function pick ({ statusCode, message }: { statusCode: number, message: string }): { statusCode: number, message: string } {
  return { statusCode, message }
}
