import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import { parseStrictJson } from '../token/strict-json.ts'
import { isRecord } from './messages.ts'

/** The members that decide what a message calls. */
const decidingNames = ['jsonrpc', 'id', 'method', 'params', 'result', 'error', 'name', 'uri', 'ref', 'type', 'notifications', 'resourceSubscriptions']
const foldedNames = new Set(decidingNames.map(name => name.toLowerCase()))

/**
 * Reads a body of which the bytes go on to another server. That server reads them again, and must find the same calls in
 * them: what two JSON parsers may read differently is refused.
 *
 * @throws McpError
 */
export function parseForwardedBody (bytes: Uint8Array): unknown {
  try {
    const body = parseStrictJson(bytes)
    for (const message of Array.isArray(body) ? body as unknown[] : [body]) checkMessage(message)
    return body
  } catch {
    throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_BODY_INVALID'))
  }
}

function checkMessage (message: unknown): void {
  if (!isRecord(message)) return
  checkNames(message)
  if (!isRecord(message.params)) return
  checkNames(message.params)
  if (isRecord(message.params.ref)) checkNames(message.params.ref)
  if (isRecord(message.params.notifications)) checkNames(message.params.notifications)
}

/** Some parsers, Go's among them, take `Method` for `method`. */
function checkNames (value: Record<string, unknown>): void {
  for (const name of Object.keys(value)) {
    if (!decidingNames.includes(name) && foldedNames.has(name.toLowerCase())) throw new SyntaxError(`${name} in another case`)
  }
}
