import { withinTime } from '../../time-limit.ts'
import type { ConnectionStore } from './connection-store.ts'

/**
 * The store with a time limit on each call, so that a store that never answers cannot block a sign-in or a sign-out. A call
 * that takes longer is not cancelled.
 *
 * Its methods throw a TimeLimitError, or what the store throws.
 */
export function limitConnectionStore (store: ConnectionStore, timeoutMs: number): ConnectionStore {
  return {
    read: async () => await withinTime(store.read(), timeoutMs),
    write: async connection => { await withinTime(store.write(connection), timeoutMs) }
  }
}
