import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { McpSessionStore } from '../stores/mcp-sessions/mcp-session-store.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from '../token/access-token.ts'

/** Lets the owner of a session use it, and no other client or user: a session id does not authenticate anything. */
export interface McpSessions {
  /**
   * Records the user and client of this token, or of a request without one, as the owner of a new session.
   *
   * @throws Error when the session has another owner already
   */
  bind (sessionId: string, accessToken: AccessToken | null): Promise<void>
  /**
   * @returns `claimed` when the session began without a token and has its first owner now
   * @throws McpError for a session of another owner: 404, as if it did not exist
   * @throws UnavailableError when the store does not answer
   */
  check (sessionId: string, accessToken: AccessToken | null): Promise<'pass' | 'claimed'>
}

const retryAfterSeconds = 5

/** @param timeoutMs how long the store may take to answer */
export function createMcpSessions (store: McpSessionStore, unknownSessions: 'pass' | 'refuse', timeoutMs: number): McpSessions {
  const askStore = async <T>(call: () => T | Promise<T>): Promise<T> => {
    try {
      return await withinTime(Promise.resolve(call()), timeoutMs)
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('session_store_unavailable', retryAfterSeconds, error))
    }
  }
  return {
    async bind (sessionId, accessToken) {
      const owner = ownerOf(accessToken)
      const recorded = await withinTime(Promise.resolve(store.bind(sessionId, owner)), timeoutMs)
      if (recorded !== owner) throw new Error('bindMcpSession: this session belongs to another user or client')
    },
    async check (sessionId, accessToken) {
      const owner = ownerOf(accessToken)
      const current = await askStore(() => store.ownerOf(sessionId))
      if (current === owner || (current === null && unknownSessions === 'pass')) return 'pass'
      // A client that signs in during an anonymous session goes on with that session.
      if (current === anonymous && await askStore(() => store.bind(sessionId, owner, anonymous)) === owner) return 'claimed'
      throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_SESSION_UNKNOWN'))
    }
  }
}

/**
 * Issuer, subject and client, and not the token: it is refreshed while the session goes on. Encoded as JSON and not
 * joined, as identifiers may hold any character.
 */
function ownerOf (accessToken: AccessToken | null): string {
  return JSON.stringify(accessToken && [accessToken.issuer, accessToken.subject, accessToken.clientId])
}

/** The owner of sessions that began without a token. */
const anonymous = ownerOf(null)
