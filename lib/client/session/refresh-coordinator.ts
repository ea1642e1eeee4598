import type { TokenRecord, TokenSet } from '../../stores/tokens/token-store.ts'
import { TimeLimitError } from '../../time-limit.ts'
import { RefreshError, SessionError, rotationOf } from '../../errors/client-errors.ts'
import { isSendable } from '../oauth/token-response.ts'
import type { CoolDown } from './refresh-retries.ts'
import { refreshWithRetries } from './refresh-retries.ts'
import type { SessionSettings } from './session-options.ts'
import type { StoreAccess } from './store-access.ts'
import { withAnySignal, within } from './time-limit.ts'
import type { TokenState } from './token-state.ts'

/** One refresh that is under way. */
export interface RefreshAttempt {
  readonly refreshed: Promise<TokenSet>
  /** Resolves when callers with an unexpired token stop waiting: a token request failed, or the refresh takes long. */
  readonly delayed: Promise<null>
}

/** Refreshes the tokens of a session: one refresh at a time in this process, and among all processes that share the store. */
export interface RefreshCoordinator {
  /** How often this process refreshed; refreshes of other processes do not count. */
  readonly count: number
  /**
   * The refresh that is under way, or a new one.
   *
   * @throws SessionError in a cool-down
   */
  join (): RefreshAttempt
  /** Aborts a pending refresh: a sign-in or sign-out has replaced the session. */
  abandon (): void
  /** Settles when no refresh is under way: the last response is stored. */
  idle (): Promise<void>
}

export interface RefreshCoordinatorOptions extends Pick<SessionSettings, 'store' | 'refresh' | 'retry' | 'totalTimeoutMs' | 'wait'> {
  readonly state: TokenState
  readonly stored: StoreAccess
  readonly coolDown: CoolDown
  /** No further token request is made. */
  readonly closing: AbortSignal
}

interface Running {
  /** The sign-in that it belongs to. */
  readonly epoch: number
  readonly delay: () => void
  /** New tokens are there: a caller who finds them rejected starts another refresh. */
  readonly release: () => void
}

/** How long callers with an unexpired token wait for a refresh, or half of its remaining life when that is shorter. */
const patienceMs = 2000

/** Writes that bring a store which went back in time up to the generation that this process knows. */
const mostRestoringWrites = 100

export function createRefreshCoordinator (options: RefreshCoordinatorOptions): RefreshCoordinator {
  const { store, refresh, retry, totalTimeoutMs, wait, state, stored, coolDown, closing } = options
  let current: RefreshAttempt | null = null
  let unwanted: AbortController | null = null
  let count = 0
  const running = new Set<Promise<unknown>>()
  /** New tokens that the store did not take: the refresh token before them is used up. */
  let unsaved: { tokens: TokenSet, insteadOf: number, isComplete: boolean } | null = null

  const inTurn = async (run: Running, signal: AbortSignal): Promise<TokenSet> => {
    try {
      const tokens = await within(totalTimeoutMs, signal, wait, async inner => {
        const lifeMs = state.lifeLeft(state.current!)
        if (lifeMs > 0) wait(Math.min(patienceMs, lifeMs / 2), inner).then(run.delay, () => {})
        return await exclusively(async () => await refreshOnce(run, inner), inner)
      })
      // The user may have signed out while the lock was given back.
      state.checkEpoch(run.epoch)
      return tokens
    } catch (error) {
      state.checkEpoch(run.epoch)
      if (error instanceof SessionError) throw error
      throw error instanceof TimeLimitError ? coolDown.begin('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', error) : new SessionError('FST_OAUTH_SESSION_STORE_FAILED', { cause: error })
    }
  }

  /** A session that is closed stops waiting for its turn; work that began is finished, so that its result is stored. */
  const exclusively = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    let hasBegun = false
    const begin = async (): Promise<T> => {
      hasBegun = true
      const result = work()
      running.add(result)
      return await result.finally(() => running.delete(result))
    }
    return await withAnySignal([signal, closing], async waiting => await store.exclusively(begin, waiting)).catch((error: unknown) => {
      if (!hasBegun && closing.aborted) throw new SessionError('FST_OAUTH_SESSION_CLOSED')
      throw error
    })
  }

  /** The record of the store once no sign-in of this process is being written. */
  const read = async ({ epoch }: Running): Promise<TokenRecord | null> => {
    const found = await stored.readSettled()
    state.checkEpoch(epoch)
    return found
  }

  /** Writes, also over the older record of a store that went back in time (a restored backup, a replica that lagged). */
  const write = async (tokens: TokenSet, insteadOf: number, run: Running): Promise<TokenRecord | null> => {
    const written = await store.write(tokens, insteadOf)
    state.checkEpoch(run.epoch)
    if (written !== null) return written
    const found = await read(run)
    return state.isOlder(found) ? await restore(tokens, found!, insteadOf, run) : null
  }
  /** Other processes compare generations, so the record gets one above the last that was known. */
  const restore = async (tokens: TokenSet, { generation }: TokenRecord, last: number, run: Running): Promise<TokenRecord | null> => {
    let written: TokenRecord | null = null
    for (let at = Math.max(generation, last - mostRestoringWrites); at <= last; at++) {
      written = await store.write(tokens, written?.generation ?? generation)
      state.checkEpoch(run.epoch)
      if (written === null) return null
    }
    return written
  }

  const refreshOnce = async (run: Running, signal: AbortSignal): Promise<TokenSet> => {
    const found = await read(run)
    signal.throwIfAborted()
    if (state.isOlder(found)) {
      const { tokens, generation } = state.record!
      const restored = await restore(tokens!, found!, generation, run)
      if (restored === null) return useStoredTokens(await read(run), run)
      if (unsaved?.insteadOf === generation) unsaved = { ...unsaved, insteadOf: restored.generation }
      state.set(restored)
    } else if (found?.generation !== state.record?.generation) {
      state.replace(found)
      const theirs = state.current
      if (theirs !== null && isUsable(theirs)) {
        run.release()
        return theirs
      }
    }
    const { record } = state
    if (record === null || record.tokens === null) throw new SessionError(state.ending)
    const { tokens, generation: insteadOf } = record
    if (unsaved?.insteadOf === insteadOf) {
      const { tokens: unsavedTokens, isComplete } = unsaved
      if (isComplete) return await save(unsavedTokens, insteadOf, run)
      // Only the refresh token is new.
      await keep(unsavedTokens, insteadOf, run)
      return await refreshOnce(run, signal)
    }
    if (!state.isRefreshable(tokens)) throw state.end('FST_OAUTH_SESSION_EXPIRED')

    let answer: TokenSet
    try {
      answer = await refreshWithRetries(refresh, tokens, retry, signal, closing, run.delay)
      if (!isSendable(answer.accessToken)) {
        throw new RefreshError('keep', { message: 'the access token contains characters that no header can hold', rotatedTo: answer.refreshToken })
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SessionError) throw error
      return await afterFailure(error as RefreshError, tokens, insteadOf, run)
    }
    state.checkEpoch(run.epoch)
    const merged = mergeTokens(tokens, answer)
    unsaved = { tokens: merged, insteadOf, isComplete: true }
    return await save(merged, insteadOf, run)
  }

  const isUsable = (tokens: TokenSet): boolean => !state.isExpired(tokens) && !state.isRejected(tokens)

  /** @returns false when another process wrote first */
  const keep = async (tokens: TokenSet, insteadOf: number, run: Running): Promise<boolean> => {
    const written = await write(tokens, insteadOf, run)
    unsaved = null
    if (written !== null) state.set(written)
    return written !== null
  }
  const save = async (tokens: TokenSet, insteadOf: number, run: Running): Promise<TokenSet> => {
    // The store decides which tokens all processes use.
    if (!await keep(tokens, insteadOf, run)) return useStoredTokens(await read(run), run)
    count++
    if (state.isRejected(tokens)) throw coolDown.begin('FST_OAUTH_SESSION_TOKEN_REJECTED', undefined)
    coolDown.end()
    state.refreshed()
    run.release()
    return tokens
  }
  const useStoredTokens = (found: TokenRecord | null, run: Running): TokenSet => {
    state.replace(found)
    const tokens = state.current
    if (tokens === null) throw new SessionError(state.ending)
    if (!isUsable(tokens)) throw new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
    run.release()
    return tokens
  }
  const afterFailure = async (failure: RefreshError, tokens: TokenSet, insteadOf: number, run: Running): Promise<TokenSet> => {
    if (failure.outcome !== 'over') {
      const refreshToken = rotationOf(failure)
      if (refreshToken !== null && refreshToken !== tokens.refreshToken) {
        const rotated = { ...tokens, refreshToken }
        unsaved = { tokens: rotated, insteadOf, isComplete: false }
        await keep(rotated, insteadOf, run).catch(() => { state.checkEpoch(run.epoch) })
      }
      throw coolDown.begin(failure.outcome === 'keep' ? 'FST_OAUTH_SESSION_REFRESH_REFUSED' : 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', failure, failure.retryAfterMs ?? 0)
    }
    const found = await read(run)
    // Another process used the refresh token, and its tokens replace ours.
    if (found !== null && found.tokens !== null && found.tokens.refreshToken !== tokens.refreshToken && !state.isOlder(found)) return useStoredTokens(found, run)
    state.setRecord(found ?? state.record)
    const error = state.end('FST_OAUTH_SESSION_OVER', failure)
    // If this write fails, the record of the ended session stays in the store; token-state ignores it by its generation.
    await store.write(null, found?.generation ?? insteadOf).catch(() => {})
    throw error
  }

  return {
    get count () { return count },
    join () {
      if (current !== null) return current
      coolDown.check()
      unwanted = new AbortController()
      let delay!: () => void
      const delayed = new Promise<null>(resolve => { delay = () => resolve(null) })
      const release = (): void => { if (current === mine) current = null }
      const run: Running = { epoch: state.epoch, delay, release }
      const mine: RefreshAttempt = { delayed, refreshed: inTurn(run, unwanted.signal).finally(release) }
      current = mine
      // When it fails, all callers may have stopped waiting, and the rejection must not be unhandled.
      mine.refreshed.catch(() => {})
      return mine
    },
    abandon () {
      unwanted?.abort()
      current = null
      unsaved = null
    },
    async idle () { await Promise.allSettled(running) }
  }
}

/** Members that the response does not have are unchanged (RFC 6749 sections 5.1 and 6). */
function mergeTokens (before: TokenSet, answer: TokenSet): TokenSet {
  const keepsRefreshToken = answer.refreshToken === null
  return {
    ...answer,
    refreshToken: answer.refreshToken ?? before.refreshToken,
    scopes: answer.scopes ?? before.scopes,
    issuer: answer.issuer ?? before.issuer ?? null,
    refreshableUntil: answer.refreshableUntil ?? (keepsRefreshToken ? before.refreshableUntil : null) ?? null
  }
}
