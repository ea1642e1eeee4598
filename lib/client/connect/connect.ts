import { systemClock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import { show } from '../../options.ts'
import { isLoopbackHost } from '../../identifier.ts'
import { createMemoryConnectionStore } from '../../stores/connections/memory-connection-store.ts'
import { createMemoryTokenStore } from '../../stores/tokens/memory-token-store.ts'
import type { AuthorizationError } from '../../errors/authorization-error.ts'
import type { Authorized, AuthorizationFlow } from './authorization-flow.ts'
import { createAuthorizationFlow, emptyConnection } from './authorization-flow.ts'
import { createAuthorizingFetch } from '../fetch/authorizing-fetch.ts'
import type { ChallengeHint } from '../fetch/challenge-hint.ts'
import { readChallenge } from '../fetch/challenge-hint.ts'
import type { Connection } from './connection.ts'
import { SignInNeededError } from './connection.ts'
import type { ConnectOptions } from './connection-options.ts'
import { checkConnectOptions } from './connection-options.ts'
import type { ClientFetch } from '../fetch/fetch-options.ts'
import { createFetch } from '../fetch/create-fetch.ts'
import { createHttpClient } from '../../http/http-client.ts'
import { RefreshError, SessionError } from '../../errors/client-errors.ts'
import type { ProofOfPossession } from '../oauth/proof.ts'
import type { Refresh } from '../session/refresh-attempts.ts'
import { createRefresh } from '../oauth/refresh-token.ts'
import { coversUrl } from '../fetch/resource-match.ts'
import { createSession } from '../session/session.ts'
import { createSignOut } from './sign-out.ts'
import { createStepUpLimit } from './step-up-limit.ts'

const nothing = readChallenge(new Headers())

/**
 * Connects to a protected resource. Nothing is sent before the first request, or {@link Connection.authorize}, but to
 * renew tokens that are kept and about to expire.
 *
 * @throws OptionError
 */
export async function connect (given: ConnectOptions): Promise<Connection> {
  const options = checkConnectOptions(given)
  const { url, clock = systemClock, coolDownMs = 60_000, fetch = globalThis.fetch } = options
  const httpClient = createHttpClient({ ...options, allowLoopback: options.allowLoopback ?? isLoopbackHost(new URL(url).hostname) })
  const store = options.connectionStore ?? createMemoryConnectionStore()
  const tokenStore = options.tokenStore ?? createMemoryTokenStore()
  const authorizer = createAuthorizationFlow(options, httpClient, store, clock)
  const signOut = createSignOut(tokenStore, store, authorizer)
  const session = createSession({ ...options.session, tokenStore: signOut.tokens, clock, refresh: async (tokens, signal) => await refresh(tokens, signal) })
  const guard = createStepUpLimit(coolDownMs, clock)
  const proof = proofBy(authorizer)
  const sendTo = (...resource: string[]): ClientFetch =>
    createFetch({ session, fetch, proof, resource, anonymous: true, ...options.classifier !== undefined && { classifier: options.classifier } })
  let identifier = url
  let send = sendTo(url)
  let authorizations = 0
  let underWay: Promise<void> | null = null
  let failure: { at: number, error: unknown } | null = null

  const refresh: Refresh = async (tokens, signal) => {
    const { server, client: { clientId, authentication }, prover } = await authorizer.accessOf(await store.read() ?? emptyConnection)
      .catch((error: unknown) => { throw refreshError(error as AuthorizationError) })
    const { fetch } = httpClient
    const renew = createRefresh({ server, clientId, authentication, resource: identifier, clock, fetch, ...prover !== null && { prover } })
    return await renew(tokens, signal)
  }

  /** What belongs to tokens is written before them. Those of another issuer are gone by then: it would get their refresh token. */
  const accept = async ({ tokens, connection }: Authorized, hint: ChallengeHint): Promise<void> => {
    const last = await store.read()
    if (last !== null && last.issuer !== connection.issuer) await session.signOut()
    await store.write(connection)
    await session.signIn(tokens)
    signOut.hold(tokens.refreshToken === null ? tokens : null)
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

  // In this order: what belongs to tokens is written before them.
  const kept = await tokenStore.read()
  const stored = await store.read()
  if (stored !== null && stored.resource !== null) {
    if (!coversUrl(stored.resource, url, 'prefix')) throw new OptionError(`connection is that of ${show(stored.resource)}, and url is ${show(url)}`)
    identifier = stored.resource
    send = sendTo(url, identifier)
  } else if (kept !== null && kept.tokens !== null) {
    // Nobody knows whose they are.
    await session.signOut()
  }
  await session.start()

  return {
    session,
    proof,
    fetch: createAuthorizingFetch({
      session,
      guard,
      covers: ({ href }) => [url, identifier].some(covering => coversUrl(covering, href, 'prefix')),
      send: async (...request) => await send(...request),
      sendBare: async (...request) => await fetch(...request),
      authorize: authorizeByItself,
      authorizations: () => authorizations,
      // What a machine needs is known from last time.
      knowsWhatItTakes: () => options.grant !== undefined && authorizations > 0
    }),
    authorize: async (hint = nothing) => await authorize(hint),
    async begin (hint = nothing) {
      if (options.redirectUri === undefined) throw new OptionError('begin and complete need a redirectUri')
      return await authorizer.begin(hint, options.redirectUri)
    },
    async complete (pending, answer) { await accept(await authorizer.complete(pending, answer), { ...nothing, ...pending.authentication }) },
    signOut: async () => await signOut.run(session),
    close () { session.close() }
  }
}

/** What a session makes of it: an outage is one, whatever was out of reach; and nothing else says anything about the tokens. */
function refreshError (cause: AuthorizationError): RefreshError {
  const { code, message, responseStatus, oauthError } = cause
  return new RefreshError(code === 'FST_OAUTH_SERVER_UNAVAILABLE' ? 'retry' : 'keep', { message, responseStatus, oauthError, cause })
}

/** The proofs of the key of the moment. */
function proofBy (authorizer: AuthorizationFlow): ProofOfPossession {
  let prover: ProofOfPossession | null = null
  return {
    async proofFor (method, url, accessToken) {
      prover = await authorizer.prover()
      if (prover === null) throw new SessionError('FST_OAUTH_PROOF_MISSING')
      return await prover.proofFor(method, url, accessToken)
    },
    // An answer comes after a proof.
    sawNonce (url, nonce) { prover!.sawNonce(url, nonce) }
  }
}
