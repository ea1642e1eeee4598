import type { Clock } from '../clock.ts'
import { MissingTokenError, withoutStackTrace } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import { createMemoryMcpSessionStore } from '../stores/mcp-sessions/mcp-session-store.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { McpHeaders } from './headers.ts'
import { checkHeaders, revisionOf } from './headers.ts'
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

/** The part of the configuration that an MCP endpoint needs. */
export interface McpConfig {
  readonly identifier: IdentifierParts
  readonly scopeImplies: ScopeImplies | null
  readonly issuers: ReadonlyArray<{ readonly rule: { readonly issuer: string, readonly clockToleranceSeconds: number } }>
  readonly clockToleranceSeconds: number
  readonly lookupTimeoutMs: number
  readonly clock: Clock
}

/** A request whose body was read, and whose token was verified where it has one. */
export interface McpRequest {
  readonly method: string
  readonly headers: McpHeaders
  readonly body: unknown
  readonly accessToken: AccessToken | null
}

/** What one MCP endpoint checks beyond the token of a request. */
export interface McpEndpoint {
  readonly policy: McpPolicy
  readonly origins: OriginChecks
  readonly sessions: McpSessions
  readonly streams: McpStreams
  /** Whether a refused call of a tool gets its challenge in a tool result. */
  readonly challengesInResults: boolean
  /**
   * Checks the calls and the session of a request, and watches its response from then on.
   *
   * @throws MissingTokenError
   * @throws InsufficientScopeError
   * @throws UnavailableError
   * @throws McpError
   */
  authorize (request: McpRequest, response: StreamResponse): Promise<void>
  /** Every scope that the calls in a body need; empty for a body that cannot be read. */
  scopesOf (body: unknown): readonly string[]
}

/** Whether requests of this method have a message. */
export function hasMessage (method: string): boolean {
  return !['GET', 'HEAD', 'DELETE'].includes(method)
}

/** @throws OptionError */
export function createMcpEndpoint (given: unknown, config: McpConfig): McpEndpoint {
  const { clock, identifier, scopeImplies, lookupTimeoutMs } = config
  const options = checkMcpOptions(given)
  const policy = createMcpPolicy(options, scopeImplies)
  const sessions = createMcpSessions(options.sessions ?? createMemoryMcpSessionStore({ clock }), options.unknownSessions ?? 'pass', lookupTimeoutMs)
  const streams = createMcpStreams(clock)
  return {
    policy,
    origins: createOriginChecks(identifier, options.allowedOrigins),
    sessions,
    streams,
    challengesInResults: options.toolChallenges === 'result',
    async authorize ({ method, headers, body, accessToken }, response) {
      if (accessToken === null && !policy.hasPublic) throw withoutStackTrace(() => new MissingTokenError())
      if (hasMessage(method)) {
        const calls = callsOf(body)
        checkHeaders(headers, calls)
        policy.check(calls, accessToken, revisionOf(headers, calls))
      }
      const sessionId = headers['mcp-session-id'] === undefined ? null : String(headers['mcp-session-id'])
      if (sessionId !== null && await sessions.check(sessionId, accessToken) === 'claimed') {
        // Streams that were opened before the session had an owner may be another client's.
        streams.close(stream => stream.sessionId === sessionId && stream.accessToken === null)
      }
      streams.add(response, { accessToken, sessionId }, deadlineOf(accessToken, config))
    },
    scopesOf (body) {
      try {
        return policy.scopesOf(callsOf(body))
      } catch {
        return []
      }
    }
  }
}

/** When the token would be refused: its expiry, and the tolerance for clocks that differ. */
function deadlineOf (accessToken: AccessToken | null, { issuers, clockToleranceSeconds }: McpConfig): number {
  if (accessToken === null || accessToken.expiresAt === null) return Infinity
  const { issuer, expiresAt } = accessToken
  const rule = issuers.find(one => one.rule.issuer === issuer)?.rule
  return (expiresAt + (rule?.clockToleranceSeconds ?? clockToleranceSeconds)) * 1000
}
