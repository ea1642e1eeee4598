import type { ConnectionStore, StoredConnection } from './connection-store.ts'

/** Keeps the connection data of one session in this process. It is lost when the process ends. */
export function createMemoryConnectionStore (): ConnectionStore {
  let stored: StoredConnection | null = null
  return {
    async read () { return stored },
    async write (connection) { stored = connection }
  }
}
