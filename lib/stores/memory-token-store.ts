import type { TokenRecord, TokenStore } from './token-store.ts'

/** Tokens in this process: they end with it. */
export function createMemoryTokenStore (): TokenStore {
  let record: TokenRecord | null = null
  let last: Promise<unknown> = Promise.resolve()
  return {
    read: async () => record,
    async write (tokens, insteadOf) {
      if ((record?.generation ?? null) !== insteadOf) return null
      record = { generation: (insteadOf ?? 0) + 1, tokens }
      return record
    },
    async exclusively (work, signal) {
      signal?.throwIfAborted()
      const turn = last.then(work)
      last = turn.catch(() => {})
      return await turn
    }
  }
}
