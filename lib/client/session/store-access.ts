import type { TokenRecord, TokenSet, TokenStore } from '../../stores/tokens/token-store.ts'
import type { Mutex } from '../../stores/mutex.ts'
import { createMutex } from '../../stores/mutex.ts'
import { SessionError } from '../../errors/client-errors.ts'
import type { Wait } from './time-limit.ts'
import { within } from './time-limit.ts'

/** The store as the host uses it through a session: in the order in which it asked, and with an end to every wait. */
export interface StoreAccess {
  /** What reads or writes on behalf of the host is done in the order in which it was asked for. */
  readonly inOrder: Mutex
  /** The same for a sign-in, whose tokens are no renewal of ours. */
  signingIn (work: () => Promise<void>): Promise<void>
  /** @throws SessionError `FST_OAUTH_STORE_FAILED` */
  read (): Promise<TokenRecord | null>
  /**
   * Writes over whatever is there, as whoever signs in or out has the last word.
   *
   * @throws SessionError `FST_OAUTH_STORE_FAILED`
   */
  overwrite (tokens: TokenSet | null): Promise<TokenRecord | null>
  /**
   * What the store has once nobody is signing in here, for a renewal, which has an end of its own.
   *
   * @throws what the store throws
   */
  readSettled (): Promise<TokenRecord | null>
}

/** A write that others keep getting ahead of. */
const mostWrites = 20

export function createStoreAccess (store: TokenStore, timeoutMs: number, wait: Wait): StoreAccess {
  const never = new AbortController().signal
  const inOrder = createMutex()
  /** Those that are under way. */
  let signIns = 0

  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await within(timeoutMs, never, wait, work)
    } catch (cause) {
      throw new SessionError('FST_OAUTH_STORE_FAILED', { cause })
    }
  }
  const readSettled = async (): Promise<TokenRecord | null> => {
    const found = await store.read()
    if (signIns === 0) return found
    await inOrder(async () => {})
    return await readSettled()
  }

  return {
    inOrder,
    async signingIn (work) {
      signIns++
      await inOrder(work).finally(() => { signIns-- })
    },
    read: async () => await limited(async () => await store.read()),
    overwrite: async tokens => await limited(async () => {
      for (let writes = 0; writes < mostWrites; writes++) {
        const found = await store.read()
        if (tokens === null && (found === null || found.tokens === null)) return found
        const written = await store.write(tokens, found?.generation ?? null)
        if (written !== null) return written
      }
      throw new Error('others keep writing')
    }),
    readSettled
  }
}
