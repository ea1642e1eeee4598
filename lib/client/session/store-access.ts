import { SessionError } from '../../errors/client-errors.ts'
import type { Mutex } from '../../stores/mutex.ts'
import { createMutex } from '../../stores/mutex.ts'
import type { TokenRecord, TokenSet, TokenStore } from '../../stores/tokens/token-store.ts'
import type { Wait } from './time-limit.ts'
import { within } from './time-limit.ts'

/** The store as a session uses it for its host: calls in order, and each within a time limit. */
export interface StoreAccess {
  /** Runs the reads and writes that the host asked for one after the other. */
  readonly inOrder: Mutex
  /** The same for a sign-in. A refresh waits for it, so that it does not take the new tokens for those of another process. */
  signingIn (work: () => Promise<void>): Promise<void>
  /** @throws SessionError `store_failed` */
  read (): Promise<TokenRecord | null>
  /**
   * Replaces the record of any generation: the last sign-in or sign-out counts.
   *
   * @param onReplace is given the tokens of the record that is about to be replaced
   * @throws SessionError `store_failed`
   */
  overwrite (tokens: TokenSet | null, onReplace?: (tokens: TokenSet) => void): Promise<TokenRecord | null>
  /**
   * The record once no sign-in of this process is being written, for a refresh, which has a time limit of its own.
   *
   * @throws what the store throws
   */
  readSettled (): Promise<TokenRecord | null>
}

/** Attempts to write, each of which another process may precede. */
const mostWrites = 20

export function createStoreAccess (store: TokenStore, timeoutMs: number, wait: Wait): StoreAccess {
  const inOrder = createMutex()
  let signInsUnderWay = 0

  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await within(timeoutMs, null, wait, work)
    } catch (cause) {
      throw new SessionError('FST_OAUTH_SESSION_STORE_FAILED', { cause })
    }
  }
  const readSettled = async (): Promise<TokenRecord | null> => {
    const found = await store.read()
    if (signInsUnderWay === 0) return found
    await inOrder(async () => {})
    return await readSettled()
  }

  return {
    inOrder,
    async signingIn (work) {
      signInsUnderWay++
      await inOrder(work).finally(() => { signInsUnderWay-- })
    },
    read: async () => await limited(async () => await store.read()),
    overwrite: async (tokens, onReplace = () => {}) => await limited(async () => {
      for (let writes = 0; writes < mostWrites; writes++) {
        const found = await store.read()
        if (tokens === null && (found === null || found.tokens === null)) return found
        if (found !== null && found.tokens !== null) onReplace(found.tokens)
        const written = await store.write(tokens, found?.generation ?? null)
        if (written !== null) return written
      }
      throw new Error(`another process replaced the record before each of ${mostWrites} writes`)
    }),
    readSettled
  }
}
