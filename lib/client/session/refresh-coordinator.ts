import type { TokenRecord, TokenSet } from '../../stores/tokens/token-store.ts'
import { TimeLimitError } from '../../time-limit.ts'
import type { CoolDown } from './cool-down.ts'
import { RefreshError, SessionError, rotationOf } from '../../errors/client-errors.ts'
import type { TokenState } from './token-state.ts'
import { attemptRefresh } from './refresh-attempts.ts'
import type { RefusedTokens } from './refused-tokens.ts'
import type { SessionRules } from './session-options.ts'
import type { StoreAccess } from './store-access.ts'
import { isSendable } from '../oauth/token-response.ts'
import { withEither, within } from './time-limit.ts'

/** One renewal that is under way. */
export interface RefreshAttempt {
  readonly renewed: Promise<TokenSet>
  /** Resolves when an attempt failed and another one is to be made, or it takes longer than a token that is alive should wait. */
  readonly faltered: Promise<null>
}

/** Renews what a session holds: one at a time here, and one at a time of all who share the store. */
export interface RefreshCoordinator {
  /** How often this process renewed: tokens that another one got do not count. */
  readonly count: number
  /**
   * The renewal that is under way, or a new one.
   *
   * @throws SessionError in a cool-down
   */
  join (): RefreshAttempt
  /** Nobody wants what is under way any more. */
  giveUp (): void
}

export interface RenewalsOptions extends Pick<SessionRules, 'store' | 'refresh' | 'attemptRules' | 'totalTimeoutMs' | 'wait'> {
  readonly held: TokenState
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
  /** It came to an end, whatever that is. */
  readonly landed: AbortSignal
  /** There are other tokens: whoever finds these dead, too, is not to wait for the same renewal. */
  readonly land: () => void
}

/**
 * For how long those wait who have a token that is alive, or for half of its life when that is shorter: who renews may be
 * another process, and dead.
 */
const patienceMs = 2000

export function createRefreshCoordinator (options: RenewalsOptions): RefreshCoordinator {
  const { store, refresh, attemptRules, totalTimeoutMs, wait, held, stored, refused, coolDown, closing } = options
  let flight: RefreshAttempt | null = null
  let unwanted = new AbortController()
  let count = 0
  /** Tokens that were got, and that the store did not take: the refresh token before them is used up. */
  let unsaved: { tokens: TokenSet, insteadOf: number, isRenewed: boolean } | null = null

  const inTurn = async (renewal: Renewal, signal: AbortSignal): Promise<TokenSet> => {
    const lifeMs = held.lifeLeft(held.current!)
    if (lifeMs > 0) wait(Math.min(patienceMs, lifeMs / 2), renewal.landed).then(renewal.falter, () => {})
    try {
      return await within(totalTimeoutMs, signal, wait, async inner => await whenItIsOurTurn(async () => await renewOnce(renewal, inner), inner))
    } catch (error) {
      held.checkEpoch(renewal.epoch)
      if (error instanceof SessionError) throw error
      throw error instanceof TimeLimitError ? coolDown.begin('FST_OAUTH_RENEWAL_UNAVAILABLE', error) : new SessionError('FST_OAUTH_STORE_FAILED', { cause: error })
    }
  }

  /** A session that is closed waits for no turn, and what is begun is finished. */
  const whenItIsOurTurn = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    let isOurs = false
    return await withEither([signal, closing], async waiting => await store.exclusively(async () => {
      isOurs = true
      return await work()
    }, waiting)).catch((error: unknown) => {
      if (!isOurs && closing.aborted) throw new SessionError('FST_OAUTH_CLOSED')
      throw error
    })
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
      held.replace(found)
      const theirs = held.current
      if (theirs !== null && held.isAlive(theirs)) {
        renewal.land()
        return theirs
      }
    }
    const { record } = held
    if (record === null || record.tokens === null) throw new SessionError(held.ending)
    const { tokens, generation: insteadOf } = record
    if (unsaved?.insteadOf === insteadOf) {
      const { tokens: got, isRenewed } = unsaved
      if (isRenewed) return await save(got, insteadOf, renewal)
      // The refresh token alone is new.
      await keep(got, insteadOf, renewal)
      return await renewOnce(renewal, signal)
    }
    if (!held.isRenewable(tokens)) throw held.end('FST_OAUTH_SESSION_EXPIRED')

    let answer: TokenSet
    try {
      answer = await attemptRefresh(refresh, tokens, attemptRules, signal, closing, renewal.falter)
      if (!isSendable(answer.accessToken)) {
        throw new RefreshError('keep', { message: 'the token is of characters that cannot be sent', rotatedTo: answer.refreshToken })
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SessionError) throw error
      return await afterFailure(error as RefreshError, tokens, insteadOf, renewal)
    }
    held.checkEpoch(renewal.epoch)
    const renewed = mergedTokens(tokens, answer)
    unsaved = { tokens: renewed, insteadOf, isRenewed: true }
    return await save(renewed, insteadOf, renewal)
  }

  /** @returns whether nobody else wrote though it was our turn */
  const keep = async (tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<boolean> => {
    const written = await store.write(tokens, insteadOf)
    held.checkEpoch(renewal.epoch)
    unsaved = null
    if (written !== null) held.hold(written)
    return written !== null
  }
  const save = async (tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    // What is stored is what everybody has.
    if (!await keep(tokens, insteadOf, renewal)) return takeTheirs(await read(renewal), renewal)
    count++
    if (refused.has(tokens.accessToken)) throw coolDown.begin('FST_OAUTH_TOKEN_REFUSED', undefined)
    coolDown.end()
    renewal.land()
    return tokens
  }
  const takeTheirs = (found: TokenRecord | null, renewal: Renewal): TokenSet => {
    held.replace(found)
    const tokens = held.current
    if (tokens === null) throw new SessionError(held.ending)
    if (!held.isAlive(tokens)) throw new SessionError('FST_OAUTH_RENEWAL_UNAVAILABLE')
    renewal.land()
    return tokens
  }
  const afterFailure = async (failure: RefreshError, tokens: TokenSet, insteadOf: number, renewal: Renewal): Promise<TokenSet> => {
    if (failure.outcome !== 'over') {
      const refreshToken = rotationOf(failure)
      if (refreshToken !== null && refreshToken !== tokens.refreshToken) {
        const rotated = { ...tokens, refreshToken }
        unsaved = { tokens: rotated, insteadOf, isRenewed: false }
        await keep(rotated, insteadOf, renewal).catch(() => { held.checkEpoch(renewal.epoch) })
      }
      throw coolDown.begin(failure.outcome === 'keep' ? 'FST_OAUTH_RENEWAL_REFUSED' : 'FST_OAUTH_RENEWAL_UNAVAILABLE', failure, failure.retryAfterMs ?? 0)
    }
    const found = await read(renewal)
    // Another process used it up, and has what took its place.
    if (found !== null && found.tokens !== null && found.tokens.refreshToken !== tokens.refreshToken) return takeTheirs(found, renewal)
    held.setRecord(found ?? held.record)
    const error = held.end('FST_OAUTH_SESSION_OVER', failure)
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
      const landed = new AbortController()
      const renewal: Renewal = { epoch: held.epoch, falter, land, landed: landed.signal }
      const mine: RefreshAttempt = {
        faltered, renewed: inTurn(renewal, unwanted.signal).finally(() => {
          landed.abort()
          land()
        })
      }
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
    refreshableUntil: answer.refreshableUntil ?? (keepsRefreshToken ? before.refreshableUntil : null) ?? null
  }
}
