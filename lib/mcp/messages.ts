import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'

/** A request or a notification of JSON-RPC, as far as access is concerned. It came from a client, and nothing else of it is checked. */
export interface McpCall {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * The calls in a body: of a batch, those of each element. Responses to requests of the server are none.
 *
 * A body that cannot be read here is refused and not passed on: the SDK might read it, and would run a call that was
 * never checked.
 *
 * @throws McpError
 */
export function callsOf (body: unknown): McpCall[] {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  if (messages.length === 0) throw invalidBody()
  return messages.flatMap(message => {
    if (!isRecord(message)) throw invalidBody()
    const { method, params } = message
    if (typeof method === 'string') return [{ method, params: isRecord(params) ? params : {} }]
    if (method === undefined && ('result' in message || 'error' in message)) return []
    throw invalidBody()
  })
}

/** The `id` that a response to this body has: `null` when there is none, or more than one (JSON-RPC section 5). */
export function idOf (body: unknown): string | number | null {
  const id = isRecord(body) && typeof body.method === 'string' ? body.id : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

export function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidBody (): McpError {
  return withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_INVALID'))
}
