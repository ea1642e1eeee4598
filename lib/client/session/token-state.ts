import type { Clock } from '../../clock.ts'
import type { SessionErrorCode } from '../../errors/client-errors.ts'
import { SessionError } from '../../errors/client-errors.ts'
import type { TokenRecord, TokenSet } from '../../stores/tokens/token-store.ts'
import type { SessionState } from './session-options.ts'

/** The tokens of a session in memory, and the state of the session that follows from them. */
export interface TokenState {
  readonly state: SessionState
  /** Grows with every change of the access token. */
  readonly generation: number
  /** Grows with every sign-in and sign-out: a refresh that began before no longer counts. */
  readonly epoch: number
  readonly current: TokenSet | null
  /** The record of the store, as far as this process knows it. */
  readonly record: TokenRecord | null
  /** Why there are no tokens, when there are none. */
  readonly ending: SessionErrorCode
  isRefreshable (tokens: TokenSet): boolean
  isExpired (tokens: TokenSet): boolean
  /** Whether a resource rejected this access token. */
  isRejected (tokens: TokenSet): boolean
  reject (accessToken: string): void
  /** Whether the current access token is to be refreshed: soon to expire, expired, or rejected. */
  isDue (): boolean
  /** Milliseconds until the tokens expire; 0 when they have. */
  lifeLeft (tokens: TokenSet): number
  /** Takes the record that this process wrote. */
  set (record: TokenRecord): void
  /** Takes the record that another process wrote, unless it is that of a session known to be over. */
  replace (found: TokenRecord | null): void
  /** Notes a record of the store that changes nothing in memory. */
  setRecord (record: TokenRecord | null): void
  /** Whether the store lost writes: its record is older than the known one, and of the same sign-in or an earlier one. */
  isOlder (found: TokenRecord | null): boolean
  beginEpoch (): void
  /** @throws SessionError when a sign-in or sign-out has begun another epoch */
  checkEpoch (epoch: number): void
  signedIn (record: TokenRecord | null, inMemory: TokenSet | null): void
  signedOut (): void
  /** A refresh succeeded. */
  refreshed (): void
  /** The user has to sign in, although the refresh token is kept: a later refresh may still succeed. */
  signInNeeded (): void
  /**
   * Ends the session in this process, even if the store still has a record of it.
   *
   * @returns the error for the caller
   */
  end (code: SessionErrorCode, cause?: unknown): SessionError
}

export interface TokenStateOptions {
  readonly skewMs: number
  /** Whether the session gets new tokens without a refresh token: by a grant of the client's own. */
  readonly usesGrant: boolean
  readonly onChange: (state: SessionState) => void
  readonly clock: Clock
}

/** Rejected access tokens that are remembered. */
const mostRejected = 1000

export function createTokenState ({ skewMs, usesGrant, onChange, clock }: TokenStateOptions): TokenState {
  let state: SessionState = 'starting'
  let generation = 0
  let epoch = 0
  let record: TokenRecord | null = null
  let unstored: TokenSet | null = null
  let dueAt = Infinity
  let ending: SessionErrorCode = 'FST_OAUTH_SESSION_NOT_SIGNED_IN'
  /** The record of a session that is over, for as long as the store has it. */
  let overGeneration: number | null = null
  /** The first record that this process knows of the session. */
  let firstGeneration = Infinity
  const rejected = new Set<string>()

  const current = (): TokenSet | null => unstored ?? record?.tokens ?? null
  const enter = (next: SessionState): void => {
    if (next === state) return
    state = next
    try {
      onChange(next)
    } catch (error) {
      // The session must not stop halfway; the error of the host becomes an uncaught exception.
      queueMicrotask(() => { throw error })
    }
  }
  const set = (next: TokenRecord | null, inMemory: TokenSet | null = null): void => {
    const before = current()
    record = next
    unstored = inMemory
    const tokens = current()
    if (before === null) firstGeneration = next?.generation ?? Infinity
    const isSameToken = tokens?.accessToken === before?.accessToken
    if (!isSameToken) generation++
    // A response may extend the access token that it repeats.
    if (isSameToken && tokens?.expiresAt === before?.expiresAt) return
    const now = clock.now()
    const expiresAt = tokens?.expiresAt ?? Infinity
    dueAt = expiresAt - Math.min(skewMs, Math.max(0, expiresAt - now) / 2)
  }
  const forget = (): void => {
    overGeneration = record?.generation ?? null
    set(record === null ? null : { ...record, tokens: null })
  }
  const expiryOf = ({ expiresAt }: TokenSet): number => expiresAt ?? Infinity
  const isExpired = (tokens: TokenSet): boolean => clock.now() >= expiryOf(tokens)
  const isRejected = ({ accessToken }: TokenSet): boolean => rejected.has(accessToken)

  return {
    get state () { return unstored !== null && isExpired(unstored) ? 'over' : state },
    get generation () { return generation },
    get epoch () { return epoch },
    get current () { return current() },
    get record () { return record },
    get ending () { return ending },
    isRefreshable: ({ refreshToken, refreshableUntil }) => usesGrant || (refreshToken !== null && clock.now() < (refreshableUntil ?? Infinity)),
    isExpired,
    isRejected,
    reject (accessToken) {
      rejected.add(accessToken)
      if (rejected.size > mostRejected) rejected.delete(rejected.values().next().value!)
    },
    isDue: () => clock.now() >= dueAt || isRejected(current()!),
    lifeLeft: tokens => Math.max(0, expiryOf(tokens) - clock.now()),
    set: record => set(record),
    replace (found) {
      set(found !== null && found.generation === overGeneration ? { ...found, tokens: null } : found)
      if (current() !== null) enter('signed_in')
      else if (state !== 'over') enter('signed_out')
    },
    setRecord (found) { record = found },
    isOlder: found => record !== null && found !== null && found.generation < record.generation &&
      (found.tokens !== null || found.generation < firstGeneration),
    beginEpoch () { epoch++ },
    checkEpoch (mine) {
      if (mine !== epoch) throw new SessionError(state === 'signed_in' ? 'FST_OAUTH_SESSION_SUPERSEDED' : 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
    },
    signedIn (written, inMemory) {
      set(written, inMemory)
      firstGeneration = written?.generation ?? Infinity
      enter('signed_in')
    },
    signedOut () {
      ending = 'FST_OAUTH_SESSION_NOT_SIGNED_IN'
      forget()
      enter('signed_out')
    },
    refreshed () { enter('signed_in') },
    signInNeeded () { enter('over') },
    end (code, cause) {
      ending = code
      forget()
      enter('over')
      return new SessionError(code, { cause })
    }
  }
}
