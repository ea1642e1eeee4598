import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { McpSessionStore } from './mcp-session-store.ts'

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
    const session = sessions.get(sessionId)
    if (session === undefined) return null
    const now = clock.now()
    if (now - session.usedAt >= idleSeconds * 1000) {
      sessions.delete(sessionId)
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
      sessions.set(sessionId, { owner, usedAt: clock.now() })
      return owner
    }
  }
}
