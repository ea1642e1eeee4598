import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { SessionStore } from './session-store.ts'

export interface MemorySessionStoreOptions {
  /** Sessions beyond that are forgotten, those that were not used for the longest time first. Default: 100000. */
  readonly maxSessions?: number
  /** A session that was not used for so long is forgotten. Default: 86400. */
  readonly idleSeconds?: number
  readonly clock?: Clock
}

/** Owners of sessions in this process, where the SDK's sessions are, too. */
export function createMemorySessionStore (options: MemorySessionStoreOptions = {}): SessionStore {
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
    bind (sessionId, owner, insteadOf) {
      const current = ownerOf(sessionId)
      if (current !== null && current !== insteadOf) return current
      sessions.set(sessionId, { owner, usedAt: clock.now() })
      return owner
    }
  }
}
