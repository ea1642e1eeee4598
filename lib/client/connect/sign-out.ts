import type { ConnectionStore, StoredConnection } from '../../stores/connections/connection-store.ts'
import { emptyConnection } from '../../stores/connections/connection-store.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { revokeTokens } from '../oauth/revoke-tokens.ts'
import type { Session } from '../session/session.ts'
import type { AuthorizationFlow } from './authorization-flow.ts'

/**
 * Makes the sign-out of a connection: it ends the session here and revokes its tokens at the authorization server. Tokens that
 * could not be revoked are kept in memory and revoked by the next call.
 *
 * @returns a function that tells whether the authorization server revoked all of them; it throws an AuthorizationError when
 * it could not be reached, and a SessionError when the token store failed
 */
export function createSignOut (session: Pick<Session, 'signOut'>, store: ConnectionStore, { accessOf, dropRefusedClient }: Pick<AuthorizationFlow, 'accessOf' | 'dropRefusedClient'>): (forgetClients: boolean) => Promise<boolean> {
  /** By access token. */
  const unrevoked = new Map<string, { readonly tokens: TokenSet, readonly connection: StoredConnection }>()

  /** Each of them, whatever becomes of the others. */
  const revokeAll = async (): Promise<boolean> => {
    let areRevoked = true
    const failures: unknown[] = []
    for (const [key, { tokens, connection }] of [...unrevoked]) {
      try {
        areRevoked = await revokeTokens(await accessOf(connection), tokens) && areRevoked
        unrevoked.delete(key)
      } catch (error) {
        // No other client may revoke them, and the authorization server has forgotten this one.
        if (await dropRefusedClient(error, connection)) {
          areRevoked = false
          unrevoked.delete(key)
        } else {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
    return areRevoked
  }

  return async forgetClients => {
    let removed: TokenSet | null = null
    const failure = await session.signOut(tokens => { removed = tokens }).then(() => null, (error: unknown) => error)
    const connection = await store.read() ?? emptyConnection
    const tokens = removed as TokenSet | null
    if (tokens !== null) unrevoked.set(tokens.accessToken, { tokens, connection })
    if (failure === null) {
      // After the tokens: as long as the store has them, it has to say whose they are.
      await store.write({ ...emptyConnection, clients: forgetClients ? {} : connection.clients })
      return await revokeAll()
    }
    // The store may still have the tokens; at the authorization server they are revoked.
    await revokeAll().catch(() => {})
    throw failure
  }
}
