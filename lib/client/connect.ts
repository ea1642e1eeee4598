import { systemClock } from '../clock.ts'
import { OptionError } from '../errors.ts'
import { show } from '../options.ts'
import { isLoopbackHost } from '../metadata/identifier.ts'
import { createMemoryConnectionStore } from '../stores/memory-connection-store.ts'
import { createMemoryTokenStore } from '../stores/memory-token-store.ts'
import type { TokenSet } from '../stores/token-store.ts'
import { AuthorizationError } from './authorization-error.ts'
import type { Authorized, Authorizer, PendingConnection, StartedConnection } from './authorizer.ts'
import { createAuthorizer, emptyConnection } from './authorizer.ts'
import type { ChallengeHint } from './challenge-hint.ts'
import { readChallenge } from './challenge-hint.ts'
import type { ConnectOptions } from './connection-options.ts'
import { checkConnectOptions } from './connection-options.ts'
import { classify } from './classify.ts'
import type { ClientFetch } from './client-fetch-options.ts'
import { createFetch, renewalFailureOf } from './create-fetch.ts'
import { createOutbound } from './outbound.ts'
import { readRequest, urlOf } from './outgoing-request.ts'
import { RefreshError, SessionError } from './errors.ts'
import type { ProofOfPossession } from './proof.ts'
import type { Refresh } from './refresh-attempts.ts'
import { createRefresh } from './refresh-token.ts'
import { coversUrl } from './resource-match.ts'
import { revokeTokens } from './revoke-tokens.ts'
import type { Session } from './session.ts'
import { createSession } from './session.ts'
import { createStepUpGuard } from './step-up-guard.ts'
import type { ServerAccess } from './token-endpoint.ts'

/** A client of one protected resource, from the first 401 to the last token. */
export interface Connection {
  /** The tokens, and nothing of how they are had. */
  readonly session: Session
  /** Proves the key that the tokens are bound to, where they are, to whoever sends them in another way than by `fetch`. */
  readonly proof: ProofOfPossession
  /**
   * As the global `fetch`, with an access token for URLs that the resource covers, and without one for any other. What a
   * challenge asks for is done: a refresh, a first authorization, one that covers more. The request is then made again, if
   * its body can be.
   *
   * @throws AuthorizationError
   */
  readonly fetch: typeof globalThis.fetch
  /**
   * Gets tokens now, whether there are some or not.
   *
   * @param hint what a challenge asked for; `readChallenge` reads it
   * @throws AuthorizationError `sign_in_needed` where the host itself sends users to the authorization server
   */
  authorize (hint?: ChallengeHint): Promise<void>
  /**
   * Starts an authorization of a user whose browser comes to the host's own server: keep `pending`, send them to `url`.
   *
   * @throws AuthorizationError
   */
  begin (hint?: ChallengeHint): Promise<StartedConnection>
  /**
   * Finishes it, with the URL that the browser came back to.
   *
   * @throws AuthorizationError
   */
  complete (pending: PendingConnection, answer: URL | URLSearchParams): Promise<void>
  /**
   * Forgets the tokens, and gives them back to who issued them.
   *
   * @returns whether the authorization server said that they are dead
   * @throws AuthorizationError when it could not be told; here they are forgotten all the same
   */
  signOut (): Promise<boolean>
  /** Ends what runs by itself. The tokens stay where they are kept. */
  close (): void
}

/** The user has to sign in, and the host has to send them there: what for is in `hint`, for {@link Connection.begin}. */
export class SignInNeededError extends AuthorizationError {
  readonly hint: ChallengeHint

  constructor (hint: ChallengeHint) {
    super('sign_in_needed')
    this.name = 'SignInNeededError'
    this.hint = hint
  }
}

const nothing = readChallenge(new Headers())

/** How many authorizations one request may cause: a first one, and one that covers more. */
const mostAuthorizations = 2

/** Of the body of a `Request`, which is kept to be sent again. */
const replayBytes = 1_048_576

/**
 * Connects to a protected resource. Nothing is sent before the first request, or {@link Connection.authorize}, but to
 * renew tokens that are kept and about to expire.
 *
 * @throws OptionError
 */
export async function connect (given: ConnectOptions): Promise<Connection> {
  const options = checkConnectOptions(given)
  const { url, clock = systemClock, coolDownMs = 60_000, fetch = globalThis.fetch } = options
  const outbound = createOutbound({ ...options, allowLoopback: options.allowLoopback ?? isLoopbackHost(new URL(url).hostname) })
  const store = options.connection ?? createMemoryConnectionStore()
  const tokenStore = options.tokens ?? createMemoryTokenStore()
  const authorizer = createAuthorizer(options, outbound, store, clock)
  const session = createSession({ ...options.session, store: tokenStore, clock, refresh: async (tokens, signal) => await refresh(tokens, signal) })
  const guard = createStepUpGuard(coolDownMs, clock)
  const proof = proofBy(authorizer)
  const sendTo = (...resource: string[]): ClientFetch =>
    createFetch({ session, fetch, proof, resource, anonymous: true, ...options.classifier !== undefined && { classifier: options.classifier } })
  let identifier = url
  let send = sendTo(url)
  let authorizations = 0
  let underWay: Promise<void> | null = null
  let failure: { at: number, error: unknown } | null = null
  /** The tokens that were had last: those of a session without a refresh token are in no store. */
  let latest: TokenSet | null = null
  let unrevoked: { access: ServerAccess, tokens: TokenSet } | null = null

  const refresh: Refresh = async (tokens, signal) => {
    const { server, client: { clientId, authentication }, prover } = await authorizer.current().catch((error: unknown) => {
      throw refreshError(error as AuthorizationError)
    })
    const { fetch } = outbound
    const renew = createRefresh({ server, clientId, authentication, resource: identifier, clock, fetch, ...prover !== null && { prover } })
    latest = await renew(tokens, signal)
    return latest
  }

  /** What belongs to tokens is written before them. Those of another issuer are gone by then: it would get their refresh token. */
  const accept = async ({ tokens, connection }: Authorized, hint: ChallengeHint): Promise<void> => {
    const last = await store.read()
    if (last !== null && last.issuer !== connection.issuer) await session.signOut()
    await store.write(connection)
    await session.signIn(tokens)
    latest = tokens
    identifier = connection.resource!
    send = sendTo(url, identifier)
    authorizations++
    failure = null
    guard.asked(connection.requestedScopes, hint)
  }

  const authorize = async (hint: ChallengeHint): Promise<void> => {
    if (options.redirectUri !== undefined) throw new SignInNeededError(hint)
    underWay ??= (options.grant === undefined ? authorizer.byBrowser(hint) : authorizer.byGrant(hint))
      .then(async authorized => await accept(authorized, hint))
      .catch((error: unknown) => {
        failure = { at: clock.now(), error }
        throw error
      })
      .finally(() => { underWay = null })
    await underWay
  }

  /** Nobody is asked again by themselves who just said no, or did not come back. */
  const authorizeByItself = async (hint: ChallengeHint): Promise<void> => {
    if (failure !== null && clock.now() < failure.at + coolDownMs) throw failure.error
    await authorize(hint)
  }

  const [stored, kept] = [await store.read(), await tokenStore.read()]
  if (stored !== null && stored.resource !== null) {
    if (!coversUrl(stored.resource, url, 'prefix')) throw new OptionError(`connection is that of ${show(stored.resource)}, and url is ${show(url)}`)
    identifier = stored.resource
    send = sendTo(url, identifier)
    latest = kept?.tokens ?? null
  } else if (kept !== null && kept.tokens !== null) {
    // Nobody knows whose they are.
    await session.signOut()
  }
  await session.start()

  return {
    session,
    proof,
    async fetch (input, init = {}) {
      const target = urlOf(input)
      const isOurs = target !== null && [url, identifier].some(covering => coversUrl(covering, target.href, 'prefix'))
      if (!isOurs) return await fetch(input, init)
      const request = await readRequest(input, init, replayBytes)
      // What a body that is gone once it is sent is sent with cannot wait for a challenge; what a machine needs is known from last time.
      const isHopeless = session.state !== 'signed_in' && (!request.isRepeatable || (options.grant !== undefined && authorizations > 0))
      if (isHopeless) await authorizeByItself(nothing)
      const attempt = async (): Promise<Response> => await send(request.url, { ...request.init, headers: request.headers })
      let before = authorizations
      let response = await attempt()
      for (let round = 0; round < mostAuthorizations; round++) {
        const need = needOf(response)
        // Without a repetition it is left to the renewal that is under way.
        if (need === null || (!request.isRepeatable && need === 'dead_token')) break
        const hint = readChallenge(response.headers)
        if (authorizations === before) {
          if (guard.isExhausted(hint)) break
          await authorizeByItself(hint)
        }
        if (!request.isRepeatable) break
        await response.body?.cancel()
        before = authorizations
        response = await attempt()
      }
      if (needOf(response) === null) guard.worked()
      return response
    },
    authorize: async (hint = nothing) => await authorize(hint),
    async begin (hint = nothing) {
      if (options.redirectUri === undefined) throw new OptionError('begin and complete need a redirectUri')
      return await authorizer.begin(hint, options.redirectUri)
    },
    async complete (pending, answer) { await accept(await authorizer.complete(pending, answer), { ...nothing, ...pending.authentication }) },
    async signOut () {
      const tokens = latest
      // Before it is forgotten whose they are; and whatever comes of it, they are forgotten.
      const access = tokens === null ? null : await authorizer.current().catch((error: unknown) => error as AuthorizationError)
      latest = null
      await session.signOut()
      const { clients } = await store.read() ?? emptyConnection
      await store.write({ ...emptyConnection, clients })
      if (access instanceof AuthorizationError) throw access
      if (tokens !== null && access !== null) unrevoked = { access, tokens }
      if (unrevoked === null) return true
      const revoked = await revokeTokens(unrevoked.access, unrevoked.tokens)
      unrevoked = null
      return revoked
    },
    close () { session.close() }
  }
}

/** What a session makes of it: an outage is one, whatever was out of reach; and nothing else says anything about the tokens. */
function refreshError ({ fault, message, status, oauthError }: AuthorizationError): RefreshError {
  return new RefreshError(fault === 'server_unavailable' ? 'retry' : 'keep', { message, status, oauthError })
}

/** The proofs of the key of the moment. */
function proofBy (authorizer: Authorizer): ProofOfPossession {
  let prover: ProofOfPossession | null = null
  return {
    async proofFor (method, url, accessToken) {
      prover = await authorizer.prover()
      if (prover === null) throw new SessionError('proof_missing')
      return await prover.proofFor(method, url, accessToken)
    },
    // An answer comes after a proof.
    sawNonce (url, nonce) { prover!.sawNonce(url, nonce) }
  }
}

/** What an answer asks for that an authorization could give, `null` for nothing. */
function needOf (response: Response): 'dead_token' | 'insufficient_scope' | 'step_up' | null {
  const failure = renewalFailureOf(response)
  // An outage is no reason to bother a user.
  if (failure !== undefined) return failure instanceof SessionError && failure.needsAuthorization ? 'dead_token' : null
  const { status, headers } = response
  const { kind } = classify({ status, headers })
  return kind === 'dead_token' || kind === 'insufficient_scope' || kind === 'step_up' ? kind : null
}
