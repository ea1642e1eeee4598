import { withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { isLoopbackHost } from '../identifier.ts'

/** Refuses requests of pages in a browser that have no business with this endpoint; `null` lets the request through. */
export interface OriginChecks {
  /**
   * Refuses pages of other origins.
   *
   * @param origin `Origin`: a browser always sends it, and a page cannot change it
   */
  refuseOrigin (origin: string | undefined): McpError | null
  /**
   * Refuses DNS rebinding: pages whose own host name was made to resolve to this machine. A resource on a loopback host is
   * requested by a loopback name.
   *
   * @param host `Host`, or `:authority` of HTTP/2
   */
  refuseHost (host: string | undefined): McpError | null
}

export function createOriginChecks (resource: IdentifierParts, allowedOrigins: readonly string[] | undefined): OriginChecks {
  // As browsers send it: without the default port, in lower case.
  const allowed = new Set(allowedOrigins ?? [new URL(resource.origin).origin])
  const isLocal = isLoopbackHost(resource.host)
  return {
    refuseOrigin: origin => origin === undefined || allowed.has(origin) ? null : withoutStackTrace(() => new McpError('FST_OAUTH_MCP_ORIGIN_REFUSED')),
    refuseHost: host => !isLocal || isLoopbackHost(nameOf(host)) ? null : withoutStackTrace(() => new McpError('FST_OAUTH_MCP_HOST_REFUSED'))
  }
}

function nameOf (host = ''): string {
  return host.replace(/:\d+$/, '')
}
