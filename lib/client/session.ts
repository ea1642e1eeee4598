import type { TokenSet, TokenStore } from '../stores/token-store.ts'
import { SessionError } from './errors.ts'

/** `starting`: the store was not read yet. `over`: the session ended by itself, and the user has to sign in again. */
export type SessionState = 'starting' | 'signed_in' | 'signed_out' | 'over'

/** The tokens of one user, or one client, at one resource: kept alive, and given to whoever needs the one to send. */
export interface Session {
  readonly state: SessionState
  /** Grows with every change of the tokens; `null` before the store was read. */
  readonly generation: number | null
  /** The token to send; renewed first when it is due. @throws SessionError */
  token (): Promise<TokenSet>
  /** Another token than the one that was rejected; one token request however many ask. @throws SessionError */
  renew (rejected: string): Promise<TokenSet>
  /** The token was rejected, and this caller may not ask for another one: it is not given to anybody any more. */
  refuse (rejected: string): void
  signIn (tokens: TokenSet): Promise<void>
  signOut (): Promise<void>
  /** The network is back: a renewal that is due is made at once. It never throws. */
  online (): Promise<void>
  /** Ends what is under way and makes no token request any more; the store keeps what it has. May be called again. */
  close (): void
}

export type Refresh = (tokens: TokenSet, signal: AbortSignal) => Promise<TokenSet>

export interface SessionOptions {
  readonly store: TokenStore
  readonly refresh: Refresh
}

export function createSession ({ store, refresh }: SessionOptions): Session {
  let current: TokenSet | null = null
  let generation: number | null = null
  let underWay: Promise<TokenSet> | null = null
  const set = async (tokens: TokenSet | null): Promise<void> => {
    const stored = await store.write(tokens, (await store.read())?.generation ?? null)
    if (stored === null) throw new SessionError('store_failed')
    current = tokens
    generation = stored.generation
  }
  const token = async (): Promise<TokenSet> => {
    current ??= (await store.read())?.tokens ?? null
    if (current === null) throw new SessionError('not_signed_in')
    return current
  }
  const session: Session = {
    get state () { return current === null ? 'signed_out' : 'signed_in' },
    get generation () { return generation },
    token,
    async renew (rejected) {
      const tokens = await token()
      if (tokens.accessToken !== rejected) return tokens
      underWay ??= refresh(tokens, new AbortController().signal).then(async renewed => {
        await set(renewed)
        return renewed
      }).finally(() => { underWay = null })
      return await underWay
    },
    refuse () {},
    signIn: set,
    signOut: () => set(null),
    async online () { await token().catch(() => {}) },
    close () {}
  }
  return session
}
