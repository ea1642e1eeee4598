import { withoutStackTrace } from '../errors.ts'
import type { IdentifierParts } from '../metadata/identifier.ts'
import { isLoopbackHost } from '../metadata/identifier.ts'
import { McpError } from './errors.ts'

/** Where a request says that it comes from and goes to. */
export interface RequestOrigin {
  /** `Origin`: a browser always sends it, and a page cannot change it. */
  readonly origin: string | undefined
  /** `Host`, or `:authority` of HTTP/2. */
  readonly host: string | undefined
}

/** Answers why a request is refused for where it comes from; `null` when it is not. */
export type OriginCheck = (request: RequestOrigin) => McpError | null

/**
 * Keeps pages of other origins out, and those that had their own name point at this machine: a resource on a loopback host
 * is asked for by a loopback name.
 */
export function createOriginCheck (resource: IdentifierParts, allowedOrigins: readonly string[] | undefined): OriginCheck {
  // As browsers write it: without the default port, in lower case.
  const allowed = new Set(allowedOrigins ?? [new URL(resource.origin).origin])
  const isLocal = isLoopbackHost(resource.host)
  return ({ origin, host }) => {
    if (origin !== undefined && !allowed.has(origin)) return withoutStackTrace(() => new McpError('FST_MCP_ORIGIN_REFUSED'))
    if (isLocal && !isLoopbackHost(nameOf(host))) return withoutStackTrace(() => new McpError('FST_MCP_HOST_REFUSED'))
    return null
  }
}

function nameOf (host = ''): string {
  return host.replace(/:\d+$/, '')
}
