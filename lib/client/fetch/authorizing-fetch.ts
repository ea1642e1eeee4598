import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { ChallengeHint } from './challenge-hint.ts'
import { readChallenge } from './challenge-hint.ts'
import type { ClientFetch } from './fetch-options.ts'
import { renewalFailureOf, verdictOf } from './create-fetch.ts'
import { RefreshError, SessionError } from '../../errors/client-errors.ts'
import type { OutgoingRequest } from './outgoing-request.ts'
import { readRequest, urlOf } from './outgoing-request.ts'
import type { Session } from '../session/session.ts'
import type { StepUpLimit } from '../connect/step-up-limit.ts'
import { orAborted } from '../session/time-limit.ts'

export interface AuthorizingFetchParts {
  readonly session: Pick<Session, 'token'>
  readonly guard: Pick<StepUpLimit, 'isExhausted' | 'worked'>
  /** Whether tokens are for a URL. */
  covers (url: URL): boolean
  /** Sends with a token, where there is one, and renews it. */
  readonly send: ClientFetch
  /** Sends what no token is for. */
  readonly sendBare: ClientFetch
  /** Gets other tokens, for all who wait at once. */
  authorize (hint: ChallengeHint): Promise<void>
  /** How often there were other tokens. */
  authorizations (): number
  /** Whether to authorize before anything is sent without a token: there is nothing to learn from the challenge. */
  knowsWhatItTakes (): boolean
}

const nothing = readChallenge(new Headers())

/** How many authorizations one request may cause: a first one, and one that covers more. */
const mostAuthorizations = 2

/** Of the body of a `Request`, which is kept to be sent again. */
const replayBytes = 1_048_576

/**
 * Makes a `fetch` that does what a challenge asks for, and makes the request again. It goes by what the sending `fetch`
 * made of an answer: one that came by a redirect may be anybody's.
 */
export function createAuthorizingFetch (parts: AuthorizingFetchParts): ClientFetch {
  const { session, guard, send, sendBare, authorizations } = parts

  /** Whether an authorization, and nothing else, gives a token to send. */
  const lacksToken = async (): Promise<boolean> => {
    try {
      await session.token()
      return false
    } catch (error) {
      return needsAuthorization(error)
    }
  }

  return async (input, init = {}) => {
    const target = urlOf(input)
    if (target === null || !parts.covers(target)) return await sendBare(input, init)
    const request = await readRequest(input, init, replayBytes)
    const authorize = async (hint: ChallengeHint): Promise<void> => await orAborted(parts.authorize(hint), request.signal)
    const attempt = async (): Promise<Response> => await send(request.url, { ...request.init, headers: request.headers })

    // A body that is gone once it is sent cannot wait for a challenge.
    const isBound = !request.isRepeatable || parts.knowsWhatItTakes()
    if (isBound && await orAborted(lacksToken(), request.signal)) await authorize(nothing)
    let before = authorizations()
    let response: Response
    try {
      response = await attempt()
    } catch (error) {
      // Before anything was sent.
      if (!isOfLostClient(error)) throw error
      await authorize(nothing)
      response = await attempt()
    }
    for (let round = 0; round < mostAuthorizations; round++) {
      const need = needOf(response)
      const repeats = mayRepeat(request, response)
      // Without a repetition a dead token is left to the renewal that is under way.
      if (need === 'none' || (need === 'token' && !repeats)) break
      const hint = readChallenge(response.headers)
      const isNew = authorizations() === before
      if (isNew && guard.isExhausted(hint)) break
      // Its connection is free for others while a user signs in.
      if (repeats) discard(response)
      if (isNew) await authorize(hint)
      if (!repeats) break
      before = authorizations()
      response = await attempt()
    }
    if (needOf(response) === 'none') guard.worked()
    return response
  }
}

/** What an answer asks for that an authorization could give: any token, or one that is good for more. */
function needOf (response: Response): 'none' | 'token' | 'more' {
  const failure = renewalFailureOf(response)
  // An outage is no reason to bother a user.
  if (failure !== undefined) return needsAuthorization(failure) ? 'token' : 'none'
  const kind = verdictOf(response)?.kind
  if (kind === 'dead_token' || kind === 'authorization_needed') return 'token'
  return kind === 'insufficient_scope' || kind === 'step_up' ? 'more' : 'none'
}

function needsAuthorization (error: unknown): boolean {
  return error instanceof SessionError && (error.needsAuthorization || isOfLostClient(error))
}

/** The session is kept, as a configuration can be mended; until then nobody renews it. */
function isOfLostClient (error: unknown): boolean {
  const { cause } = Object(error) as Error
  return cause instanceof RefreshError && cause.cause instanceof AuthorizationError && cause.cause.code === 'FST_OAUTH_CLIENT_LOST'
}

/** A redirect that was followed means that the request was carried out: what is asked for again must not do it again. */
function mayRepeat ({ isRepeatable, method, url }: OutgoingRequest, response: Response): boolean {
  const isRedirected = response.redirected || (response.url !== '' && response.url !== url.replace(/#.*$/s, ''))
  return isRepeatable && (!isRedirected || method === 'GET' || method === 'HEAD')
}

function discard ({ body }: Response): void {
  body?.cancel().catch(() => {})
}
