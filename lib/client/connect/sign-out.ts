import type { ConnectionStore, StoredConnection } from '../../stores/connections/connection-store.ts'
import type { TokenSet, TokenStore } from '../../stores/tokens/token-store.ts'
import type { AuthorizationFlow } from './authorization-flow.ts'
import { emptyConnection } from '../../stores/connections/connection-store.ts'
import { revokeTokens } from '../oauth/revoke-tokens.ts'
import type { Session } from '../session/session.ts'

/** Ends a session here and at the authorization server. */
export interface SignOut {
  /** The store of the tokens, for the session: what a sign-out takes out of it is seen here, whoever wrote it last. */
  readonly tokens: TokenStore
  /** Tokens that are in no store. */
  hold (tokens: TokenSet | null): void
  /** @see Connection.signOut */
  run (session: Pick<Session, 'signOut'>, forgetClients: boolean): Promise<boolean>
}

/** Tokens that somebody signed out of, and what has to be known to give them back. */
interface Owed {
  readonly tokens: TokenSet
  readonly connection: StoredConnection
}

export function createSignOut (tokens: TokenStore, store: ConnectionStore, { accessOf, dropRefusedClient }: Pick<AuthorizationFlow, 'accessOf' | 'dropRefusedClient'>): SignOut {
  let running = 0
  let unstored: TokenSet | null = null
  /** What was read while somebody signs out, by generation. */
  const seen = new Map<number | null, TokenSet>()
  const removed = new Set<TokenSet>()
  const owed = new Set<Owed>()

  /** Each of them, whatever becomes of the others. What nobody could be told of stays owed. */
  const giveBack = async (): Promise<boolean> => {
    let areDead = true
    const failures: unknown[] = []
    for (const one of [...owed]) {
      try {
        areDead = await revokeTokens(await accessOf(one.connection), one.tokens) && areDead
        owed.delete(one)
      } catch (error) {
        // No other client may revoke them, and the authorization server has forgotten this one.
        if (await dropRefusedClient(error, one.connection)) {
          areDead = false
          owed.delete(one)
        } else {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
    return areDead
  }

  return {
    tokens: {
      async read () {
        const found = await tokens.read()
        if (running > 0 && found !== null && found.tokens !== null) seen.set(found.generation, found.tokens)
        return found
      },
      async write (next, insteadOf) {
        const replaced = next === null ? seen.get(insteadOf) : undefined
        // Before it is known: a write may fail that was done all the same.
        if (replaced !== undefined) removed.add(replaced)
        const written = await tokens.write(next, insteadOf)
        if (written === null && replaced !== undefined) removed.delete(replaced)
        return written
      },
      exclusively: async (work, signal) => await tokens.exclusively(work, signal)
    },
    hold (held) { unstored = held },
    async run (session, forgetClients) {
      running++
      if (unstored !== null) removed.add(unstored)
      unstored = null
      const failure = await session.signOut().then(() => null, (error: unknown) => error)
      if (--running === 0) seen.clear()
      const connection = await store.read() ?? emptyConnection
      for (const one of removed) owed.add({ tokens: one, connection })
      removed.clear()
      // Whose they are is forgotten with them, and not before.
      if (failure === null) await store.write({ ...emptyConnection, clients: forgetClients ? {} : connection.clients })
      if (failure === null) return await giveBack()
      // They are dead there, whether the store knows or not. Who could not be told is told the next time.
      await giveBack().catch(() => {})
      throw failure
    }
  }
}
