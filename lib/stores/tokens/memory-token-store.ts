import type { TokenRecord, TokenStore } from './token-store.ts'
import { createMutex } from '../mutex.ts'

/** Tokens in this process: they end with it. */
export function createMemoryTokenStore (): TokenStore {
  const queue = createMutex()
  let record: TokenRecord | null = null
  return {
    read: async () => record,
    async write (tokens, insteadOf) {
      if ((record?.generation ?? null) !== insteadOf) return null
      record = { generation: (insteadOf ?? 0) + 1, tokens }
      return record
    },
    exclusively: queue
  }
}
