import type { TokenRecord, TokenStore } from './token-store.ts'
import { createMutex } from '../mutex.ts'

/** Keeps the tokens of one session in this process. They are lost when it ends, and other processes do not see them. */
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
