import type { TokenRecord, TokenSet } from '../stores/token-store.ts'
import type { CoolDown } from './cool-down.ts'
import type { RefreshError } from './errors.ts'
import { SessionError } from './errors.ts'
import type { HeldTokens } from './held-tokens.ts'
import { attemptRefresh } from './refresh-attempts.ts'
import type { RefusedTokens } from './refused-tokens.ts'
import type { SessionRules } from './session-options.ts'
import type { StoreAccess } from './store-access.ts'
import { TimeLimitError, within } from './time-limit.ts'

/** One renewal that is under way. */
export interface Flight {
  readonly renewed: Promise<TokenSet>
  /** Resolves when an attempt failed and another one is to be made. */
  readonly faltered: Promise<null>
}

/** Renews what a session holds: one at a time here, and one at a time of all who share the store. */
export interface Renewals {
  /** How often this process renewed: tokens that another one got do not count. */
  readonly count: number
  /**
   * The renewal that is under way, or a new one.
   *
   * @throws SessionError in a cool-down
   */
  join (): Flight
  /** Nobody wants what is under way any more. */
  giveUp (): void
}

export interface RenewalsOptions extends Pick<SessionRules, 'store' | 'refresh' | 'attemptRules' | 'renewalTimeoutMs' | 'wait'> {
  readonly held: HeldTokens
  readonly stored: StoreAccess
  readonly refused: RefusedTokens
  readonly coolDown: CoolDown
  /** No further token request is to be made. */
  readonly closing: AbortSignal
}

/** What a renewal knows of itself. */
interface Renewal {
  /** Of which sign-in it is. */
  readonly epoch: number
  readonly falter: () => void
  /** There are other tokens: whoever finds these dead, too, is not to wait for the same renewal. */
  readonly land: () => void
}

export function createRenewals (options: RenewalsOptions): Renewals {
  const { store, refresh, attemptRules, renewalTimeoutMs, wait, held, stored, refused, coolDown, closing } = options
  let flight: Flight | null = null
  let unwanted = new AbortController()
  let count = 0
  /** Tokens that were got, and that the store did not take: the refresh token before them is used up. */
  let unsaved: { tokens: TokenSet, insteadOf: number } | null = null

  const inTurn = async (renewal: Renewal, signal: AbortSignal): Promise<TokenSet> => {
    try {
      return await within(renewalTimeoutMs, signal, wait,
        async inner => await store.exclusively(async () => await renewOnce(renewal, inner), inner))
    } catch (error) {
      held.checkEpoch(renewal.epoch)
      if (error instanceof SessionError) throw error
      throw error instanceof TimeLimitError ? coolDown.begin('renewal_unavailable', error) : new SessionError('store_failed', { cause: error })
    }
  }

  /** What the store has now, unless it is there because somebody signs in here: that is no renewal of ours. */
  const read = async ({ epoch }: Renewal): Promise<TokenRecord | null> => {
    const found = await stored.readSettled()
    held.checkEpoch(epoch)
    return found
  }

  const renewOnce = async (renewal: Renewal, signal: AbortSignal): Promise<TokenSet> => {
    const found = await read(renewal)
    signal.throwIfAborted()
    if (found?.generation !== held.record?.generation) {
      // Another process was here.
      held.adopt(found)
      const theirs = held.current
      if (theirs !== null && held.isAlive(theirs)) {
        renewal.land()
        return theirs
      }
    }
    const { record } = held
    if (record === null || record.tokens === null) throw new SessionError(held.ending)
    const { tokens, generation: insteadOf } = record
    if (unsaved?.insteadOf === insteadOf) return await save(unsaved.tokens, insteadOf, renewal)
    if (!held.isRenewable(tokens)) throw held.end('session_expired')

    let answer: TokenSet
    try {
      answer = await attemptRefresh(refresh, tokens, attemptRules, signal, closing, renewal.falter)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SessionError) throw error
      return await afterFailure(error as RefreshError, tokens, insteadOf, renewal)
    }
    held.checkEpoch(renewal.epoch)
    const renewed = mergedTokens(tokens, answer)
    unsaved = { tokens: renewed, insteadOf }
    return await save(renewed, insteadOf, renewal)
  }

  const save = async (tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    const written = await store.write(tokens, insteadOf)
    held.checkEpoch(renewal.epoch)
    unsaved = null
    // Somebody else wrote though it was our turn. What is stored is what everybody has.
    if (written === null) return takeTheirs(await read(renewal), renewal)
    held.hold(written)
    count++
    if (refused.has(tokens.accessToken)) throw coolDown.begin('token_refused', undefined)
    coolDown.end()
    renewal.land()
    return tokens
  }
  const takeTheirs = (found: TokenRecord | null, renewal: Renewal): TokenSet => {
    held.adopt(found)
    const tokens = held.current
    if (tokens === null) throw new SessionError(held.ending)
    if (!held.isAlive(tokens)) throw new SessionError('renewal_unavailable')
    renewal.land()
    return tokens
  }
  const afterFailure = async (failure: RefreshError, tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    if (failure.outcome !== 'over') {
      throw coolDown.begin(failure.outcome === 'keep' ? 'renewal_refused' : 'renewal_unavailable', failure, failure.retryAfterMs ?? 0)
    }
    const found = await read(renewal)
    // Another process used it up, and has what took its place.
    if (found !== null && found.tokens !== null && found.tokens.refreshToken !== tokens.refreshToken) return takeTheirs(found, renewal)
    held.know(found ?? held.record)
    const error = held.end('session_over', failure)
    // When it cannot be written, what is read is not believed.
    await store.write(null, found?.generation ?? insteadOf).catch(() => null)
    throw error
  }

  return {
    get count () { return count },
    join () {
      if (flight !== null) return flight
      coolDown.check()
      unwanted = new AbortController()
      let falter!: () => void
      const faltered = new Promise<null>(resolve => { falter = () => resolve(null) })
      const land = (): void => { if (flight === mine) flight = null }
      const renewal: Renewal = { epoch: held.epoch, falter, land }
      const mine: Flight = { faltered, renewed: inTurn(renewal, unwanted.signal).finally(land) }
      flight = mine
      // Those who began it may be gone by the time it fails.
      mine.renewed.catch(() => {})
      return mine
    },
    giveUp () {
      if (flight !== null) unwanted.abort()
      flight = null
      unsaved = null
    }
  }
}

/** What an answer says, over what was known before: what it does not say has not changed (RFC 6749 sections 5.1 and 6). */
function mergedTokens (before: TokenSet, answer: TokenSet): TokenSet {
  const keepsRefreshToken = answer.refreshToken === null
  return {
    ...answer,
    refreshToken: answer.refreshToken ?? before.refreshToken,
    scopes: answer.scopes ?? before.scopes,
    issuer: answer.issuer ?? before.issuer ?? null,
    renewableUntil: answer.renewableUntil ?? (keepsRefreshToken ? before.renewableUntil : null) ?? null
  }
}
