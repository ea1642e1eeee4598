import type { Clock } from '../../clock.ts'
import type { TokenRecord, TokenSet } from '../../stores/tokens/token-store.ts'
import type { SessionErrorCode } from '../../errors/client-errors.ts'
import { SessionError } from '../../errors/client-errors.ts'
import type { RefusedTokens } from './refused-tokens.ts'
import type { SessionState } from './session-options.ts'

/** What a session has in its hands, and what state that makes it. */
export interface TokenState {
  readonly state: SessionState
  /** Grows whenever there are other tokens, or none any more. */
  readonly generation: number
  /** Grows with every sign-in and sign-out: what was begun before has no say any more. */
  readonly epoch: number
  readonly current: TokenSet | null
  /** What is known of the store. */
  readonly record: TokenRecord | null
  /** Why there are no tokens, when there are none. */
  readonly ending: SessionErrorCode
  isRenewable (tokens: TokenSet): boolean
  isAlive (tokens: TokenSet): boolean
  /** Whether the current ones are to be renewed. */
  isDue (): boolean
  /** Takes what the store has now; `inMemory` are tokens that no store is to see. */
  hold (record: TokenRecord | null, inMemory?: TokenSet | null): void
  /** How long they are alive, in milliseconds. */
  lifeLeft (tokens: TokenSet): number
  /** What the store has is what counts, unless it is a session that is known to be dead. */
  replace (found: TokenRecord | null): void
  /** The store has something else, which changes nothing here. */
  setRecord (record: TokenRecord | null): void
  /** Another session, or none, is to come. */
  beginEpoch (): void
  /** @throws SessionError when that is over */
  checkEpoch (epoch: number): void
  signedIn (record: TokenRecord | null, inMemory: TokenSet | null): void
  signedOut (): void
  /**
   * There is no session from here on, whatever the store says of this one.
   *
   * @returns what to tell whoever asked
   */
  end (code: SessionErrorCode, cause?: unknown): SessionError
}

export interface HeldTokensOptions {
  readonly skewMs: number
  readonly refused: RefusedTokens
  readonly onChange: (state: SessionState) => void
  readonly clock: Clock
}

export function createTokenState ({ skewMs, refused, onChange, clock }: HeldTokensOptions): TokenState {
  let state: SessionState = 'starting'
  let generation = 0
  let epoch = 0
  let record: TokenRecord | null = null
  let unstored: TokenSet | null = null
  let dueAt = Infinity
  let ending: SessionErrorCode = 'FST_OAUTH_NOT_SIGNED_IN'
  /** The record of a session that ended, for as long as the store has it. */
  let deadGeneration: number | null = null

  const current = (): TokenSet | null => unstored ?? record?.tokens ?? null
  const enter = (next: SessionState): void => {
    if (next === state) return
    state = next
    try {
      onChange(next)
    } catch (error) {
      // A session that is half ended would be worse than a bug of the host, which is seen where such bugs are.
      queueMicrotask(() => { throw error })
    }
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
  const forget = (): void => {
    deadGeneration = record?.generation ?? null
    hold(record === null ? null : { ...record, tokens: null })
  }
  const isRenewable = (tokens: TokenSet): boolean => tokens.refreshToken !== null && clock.now() < (tokens.refreshableUntil ?? Infinity)
  const expiryOf = ({ expiresAt }: TokenSet): number => expiresAt ?? Infinity
  const isAlive = (tokens: TokenSet): boolean => !refused.has(tokens.accessToken) && clock.now() < expiryOf(tokens)

  return {
    get state () { return unstored !== null && !isAlive(unstored) ? 'over' : state },
    get generation () { return generation },
    get epoch () { return epoch },
    get current () { return current() },
    get record () { return record },
    get ending () { return ending },
    isRenewable,
    isAlive,
    isDue: () => clock.now() >= dueAt,
    lifeLeft: tokens => isAlive(tokens) ? expiryOf(tokens) - clock.now() : 0,
    hold,
    replace (found) {
      hold(found !== null && found.generation === deadGeneration ? { ...found, tokens: null } : found)
      if (current() !== null) enter('signed_in')
      else if (state !== 'over') enter('signed_out')
    },
    setRecord (found) { record = found },
    beginEpoch () { epoch++ },
    checkEpoch (mine) {
      if (mine !== epoch) throw new SessionError(state === 'signed_in' ? 'FST_OAUTH_SUPERSEDED' : 'FST_OAUTH_NOT_SIGNED_IN')
    },
    signedIn (written, inMemory) {
      hold(written, inMemory)
      enter('signed_in')
    },
    signedOut () {
      ending = 'FST_OAUTH_NOT_SIGNED_IN'
      forget()
      enter('signed_out')
    },
    end (code, cause) {
      ending = code
      forget()
      enter('over')
      return new SessionError(code, { cause })
    }
  }
}
