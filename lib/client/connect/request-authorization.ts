import type { Clock } from '../../clock.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import { emptyHint, readChallenge } from '../fetch/classify.ts'
import type { RequestAuthorization } from '../fetch/fetch-options.ts'
import { SignInNeededError } from './connection.ts'

/** The authorizations of one connection: one at a time, shared by all waiting requests. One that did not help is not repeated at once. */
export interface ConnectionAuthorization extends RequestAuthorization {
  /**
   * Authorizes, also during the cool-down after a failure, or waits for a pending authorization.
   *
   * @throws SignInNeededError, or what `authorize` throws
   */
  now (hint: ChallengeHint): Promise<void>
  /** Records that the session has the tokens of a new authorization. */
  authorized (scopes: readonly string[] | null, hint: ChallengeHint): void
}

export interface ConnectionAuthorizationOptions {
  /** Signs in by the requirements of a challenge; `null` if the host has to redirect the user (`redirectUri`). */
  readonly authorize: ((hint: ChallengeHint) => Promise<void>) | null
  /** Whether tokens come from a grant without a user: after the first one, a missing token is requested before a request is sent. */
  readonly usesGrant: boolean
  /** How long requests do not repeat an authorization that failed or did not help, in milliseconds. */
  readonly coolDownMs: number
  readonly clock: Clock
}

export function createConnectionAuthorization ({ authorize, usesGrant, coolDownMs, clock }: ConnectionAuthorizationOptions): ConnectionAuthorization {
  let count = 0
  let underWay: Promise<void> | null = null
  let failure: { readonly at: number, readonly error: unknown } | null = null
  let last: { readonly at: number, readonly scopes: readonly string[], readonly authentication: string, isAccepted: boolean } | null = null

  const now = async (hint: ChallengeHint): Promise<void> => {
    if (authorize === null) throw new SignInNeededError(hint)
    underWay ??= authorize(hint)
      .catch((error: unknown) => {
        failure = { at: clock.now(), error }
        throw error
      })
      .finally(() => { underWay = null })
    await underWay
  }

  /** A clock that was set back ends a cool-down. */
  const isWithin = (at: number, ms: number): boolean => clock.now() >= at && clock.now() < at + ms

  /** Whether a recent authorization for this challenge did not help. */
  const isExhausted = (hint: ChallengeHint): boolean => {
    if (last === null) return false
    // RFC 9470 section 3: a user who authenticated longer ago than max_age has to do it again.
    const isRecent = isWithin(last.at, Math.min(coolDownMs, (hint.maxAgeSeconds ?? Infinity) * 1000))
    const isNew = authenticationOf(hint) !== '' && authenticationOf(hint) !== last.authentication
    if (!isRecent || isNew) return false
    // A token that was accepted before and is not any more has expired or was revoked: a new one helps.
    if (hint.error !== 'insufficient_scope' && hint.error !== 'insufficient_user_authentication') return !last.isAccepted
    return (hint.scopes ?? []).every(scope => last!.scopes.includes(scope))
  }

  return {
    limit: 2,
    // After one refresh and two authorizations (the first one, and one for more scopes).
    repeats: 3,
    forLaterRequests: true,
    throws: true,
    now,
    count: () => count,
    // A body that can be sent only once cannot be sent again after a challenge, so authorize before.
    comesFirst: isRepeatable => !isRepeatable || (usesGrant && count > 0),
    async run (_need, { response, isRepeatable }) {
      const hint = response === null ? emptyHint : readChallenge(response.headers)
      if (response !== null && isExhausted(hint)) return false
      // A sign-in may take minutes, in which other requests can use the HTTP connection.
      if (isRepeatable) response?.body?.cancel().catch(() => {})
      // After the user declined, later requests must not ask again at once.
      if (failure !== null && isWithin(failure.at, coolDownMs)) throw failure.error
      await now(hint)
      return true
    },
    onResult ({ kind }, hasFailed) {
      if (last !== null && !hasFailed && (kind === 'ok' || kind === 'refused')) last.isAccepted = true
    },
    authorized (scopes, hint) {
      count++
      failure = null
      last = { at: clock.now(), scopes: scopes ?? [], authentication: authenticationOf(hint), isAccepted: false }
    }
  }
}

function authenticationOf ({ acrValues, maxAgeSeconds }: ChallengeHint): string {
  return acrValues.length === 0 && maxAgeSeconds === null ? '' : JSON.stringify([acrValues, maxAgeSeconds])
}
