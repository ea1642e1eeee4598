import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { SessionStore } from '../stores/mcp-sessions/session-store.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from '../token/access-token.ts'
import { McpError } from '../errors/mcp-errors.ts'

/** Sees to it that a session is used by nobody but its owner. The id of a session is not a proof of anything. */
export interface McpSessions {
  /** Makes whoever holds this token, or none, the owner of a new session. */
  bind (sessionId: string, accessToken: AccessToken | null): Promise<void>
  /**
   * @returns `claimed` when the session was nobody's until now: it began without a token
   * @throws McpError for somebody else's session: 404, as if it did not exist
   * @throws UnavailableError when the store does not answer
   */
  check (sessionId: string, accessToken: AccessToken | null): Promise<'pass' | 'claimed'>
}

const retryAfterSeconds = 5

/** @param timeoutMs how long the store may take to answer */
export function createMcpSessions (store: SessionStore, unknownSessions: 'pass' | 'refuse', timeoutMs: number): McpSessions {
  const ask = async <T>(question: () => T | Promise<T>): Promise<T> => {
    try {
      return await withinTime(Promise.resolve(question()), timeoutMs)
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('session_store_unavailable', retryAfterSeconds, error))
    }
  }
  return {
    async bind (sessionId, accessToken) {
      const owner = ownerOf(accessToken)
      if (await withinTime(Promise.resolve(store.bind(sessionId, owner)), timeoutMs) !== owner) throw new Error('this session is somebody else\'s already')
    },
    async check (sessionId, accessToken) {
      const owner = ownerOf(accessToken)
      const current = await ask(() => store.ownerOf(sessionId))
      if (current === owner || (current === null && unknownSessions === 'pass')) return 'pass'
      // A client that was asked to sign in goes on with the session it has.
      if (current === nobody && await ask(() => store.bind(sessionId, owner, nobody)) === owner) return 'claimed'
      throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_SESSION_UNKNOWN'))
    }
  }
}

/**
 * Whose session it is, by issuer, subject and client and not by the token, which is refreshed while the session goes on.
 * Encoded and not joined: identifiers may hold any character.
 */
function ownerOf (accessToken: AccessToken | null): string {
  return JSON.stringify(accessToken && [accessToken.issuer, accessToken.subject, accessToken.clientId])
}

const nobody = ownerOf(null)
