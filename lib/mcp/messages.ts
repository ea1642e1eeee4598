import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'

/** A request or a notification, as far as access is concerned. It came from a client and was not checked any further. */
export interface McpCall {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * The calls in a body: of a batch, those of each element. Answers to requests of the server are none.
 *
 * A body that cannot be read here is refused and not passed on: the SDK could read it, and what nobody has looked at
 * would then be called.
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

/** The `id` that an answer to this body has: `null` when there is none, or more than one (JSON-RPC section 5). */
export function idOf (body: unknown): string | number | null {
  const id = isRecord(body) && typeof body.method === 'string' ? body.id : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** What a call is about, by the member of its parameters that says so. */
const subjects: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri']
])

/**
 * The name of the tool or prompt, or the URI of the resource, that a call is about; `null` for other calls.
 *
 * @throws McpError when it should have one
 */
export function targetOf ({ method, params }: McpCall): string | null {
  const member = subjects.get(method)
  if (member === undefined) return null
  const subject = Object.hasOwn(params, member) ? params[member] : undefined
  if (typeof subject !== 'string') throw invalidBody()
  return subject
}

export function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidBody (): McpError {
  return withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_INVALID'))
}
