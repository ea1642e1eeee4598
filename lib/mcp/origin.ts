import { withoutStackTrace } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { isLoopbackHost } from '../identifier.ts'
import { McpError } from '../errors/mcp-errors.ts'

/** Answers why a request is refused for where it comes from or goes to; `null` when it is not. */
export interface OriginChecks {
  /**
   * Keeps pages of other origins out.
   *
   * @param origin `Origin`: a browser always sends it, and a page cannot change it
   */
  refuseOrigin (origin: string | undefined): McpError | null
  /**
   * Keeps pages out that had their own name point at this machine: a resource on a loopback host is asked for by a loopback
   * name.
   *
   * @param host `Host`, or `:authority` of HTTP/2
   */
  refuseHost (host: string | undefined): McpError | null
}

export function createOriginChecks (resource: IdentifierParts, allowedOrigins: readonly string[] | undefined): OriginChecks {
  // As browsers write it: without the default port, in lower case.
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
