import type { Clock } from '../clock.ts'
import { MissingTokenError, withoutStackTrace } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import { createMemorySessionStore } from '../stores/mcp-sessions/memory-session-store.ts'
import type { AccessToken } from '../token/access-token.ts'
import { checkHeaders } from './headers.ts'
import { callsOf } from './messages.ts'
import { checkMcpOptions } from './options.ts'
import type { OriginChecks } from './origin.ts'
import { createOriginChecks } from './origin.ts'
import type { McpPolicy } from './policy.ts'
import { createMcpPolicy } from './policy.ts'
import type { McpSessions } from './sessions.ts'
import { createMcpSessions } from './sessions.ts'
import type { McpStreams, StreamResponse } from './streams.ts'
import { createMcpStreams } from './streams.ts'

/** The slice of the configuration that an MCP endpoint needs. */
export interface McpConfig {
  readonly identifier: IdentifierParts
  readonly scopeImplies: ScopeImplies | null
  readonly issuers: ReadonlyArray<{ readonly rule: { readonly issuer: string, readonly clockToleranceSeconds: number } }>
  readonly clockToleranceSeconds: number
  readonly lookupTimeoutMs: number
  readonly clock: Clock
}

/** A request whose token was verified, or that had none, and whose body was read. */
export interface McpRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
  readonly accessToken: AccessToken | null
}

/** What one MCP endpoint asks of its requests beyond a token. */
export interface McpEndpoint {
  readonly policy: McpPolicy
  readonly origins: OriginChecks
  readonly sessions: McpSessions
  readonly streams: McpStreams
  /**
   * Lets a request in, and watches its response from then on.
   *
   * @throws MissingTokenError
   * @throws InsufficientScopeError
   * @throws UnavailableError
   * @throws McpError
   */
  admit (request: McpRequest, response: StreamResponse): Promise<void>
}

/** They have no message. */
const bareMethods = ['GET', 'HEAD', 'DELETE']

/** @throws OptionError */
export function createMcpEndpoint (given: unknown, config: McpConfig): McpEndpoint {
  const { clock, identifier, scopeImplies, lookupTimeoutMs } = config
  const options = checkMcpOptions(given)
  const policy = createMcpPolicy(options, scopeImplies)
  const sessions = createMcpSessions(options.sessions ?? createMemorySessionStore({ clock }), options.unknownSessions ?? 'pass', lookupTimeoutMs)
  const streams = createMcpStreams(clock)
  return {
    policy,
    origins: createOriginChecks(identifier, options.allowedOrigins),
    sessions,
    streams,
    async admit ({ method, headers, body, accessToken }, response) {
      if (accessToken === null && !policy.hasPublic) throw withoutStackTrace(() => new MissingTokenError())
      if (!bareMethods.includes(method)) {
        const calls = callsOf(body)
        checkHeaders(headers, calls)
        policy.check(calls, accessToken)
      }
      const sessionId = headers['mcp-session-id'] === undefined ? null : String(headers['mcp-session-id'])
      if (sessionId !== null && await sessions.check(sessionId, accessToken) === 'claimed') {
        // Whoever has a stream of it open has had it since the time when it was nobody's.
        streams.close(stream => stream.sessionId === sessionId && stream.accessToken === null)
      }
      streams.add(response, { accessToken, sessionId }, deadlineOf(accessToken, config))
    }
  }
}

/** The moment from which on the token would be refused, which is later than its expiry by what clocks may be apart. */
function deadlineOf (accessToken: AccessToken | null, { issuers, clockToleranceSeconds }: McpConfig): number {
  if (accessToken === null || accessToken.expiresAt === null) return Infinity
  const { issuer, expiresAt } = accessToken
  const rule = issuers.find(one => one.rule.issuer === issuer)?.rule
  return (expiresAt + (rule?.clockToleranceSeconds ?? clockToleranceSeconds)) * 1000
}
