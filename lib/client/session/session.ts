import { SessionError } from '../../errors/client-errors.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { isSendable } from '../oauth/token-response.ts'
import { createRefreshCoordinator } from './refresh-coordinator.ts'
import { createCoolDown } from './refresh-retries.ts'
import type { SessionOptions, SessionState } from './session-options.ts'
import { resolveSessionOptions } from './session-options.ts'
import { createStoreAccess } from './store-access.ts'
import { createTokenState } from './token-state.ts'

/**
 * The tokens of one user, or one client, at one resource: refreshed once, even when many requests need it at the same time.
 * An access token that was rejected and replaced is never given again.
 */
export interface Session {
  readonly state: SessionState
  /** Grows with every change of the access token. */
  readonly generation: number
  /** How often this process refreshed; refreshes of other processes do not count. */
  readonly refreshes: number
  /** Until when the session can be refreshed, in milliseconds since the epoch; `null` when the authorization server did not say. */
  readonly refreshableUntil: number | null
  /**
   * Reads the store and begins a refresh that is due, without waiting for it: a start-up does not depend on the authorization
   * server. Later callers share that refresh.
   *
   * @throws SessionError when the store fails
   */
  start (): Promise<SessionState>
  /**
   * The tokens to send; refreshed first when they are due. When that refresh fails, the tokens are still given until they
   * expire, unless the authorization server rejected the refresh token.
   *
   * @throws SessionError
   */
  token (): Promise<TokenSet>
  /**
   * Other tokens than those that the resource rejected: the current ones when they are others already, else refreshed ones.
   *
   * @throws SessionError; its `needsAuthorization` says that the user has to sign in
   */
  refresh (rejected: string): Promise<TokenSet>
  /**
   * Notes that the resource rejected tokens that were only just issued. When this happens to two of them within a cool-down,
   * no token request is made until it is over: one resource that rejects every token must not use up the session.
   *
   * @returns the tokens that replaced them meanwhile, `null` where none did
   */
  refuse (rejected: string): TokenSet | null
  /**
   * Begins a session that replaces the current one and aborts its refresh. Tokens without a refresh token are kept only in
   * memory, and the session is over when they expire.
   *
   * @throws SessionError when the store fails; the session before is then still there
   * @throws TypeError for an access token that no header can hold
   */
  signIn (tokens: TokenSet): Promise<void>
  /**
   * Ends the session: in this process at once.
   *
   * @param onRemove is given the tokens that are removed, so that they can be revoked: those in memory, then those of the
   * store, which another process may have refreshed. The last call counts
   * @throws SessionError when the store fails; it may be called again then
   */
  signOut (onRemove?: (tokens: TokenSet) => void): Promise<void>
  /** The network is back: ends a cool-down and makes the refresh that is due. It never throws. */
  online (): Promise<void>
  /**
   * Ends the work of this process: no further token request is made, and no tokens are given. The response to a token request
   * that is under way is still stored, as the refresh token before it may be used up. It may be called again.
   *
   * @returns when that is done: await it before the process exits
   */
  close (): Promise<void>
}

/** @throws OptionError */
export function createSession (options: SessionOptions): Session {
  const closing = new AbortController()
  const settings = resolveSessionOptions(options, closing.signal)
  const { store, usesGrant, totalTimeoutMs, coolDownMs, isOnline, clock, wait } = settings
  const state = createTokenState(settings)
  const stored = createStoreAccess(store, totalTimeoutMs, wait)
  const coolDown = createCoolDown(coolDownMs, clock)
  const refreshes = createRefreshCoordinator({ ...settings, state, stored, coolDown, closing: closing.signal })
  let signOuts = 0
  /** A sign-out that the store did not take: its tokens do not count as a session. */
  let isSignOutUnsaved = false
  let reading: Promise<void> | null = null
  let rereading: Promise<void> | null = null

  const supersede = (): void => {
    state.beginEpoch()
    refreshes.abandon()
    coolDown.reset()
  }

  const load = async (): Promise<void> => {
    if (closing.signal.aborted) throw new SessionError('FST_OAUTH_SESSION_CLOSED')
    if (isSignOutUnsaved || state.current !== null) return
    reading ??= stored.inOrder(async () => {
      const { epoch } = state
      const found = await stored.read()
      if (epoch === state.epoch && state.current === null) state.replace(found)
    }).finally(() => { reading = null })
    await reading
  }

  /** Another process may have refreshed tokens that cannot be refreshed here. */
  const reload = async (): Promise<void> => {
    rereading ??= stored.inOrder(async () => {
      const { epoch, record } = state
      const found = await stored.read()
      if (epoch === state.epoch && record === state.record && found?.generation !== record?.generation) state.replace(found)
    }).finally(() => { rereading = null })
    await rereading
  }

  /** @param rejected the access token that the caller found rejected: it is not given again, to this caller */
  const tokensFor = async (rejected: string | null): Promise<TokenSet> => {
    if (state.current === null || closing.signal.aborted) await load()
    if (state.current !== null && !state.isRefreshable(state.current) && state.isExpired(state.current)) await reload()
    const tokens = state.current
    if (tokens === null) throw new SessionError(state.ending)
    const isUsable = (): boolean => state.current?.accessToken === tokens.accessToken && !state.isExpired(tokens) && tokens.accessToken !== rejected
    if (!state.isRefreshable(tokens)) {
      if (isUsable()) return tokens
      throw state.isExpired(tokens) ? state.end('FST_OAUTH_SESSION_EXPIRED') : new SessionError('FST_OAUTH_SESSION_EXPIRED')
    }
    if (!state.isDue()) return tokens
    if (!isOnline()) {
      if (isUsable()) return tokens
      throw new SessionError('FST_OAUTH_SESSION_OFFLINE')
    }
    try {
      const { refreshed, delayed } = refreshes.join()
      const first = await Promise.race([refreshed, delayed])
      if (first !== null) return first
      return isUsable() ? tokens : await refreshed
    } catch (error) {
      const failure = error as SessionError
      // A cool-down stops token requests, and no requests to the resource.
      if (!failure.needsAuthorization && isUsable()) return tokens
      throw failure.code === 'FST_OAUTH_SESSION_REFRESH_REFUSED' ? signInNeeded(failure) : failure
    }
  }

  /** The tokens are of no use, and the authorization server does not accept the request for new ones: only the user can help. */
  const signInNeeded = ({ code, retryAt, cause }: SessionError): SessionError => {
    state.signInNeeded()
    return new SessionError(code, { retryAt, cause, needsAuthorization: true })
  }

  return {
    get state () { return state.state },
    get generation () { return state.generation },
    get refreshes () { return refreshes.count },
    get refreshableUntil () { return state.current?.refreshableUntil ?? null },
    async start () {
      await load()
      tokensFor(null).catch(() => {})
      return state.state
    },
    token: async () => await tokensFor(null),
    async refresh (rejected) {
      state.reject(rejected)
      return await tokensFor(rejected)
    },
    refuse (rejected) {
      const tokens = state.current
      if (tokens?.accessToken !== rejected) return tokens === null || state.isExpired(tokens) || state.isRejected(tokens) ? null : tokens
      coolDown.newTokenRejected(rejected)
      return null
    },
    async signIn (tokens) {
      if (closing.signal.aborted) throw new SessionError('FST_OAUTH_SESSION_CLOSED')
      // An error that is raised later by the header would repeat the token.
      if (!isSendable(tokens.accessToken)) throw new TypeError('the access token contains characters that no header can hold')
      const before = signOuts
      await stored.signingIn(async () => {
        const isLasting = usesGrant || tokens.refreshToken !== null
        const written = await stored.overwrite(isLasting ? tokens : null)
        // A sign-out that came while this was written ends this session, too.
        if (before !== signOuts) return
        supersede()
        isSignOutUnsaved = false
        state.signedIn(written, isLasting ? null : tokens)
      })
    },
    async signOut (onRemove = () => {}) {
      const mine = ++signOuts
      if (state.current !== null) onRemove(state.current)
      supersede()
      isSignOutUnsaved = true
      state.signedOut()
      await stored.inOrder(async () => {
        await stored.overwrite(null, onRemove)
        if (mine === signOuts) isSignOutUnsaved = false
      })
    },
    async online () {
      coolDown.endOutage()
      await tokensFor(null).catch(() => {})
    },
    async close () {
      closing.abort()
      await refreshes.idle()
      await stored.inOrder(async () => {})
    }
  }
}
