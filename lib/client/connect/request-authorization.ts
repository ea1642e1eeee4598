import type { Clock } from '../../clock.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import { emptyHint, readChallenge } from '../fetch/classify.ts'
import type { RequestAuthorization } from '../fetch/fetch-options.ts'
import { SignInNeededError } from './connection.ts'

/** The authorizations of one connection: one at a time, shared by all requests that wait, and not repeated in vain. */
export interface ConnectionAuthorization extends RequestAuthorization {
  /**
   * Authorizes whatever came of earlier attempts, or waits for the authorization that is under way.
   *
   * @throws SignInNeededError, or what `authorize` throws
   */
  now (hint: ChallengeHint): Promise<void>
  /** The session has the tokens of another authorization. */
  authorized (scopes: readonly string[] | null, hint: ChallengeHint): void
}

export interface ConnectionAuthorizationOptions {
  /** Signs in as a challenge asks for; `null` where only the host can send the user to the authorization server. */
  readonly authorize: ((hint: ChallengeHint) => Promise<void>) | null
  /** Whether tokens come without a user: then what a request needs is known from the authorization before. */
  readonly usesGrant: boolean
  /** How long an authorization that failed, or did not help, is not repeated for a request. */
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

  /** Whether an authorization for this challenge was made a moment ago, in vain. */
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
    // One refresh, and the two authorizations: a first one, and one for more scopes.
    repeats: 3,
    forLaterRequests: true,
    throws: true,
    now,
    count: () => count,
    // A body that can be sent only once cannot wait for a challenge.
    comesFirst: isRepeatable => !isRepeatable || (usesGrant && count > 0),
    async run (_need, { response, isRepeatable }) {
      const hint = response === null ? emptyHint : readChallenge(response.headers)
      if (response !== null && isExhausted(hint)) return false
      // A sign-in may take minutes; the connection is free for other requests meanwhile.
      if (isRepeatable) response?.body?.cancel().catch(() => {})
      // A user who has just declined is not asked again by every request.
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
