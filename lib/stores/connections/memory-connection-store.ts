import type { ConnectionStore, StoredConnection } from './connection-store.ts'

/** Keeps a connection as long as this process lives. */
export function createMemoryConnectionStore (): ConnectionStore {
  let stored: StoredConnection | null = null
  return {
    async read () { return stored },
    async write (connection) { stored = connection }
  }
}
