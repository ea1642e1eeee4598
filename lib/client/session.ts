import type { TokenRecord, TokenSet } from '../stores/token-store.ts'
import { createTurnQueue } from '../stores/turn-queue.ts'
import type { RefreshError, SessionFault } from './errors.ts'
import { SessionError } from './errors.ts'
import { attemptRefresh } from './refresh-attempts.ts'
import type { SessionOptions, SessionState } from './session-options.ts'
import { resolveSessionOptions } from './session-options.ts'
import { TimeLimitError, within } from './time-limit.ts'

/**
 * The tokens of one user, or one client, at one resource: kept alive, and given to whoever needs the one to send. A token
 * that was refused is never given again, and one refresh token makes one token request at a time, however many ask.
 */
export interface Session {
  readonly state: SessionState
  /** Grows whenever there are other tokens, or none any more. */
  readonly generation: number
  /** How often this process renewed: tokens that another one got do not count. */
  readonly renewals: number
  /** After that the session cannot be renewed, in milliseconds since the epoch; `null` when nobody said. */
  readonly renewableUntil: number | null
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
  renew (rejected: string): Promise<TokenSet>
  /**
   * The token was rejected, and this caller may not ask for another one. When two renewed tokens in a row come to that
   * within a cool-down, no more are asked for until it is over: a resource that refuses every token must not use up a
   * session.
   */
  refuse (rejected: string): void
  /**
   * Begins a session, in the place of the one that is there. Whatever that one was doing is given up. Tokens without a
   * refresh token stay in memory and end when they expire.
   *
   * @throws SessionError when the store fails; the session that was there is then still there
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
   * No further token request is made, and no token is given any more; timers end. The answer to a request that was made
   * is still stored, as the refresh token may be used up by then. It may be called again.
   */
  close (): void
}

/** One renewal that is under way. */
interface Flight {
  readonly unwanted: AbortController
  readonly renewed: Promise<TokenSet>
  /** Resolves when an attempt failed and another one is to be made. */
  readonly faltered: Promise<null>
}

/** What a renewal knows of itself. */
interface Renewal {
  /** Of which sign-in it is. */
  readonly epoch: number
  readonly falter: () => void
  /** There are other tokens: whoever finds these dead, too, is not to wait for the same renewal. */
  readonly land: () => void
}

/** A write that others keep getting ahead of. */
const mostWrites = 20

/** Refused tokens that are remembered. They come back from nowhere but a store that went back in time. */
const mostRefused = 1000

/** @throws OptionError */
export function createSession (options: SessionOptions): Session {
  const { store, refresh, skewMs, attemptRules, renewalTimeoutMs, coolDownMs, isOnline, onChange, clock, wait } = resolveSessionOptions(options)
  const closing = new AbortController()
  const never = new AbortController().signal
  // What reads or writes on behalf of the host is done in the order in which it was asked for.
  const inOrder = createTurnQueue()

  let state: SessionState = 'starting'
  let generation = 0
  let renewals = 0
  /** What is known of the store. */
  let record: TokenRecord | null = null
  /** Tokens that no store is to see. */
  let unstored: TokenSet | null = null
  let dueAt = Infinity
  /** Why there are no tokens, when there are none. */
  let ending: SessionFault = 'not_signed_in'
  /** Grows with every sign-in and sign-out: what was begun before has no say any more. */
  let epoch = 0
  let signOuts = 0
  /** Those that are under way. */
  let signIns = 0
  /** A sign-out that the store does not know of: what it has is not to be taken for a session. */
  let signOutIsOwed = false
  let flight: Flight | null = null
  let reading: Promise<void> | null = null
  let coolDown: { until: number, fault: SessionFault, cause: unknown } | null = null
  let lastFutileAt = -Infinity
  /** Tokens that were got, and that the store did not take: the refresh token before them is used up. */
  let unsaved: { tokens: TokenSet, insteadOf: number } | null = null
  const refused = new Set<string>()
  /** The record of a session that ended, for as long as the store has it. */
  let deadGeneration: number | null = null

  const current = (): TokenSet | null => unstored ?? record?.tokens ?? null
  const enter = (next: SessionState): void => {
    if (next === state) return
    state = next
    onChange(next)
  }
  const hold = (next: TokenRecord | null, inMemory: TokenSet | null = null): void => {
    const before = current()
    record = next
    unstored = inMemory
    const tokens = current()
    if (tokens?.accessToken === before?.accessToken) return
    generation++
    const now = clock.now()
    const expiresAt = tokens?.expiresAt ?? Infinity
    dueAt = expiresAt - Math.min(skewMs, Math.max(0, expiresAt - now) / 2)
  }
  /** What the store has is what counts, unless it is a session that is known to be dead. */
  const adopt = (found: TokenRecord | null): void => {
    hold(found !== null && found.generation === deadGeneration ? { ...found, tokens: null } : found)
    if (current() !== null) enter('signed_in')
    else if (state !== 'over') enter('signed_out')
  }
  /** From here on there is no session, whatever the store says of this one. */
  const forget = (): void => {
    deadGeneration = record?.generation ?? null
    hold(record === null ? null : { ...record, tokens: null })
  }
  const end = (fault: SessionFault, cause?: unknown): SessionError => {
    ending = fault
    forget()
    enter('over')
    return new SessionError(fault, { cause })
  }
  const overtake = (): void => {
    epoch++
    flight?.unwanted.abort()
    flight = null
    coolDown = null
    lastFutileAt = -Infinity
    unsaved = null
  }
  const checkEpoch = ({ epoch: mine }: Renewal): void => {
    if (mine !== epoch) throw new SessionError(state === 'signed_in' ? 'superseded' : 'not_signed_in')
  }
  const isRenewable = (tokens: TokenSet): boolean => tokens.refreshToken !== null && clock.now() < (tokens.renewableUntil ?? Infinity)
  const isAlive = (tokens: TokenSet): boolean => !refused.has(tokens.accessToken) && clock.now() < (tokens.expiresAt ?? Infinity)

  const load = async (): Promise<void> => {
    if (closing.signal.aborted) throw new SessionError('closed')
    if (signOutIsOwed || current() !== null) return
    reading ??= inOrder(async () => {
      const mine = epoch
      const found = await withStore(async () => await store.read())
      if (mine === epoch && current() === null) adopt(found)
    }).finally(() => { reading = null })
    await reading
  }
  const withStore = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await within(renewalTimeoutMs, never, wait, work)
    } catch (cause) {
      throw new SessionError('store_failed', { cause })
    }
  }
  /** Writes over whatever is there, as whoever signs in or out has the last word. */
  const overwrite = async (tokens: TokenSet | null): Promise<TokenRecord | null> => await withStore(async () => {
    for (let writes = 0; writes < mostWrites; writes++) {
      const found = await store.read()
      if (tokens === null && (found === null || found.tokens === null)) return found
      const written = await store.write(tokens, found?.generation ?? null)
      if (written !== null) return written
    }
    throw new Error('others keep writing')
  })

  const cool = (fault: SessionFault, cause: unknown, untilAtLeast = 0): SessionError => {
    coolDown = { until: Math.max(clock.now() + coolDownMs, untilAtLeast), fault, cause }
    return new SessionError(fault, { retryAt: coolDown.until, cause })
  }

  const renewal = (): Flight => {
    if (flight !== null) return flight
    if (coolDown !== null && clock.now() < coolDown.until) {
      throw new SessionError(coolDown.fault, { retryAt: coolDown.until, cause: coolDown.cause })
    }
    const unwanted = new AbortController()
    let falter!: () => void
    const faltered = new Promise<null>(resolve => { falter = () => resolve(null) })
    const land = (): void => { if (flight === mine) flight = null }
    const mine: Flight = { unwanted, faltered, renewed: renewInTurn({ epoch, falter, land }, unwanted.signal).finally(() => land()) }
    flight = mine
    // Those who began it may be gone by the time it fails.
    mine.renewed.catch(() => {})
    return mine
  }

  const renewInTurn = async (renewal: Renewal, unwanted: AbortSignal): Promise<TokenSet> => {
    try {
      return await within(renewalTimeoutMs, unwanted, wait,
        async signal => await store.exclusively(async () => await renewOnce(renewal, signal), signal))
    } catch (error) {
      checkEpoch(renewal)
      if (error instanceof SessionError) throw error
      throw error instanceof TimeLimitError ? cool('renewal_unavailable', error) : new SessionError('store_failed', { cause: error })
    }
  }

  /** What the store has now, unless it is there because somebody signs in here: that is no renewal of ours. */
  const readForRenewal = async (renewal: Renewal): Promise<TokenRecord | null> => {
    const found = await store.read()
    if (signIns > 0) {
      await inOrder(async () => {})
      return await readForRenewal(renewal)
    }
    checkEpoch(renewal)
    return found
  }

  const renewOnce = async (renewal: Renewal, signal: AbortSignal): Promise<TokenSet> => {
    const found = await readForRenewal(renewal)
    signal.throwIfAborted()
    if (found?.generation !== record?.generation) {
      // Another process was here.
      adopt(found)
      const theirs = current()
      if (theirs !== null && isAlive(theirs)) {
        renewal.land()
        return theirs
      }
    }
    if (record === null || record.tokens === null) throw new SessionError(ending)
    const { tokens, generation: insteadOf } = record
    if (unsaved?.insteadOf === insteadOf) return await save(unsaved.tokens, insteadOf, renewal)
    if (!isRenewable(tokens)) throw end('session_expired')

    let answer: TokenSet
    try {
      answer = await attemptRefresh(refresh, tokens, attemptRules, signal, closing.signal, renewal.falter)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SessionError) throw error
      return await afterFailure(error as RefreshError, tokens, insteadOf, renewal)
    }
    checkEpoch(renewal)
    const keepsRefreshToken = answer.refreshToken === null
    const renewed: TokenSet = {
      ...answer,
      refreshToken: answer.refreshToken ?? tokens.refreshToken,
      scopes: answer.scopes ?? tokens.scopes,
      issuer: answer.issuer ?? tokens.issuer ?? null,
      renewableUntil: answer.renewableUntil ?? (keepsRefreshToken ? tokens.renewableUntil : null) ?? null
    }
    unsaved = { tokens: renewed, insteadOf }
    return await save(renewed, insteadOf, renewal)
  }

  const save = async (tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    const written = await store.write(tokens, insteadOf)
    checkEpoch(renewal)
    unsaved = null
    // Somebody else wrote though it was our turn. What is stored is what everybody has.
    if (written === null) return takeTheirs(await readForRenewal(renewal), renewal)
    hold(written)
    renewals++
    if (refused.has(tokens.accessToken)) throw cool('token_refused', undefined)
    coolDown = null
    renewal.land()
    return tokens
  }
  const takeTheirs = (found: TokenRecord | null, renewal: Renewal): TokenSet => {
    adopt(found)
    const tokens = current()
    if (tokens === null) throw new SessionError(ending)
    if (!isAlive(tokens)) throw new SessionError('renewal_unavailable')
    renewal.land()
    return tokens
  }
  const afterFailure = async (failure: RefreshError, tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    if (failure.outcome !== 'over') {
      throw cool(failure.outcome === 'keep' ? 'renewal_refused' : 'renewal_unavailable', failure, clock.now() + (failure.retryAfterMs ?? 0))
    }
    const found = await readForRenewal(renewal)
    // Another process used it up, and has what took its place.
    if (found !== null && found.tokens !== null && found.tokens.refreshToken !== tokens.refreshToken) return takeTheirs(found, renewal)
    record = found ?? record
    const error = end('session_over', failure)
    // When it cannot be written, what is read is not believed.
    await store.write(null, found?.generation ?? insteadOf).catch(() => null)
    throw error
  }

  const token = async (): Promise<TokenSet> => {
    await load()
    const tokens = current()
    if (tokens === null) throw new SessionError(ending)
    const isRefused = refused.has(tokens.accessToken)
    if (!isRenewable(tokens)) {
      if (isAlive(tokens)) return tokens
      throw end('session_expired')
    }
    if (!isRefused && clock.now() < dueAt) return tokens
    if (!isOnline()) {
      if (isAlive(tokens)) return tokens
      throw new SessionError('offline')
    }
    try {
      const { renewed, faltered } = renewal()
      const first = isRefused ? await renewed : await Promise.race([renewed, faltered])
      if (first !== null) return first
      return isAlive(tokens) && current() === tokens ? tokens : await renewed
    } catch (error) {
      const { needsAuthorization } = error as SessionError
      if (!needsAuthorization && isAlive(tokens) && current() === tokens) return tokens
      throw error
    }
  }

  const remember = (rejected: string): void => {
    refused.add(rejected)
    if (refused.size > mostRefused) refused.delete(refused.values().next().value!)
  }

  return {
    get state () { return current() !== null && !isRenewable(current()!) && !isAlive(current()!) ? 'over' : state },
    get generation () { return generation },
    get renewals () { return renewals },
    get renewableUntil () { return current()?.renewableUntil ?? null },
    async start () {
      await load()
      token().catch(() => {})
      return state
    },
    token,
    async renew (rejected) {
      remember(rejected)
      return await token()
    },
    refuse (rejected) {
      const isNew = !refused.has(rejected)
      remember(rejected)
      if (!isNew || current()?.accessToken !== rejected) return
      if (clock.now() < lastFutileAt + coolDownMs) cool('token_refused', undefined)
      lastFutileAt = clock.now()
    },
    async signIn (tokens) {
      if (closing.signal.aborted) throw new SessionError('closed')
      const before = signOuts
      signIns++
      await inOrder(async () => {
        const isLasting = tokens.refreshToken !== null
        const written = await overwrite(isLasting ? tokens : null)
        // Who signed out while that was written signed out of this, too.
        if (before !== signOuts) return
        overtake()
        signOutIsOwed = false
        hold(written, isLasting ? null : tokens)
        enter('signed_in')
      }).finally(() => { signIns-- })
    },
    async signOut () {
      const mine = ++signOuts
      overtake()
      ending = 'not_signed_in'
      signOutIsOwed = true
      forget()
      enter('signed_out')
      await inOrder(async () => {
        const written = await overwrite(null)
        if (mine !== signOuts) return
        signOutIsOwed = false
        record = written
      })
    },
    async online () {
      if (coolDown?.fault !== 'token_refused') coolDown = null
      await token().catch(() => {})
    },
    close () {
      closing.abort()
    }
  }
}
