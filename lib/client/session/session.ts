import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { createCoolDown } from './cool-down.ts'
import { SessionError } from '../../errors/client-errors.ts'
import { createTokenState } from './token-state.ts'
import { createRefusedTokens } from './refused-tokens.ts'
import { createRefreshCoordinator } from './refresh-coordinator.ts'
import type { SessionOptions, SessionState } from './session-options.ts'
import { resolveSessionOptions } from './session-options.ts'
import { createStoreAccess } from './store-access.ts'
import { isSendable } from '../oauth/token-response.ts'

/**
 * The tokens of one user, or one client, at one resource: kept alive, and given to whoever needs the one to send. A token
 * that was refused is never given again, and one refresh token makes one token request at a time, however many ask.
 */
export interface Session {
  readonly state: SessionState
  /** Grows whenever there are other tokens, or none any more. */
  readonly generation: number
  /** How often this process renewed: tokens that another one got do not count. */
  readonly refreshes: number
  /** After that the session cannot be renewed, in milliseconds since the epoch; `null` when nobody said. */
  readonly refreshableUntil: number | null
  /**
   * Reads the store and begins a renewal that is due, without waiting for it: an authorization server that hangs does
   * not keep anything from starting. What is asked for later shares that renewal.
   *
   * @throws SessionError when the store fails
   */
  start (): Promise<SessionState>
  /**
   * The token to send; renewed first when it is due. A renewal that fails, and not by a refusal, leaves the token in use
   * for as long as it is alive.
   *
   * @throws SessionError
   */
  token (): Promise<TokenSet>
  /**
   * Another token than the one that was rejected: the current one when that was replaced meanwhile, else a renewed one.
   *
   * @throws SessionError
   */
  refresh (rejected: string): Promise<TokenSet>
  /**
   * The token was rejected, and this caller may not ask for another one. When two renewed tokens in a row come to that
   * within a cool-down, no more are asked for until it is over: a resource that refuses every token must not use up a
   * session.
   *
   * @returns the token that took its place meanwhile, `null` where none did
   */
  refuse (rejected: string): TokenSet | null
  /**
   * Begins a session, in the place of the one that is there. Whatever that one was doing is given up. Tokens without a
   * refresh token stay in memory and end when they expire.
   *
   * @throws SessionError when the store fails; the session that was there is then still there
   * @throws TypeError for an access token that no header can hold
   */
  signIn (tokens: TokenSet): Promise<void>
  /**
   * Ends the session, at once as far as this process goes.
   *
   * @throws SessionError when the store fails; it may be called again then
   */
  signOut (): Promise<void>
  /** The network is back: ends a cool-down, and makes the renewal that is due. It never throws. */
  online (): Promise<void>
  /**
   * No further token request is made, and no token is given any more; nothing keeps the process from ending but a request
   * that was made. The answer to that is still stored, as the refresh token may be used up by then. It may be called
   * again.
   */
  close (): void
}

/** @throws OptionError */
export function createSession (options: SessionOptions): Session {
  const closing = new AbortController()
  const rules = resolveSessionOptions(options, closing.signal)
  const { store, skewMs, totalTimeoutMs, coolDownMs, isOnline, onChange, clock, wait } = rules
  const refused = createRefusedTokens()
  const held = createTokenState({ skewMs, refused, onChange, clock })
  const stored = createStoreAccess(store, totalTimeoutMs, wait)
  const coolDown = createCoolDown(coolDownMs, clock)
  const renewals = createRefreshCoordinator({ ...rules, held, stored, refused, coolDown, closing: closing.signal })
  let signOuts = 0
  /** A sign-out that the store does not know of: what it has is not to be taken for a session. */
  let signOutIsOwed = false
  let reading: Promise<void> | null = null
  let looking: Promise<void> | null = null

  const overtake = (): void => {
    held.beginEpoch()
    renewals.giveUp()
    coolDown.reset()
  }

  const load = async (): Promise<void> => {
    if (closing.signal.aborted) throw new SessionError('FST_OAUTH_CLOSED')
    if (signOutIsOwed || held.current !== null) return
    reading ??= stored.inOrder(async () => {
      const { epoch } = held
      const found = await stored.read()
      if (epoch === held.epoch && held.current === null) held.replace(found)
    }).finally(() => { reading = null })
    await reading
  }

  /** Another process may have renewed what is dead here. */
  const lookAgain = async (): Promise<void> => {
    looking ??= stored.inOrder(async () => {
      const { epoch, record } = held
      const found = await stored.read()
      if (epoch === held.epoch && record === held.record && found?.generation !== record?.generation) held.replace(found)
    }).finally(() => { looking = null })
    await looking
  }

  const isStillGood = ({ accessToken }: TokenSet): boolean => held.current?.accessToken === accessToken && held.isAlive(held.current)

  const token = async (): Promise<TokenSet> => {
    await load()
    if (held.current !== null && !held.isRenewable(held.current) && !held.isAlive(held.current)) await lookAgain()
    const tokens = held.current
    if (tokens === null) throw new SessionError(held.ending)
    const isRefused = refused.has(tokens.accessToken)
    if (!held.isRenewable(tokens)) {
      if (held.isAlive(tokens)) return tokens
      throw held.end('FST_OAUTH_SESSION_EXPIRED')
    }
    if (!isRefused && !held.isDue()) return tokens
    if (!isOnline()) {
      if (held.isAlive(tokens)) return tokens
      throw new SessionError('FST_OAUTH_OFFLINE')
    }
    try {
      const { renewed, faltered } = renewals.join()
      const first = isRefused ? await renewed : await Promise.race([renewed, faltered])
      if (first !== null) return first
      return isStillGood(tokens) ? tokens : await renewed
    } catch (error) {
      const { needsAuthorization } = error as SessionError
      if (!needsAuthorization && isStillGood(tokens)) return tokens
      throw error
    }
  }

  return {
    get state () { return held.state },
    get generation () { return held.generation },
    get refreshes () { return renewals.count },
    get refreshableUntil () { return held.current?.refreshableUntil ?? null },
    async start () {
      await load()
      token().catch(() => {})
      return held.state
    },
    token,
    async refresh (rejected) {
      refused.add(rejected)
      return await token()
    },
    refuse (rejected) {
      const isNew = refused.add(rejected)
      const tokens = held.current
      if (isNew && tokens?.accessToken === rejected) coolDown.tokenWasFutile()
      return tokens !== null && held.isAlive(tokens) ? tokens : null
    },
    async signIn (tokens) {
      if (closing.signal.aborted) throw new SessionError('FST_OAUTH_CLOSED')
      // What it would be sent in says so, too, and repeats it.
      if (!isSendable(tokens.accessToken)) throw new TypeError('the access token is of characters that cannot be sent')
      const before = signOuts
      await stored.signingIn(async () => {
        const isLasting = tokens.refreshToken !== null
        const written = await stored.overwrite(isLasting ? tokens : null)
        // Who signed out while that was written signed out of this, too.
        if (before !== signOuts) return
        overtake()
        signOutIsOwed = false
        held.signedIn(written, isLasting ? null : tokens)
      })
    },
    async signOut () {
      const mine = ++signOuts
      overtake()
      signOutIsOwed = true
      held.signedOut()
      await stored.inOrder(async () => {
        const written = await stored.overwrite(null)
        if (mine !== signOuts) return
        signOutIsOwed = false
        held.setRecord(written)
      })
    },
    async online () {
      coolDown.endOutage()
      await token().catch(() => {})
    },
    close () {
      closing.abort()
    }
  }
}
