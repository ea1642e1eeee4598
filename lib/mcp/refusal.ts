import type { OAuthResourceError } from '../errors/errors.ts'
import { findOAuthResourceError } from '../errors/errors.ts'
import { McpError, serverErrorCode } from '../errors/mcp-errors.ts'
import { idOf, isRecord } from './messages.ts'

/** A refusal in JSON-RPC. */
export interface RpcRefusal {
  readonly statusCode: number
  readonly body: {
    readonly jsonrpc: '2.0'
    readonly error: { readonly code: number, readonly message: string }
    readonly id: string | number | null
  }
}

/** The codes of Fastify for a body that is not JSON. */
const notJson: ReadonlyArray<string | undefined> = ['FST_ERR_CTP_INVALID_JSON_BODY', 'FST_ERR_CTP_EMPTY_JSON_BODY']

/**
 * The JSON-RPC response for a refusal. `null` for every other error, for example a failure in the host's handler.
 *
 * @param body of the request; undefined when it was not read
 */
export function toRpcRefusal (error: unknown, body: unknown): RpcRefusal | null {
  const { statusCode, code, message } = rpcErrorOf(error)
  if (statusCode < 400 || (statusCode >= 500 && statusCode !== 503)) return null
  return { statusCode, body: { jsonrpc: '2.0', error: { code, message }, id: idOf(body) } }
}

function rpcErrorOf (error: unknown): { statusCode: number, code: number, message: string } {
  const refusal = findOAuthResourceError(error)
  if (refusal !== null) {
    const { statusCode, message } = refusal
    return { statusCode, message, code: statusCode === 400 ? -32600 : serverErrorCode }
  }
  if (error instanceof McpError) return { statusCode: error.statusCode, message: error.message, code: error.rpcCode }
  const { statusCode = 500, code, message = '' } = (error ?? {}) as { statusCode?: number, code?: string, message?: string }
  if (notJson.includes(code)) return { statusCode, message, code: -32700 }
  return { statusCode, message, code: statusCode === 400 ? -32600 : serverErrorCode }
}

/** The result of a tool call that was refused. */
export interface ToolRefusal {
  readonly jsonrpc: '2.0'
  readonly result: {
    readonly content: ReadonlyArray<{ readonly type: 'text', readonly text: string }>
    readonly isError: true
    readonly _meta: { readonly 'mcp/www_authenticate': readonly string[] }
  }
  readonly id: string | number
}

/**
 * A refusal as the result of the tool call that was refused, for clients that read challenges there; `null` for the
 * refusal of anything but a single call of a tool.
 */
export function toToolRefusal (refusal: OAuthResourceError, body: unknown, challenge: string | readonly string[]): ToolRefusal | null {
  const id = idOf(body)
  if (id === null || !isRecord(body) || body.method !== 'tools/call') return null
  return {
    jsonrpc: '2.0',
    result: { content: [{ type: 'text', text: refusal.message }], isError: true, _meta: { 'mcp/www_authenticate': [challenge].flat() } },
    id
  }
}

/** Whether the challenge of a refusal tells the client which scopes to request. */
export function challengeNamesScopes ({ statusCode, oauthError }: OAuthResourceError): boolean {
  return statusCode === 401 || oauthError === 'insufficient_scope'
}

/** The same refusal with further scopes: a client that gets one missing scope per response would have to ask its user repeatedly. */
export function withRequiredScopes (refusal: OAuthResourceError, scopes: readonly string[]): OAuthResourceError {
  const { requiredScopes = [] } = refusal as { requiredScopes?: readonly string[] }
  const all = [...new Set([...scopes, ...requiredScopes])]
  // The error itself is the host's by now, and may have been thrown before.
  return all.length === requiredScopes.length
    ? refusal
    : Object.create(refusal, { requiredScopes: { value: Object.freeze(all), enumerable: true } }) as OAuthResourceError
}
