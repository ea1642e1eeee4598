import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { McpCall } from './messages.ts'
import { isRecord } from './messages.ts'

/** What a call reads or runs. `template`: a URI template, of which it completes a variable. */
export interface McpTarget {
  readonly kind: 'tool' | 'prompt' | 'resource' | 'template'
  readonly name: string
}

/** The first revision without sessions, which took several methods away. */
const firstStatelessRevision = '2026-07-28'
const removedMethods: readonly string[] = ['resources/subscribe', 'resources/unsubscribe']

/**
 * What a call is about; empty for a call that is about nothing in particular, such as a list.
 *
 * @param revision the protocol revision that the request is of, `null` when it does not say
 * @throws McpError with -32602 when the parameter that names the target is missing or no string, with -32601 for a method
 *   that the revision no longer has
 */
export function targetsOf ({ method, params }: McpCall, revision: string | null): readonly McpTarget[] {
  if (removedMethods.includes(method) && revision !== null && revision >= firstStatelessRevision) {
    throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_METHOD_UNKNOWN'))
  }
  switch (method) {
    case 'tools/call': return [{ kind: 'tool', name: text(params, 'name', method) }]
    case 'prompts/get': return [{ kind: 'prompt', name: text(params, 'name', method) }]
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe': return [{ kind: 'resource', name: text(params, 'uri', method) }]
    case 'completion/complete': return [completed(params)]
    case 'subscriptions/listen': return subscribed(params)
    default: return []
  }
}

/** The prompt or the resource template of which a client wants an argument completed. */
function completed (params: McpCall['params']): McpTarget {
  const ref = own(params, 'ref')
  if (isRecord(ref) && own(ref, 'type') === 'ref/prompt') return { kind: 'prompt', name: text(ref, 'name', 'completion/complete') }
  if (isRecord(ref) && own(ref, 'type') === 'ref/resource') return { kind: 'template', name: text(ref, 'uri', 'completion/complete') }
  throw invalidParameters('completion/complete', 'ref')
}

/** The resources whose changes a client wants to hear of; other kinds of news are about no resource. */
function subscribed (params: McpCall['params']): readonly McpTarget[] {
  const filter = own(params, 'notifications')
  const uris = isRecord(filter) ? own(filter, 'resourceSubscriptions') ?? [] : []
  if (!Array.isArray(uris) || uris.some(uri => typeof uri !== 'string')) {
    throw invalidParameters('subscriptions/listen', 'notifications.resourceSubscriptions')
  }
  return uris.map((uri: string) => ({ kind: 'resource', name: uri }))
}

function text (params: Readonly<Record<string, unknown>>, member: string, method: string): string {
  const value = own(params, member)
  if (typeof value !== 'string') throw invalidParameters(method, member)
  return value
}

function own (params: Readonly<Record<string, unknown>>, member: string): unknown {
  return Object.hasOwn(params, member) ? params[member] : undefined
}

function invalidParameters (method: string, parameter: string): McpError {
  return withoutStackTrace(() => new McpError('FST_OAUTH_MCP_PARAMETERS_INVALID', { message: `${method} needs the parameter "${parameter}"` }))
}
