import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'

/**
 * Records which owner each MCP session belongs to. An owner is a string that stands for a user and a client; a store
 * compares it and does nothing else with it.
 *
 * A call that throws, or takes longer than `lookupTimeoutMs`, makes the response 503.
 */
export interface McpSessionStore {
  /**
   * Records the owner of a session and returns the owner that the session has from now on. An owner that is recorded
   * already stays, unless it is `replaces`. Atomic: of two calls at the same time, both return the same owner.
   */
  bind (sessionId: string, owner: string, replaces?: string): string | Promise<string>
  /** The owner of a session, `null` when the store does not know the session. The call counts as use of the session. */
  ownerOf (sessionId: string): string | null | Promise<string | null>
}

export interface MemoryMcpSessionStoreOptions {
  /** The most sessions that are kept; beyond it those that were not used for the longest time are forgotten. Default: 100000. */
  readonly maxSessions?: number
  /** A session that was not used for this many seconds is forgotten. Default: 86400. */
  readonly idleSeconds?: number
  readonly clock?: Clock
}

/** Owners of MCP sessions in the memory of this process, which is where the SDK keeps its sessions too. */
export function createMemoryMcpSessionStore (options: MemoryMcpSessionStoreOptions = {}): McpSessionStore {
  const { maxSessions = 100_000, idleSeconds = 86_400, clock = systemClock } = options
  const sessions = new LRUCache<string, { owner: string, usedAt: number }>({ max: maxSessions })

  const ownerOf = (sessionId: string): string | null => {
    const name = nameOf(sessionId)
    const session = sessions.get(name)
    if (session === undefined) return null
    const now = clock.now()
    if (now - session.usedAt >= idleSeconds * 1000) {
      sessions.delete(name)
      return null
    }
    session.usedAt = now
    return session.owner
  }
  return {
    ownerOf,
    bind (sessionId, owner, replaces) {
      const current = ownerOf(sessionId)
      if (current !== null && current !== replaces) return current
      sessions.set(nameOf(sessionId), { owner, usedAt: clock.now() })
      return owner
    }
  }
}

/**
 * The key of a session is the digest of its id, so that a long id takes no more memory than a short one. Short ids are hashed, too:
 * a client may send the digest of another client's long id as an id of its own.
 */
function nameOf (sessionId: string): string {
  return hash('sha256', sessionId, 'base64url')
}
