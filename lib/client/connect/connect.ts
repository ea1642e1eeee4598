import { systemClock } from '../../clock.ts'
import type { AuthorizationErrorCode } from '../../errors/authorization-error.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { RefreshError, SessionError } from '../../errors/client-errors.ts'
import { OptionError } from '../../errors/errors.ts'
import { createHttpClient } from '../../http/http-client.ts'
import { isLoopbackHost } from '../../identifier.ts'
import { show } from '../../options/show.ts'
import type { ConnectionStore, StoredConnection } from '../../stores/connections/connection-store.ts'
import { emptyConnection, createMemoryConnectionStore, limitConnectionStore } from '../../stores/connections/connection-store.ts'
import { createMemoryTokenStore } from '../../stores/tokens/token-store.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import { emptyHint } from '../fetch/classify.ts'
import { createFetchWith } from '../fetch/create-fetch.ts'
import { resolveClientFetchOptions } from '../fetch/fetch-options.ts'
import { coversUrl, createCover } from '../fetch/resource-match.ts'
import type { ProofOfPossession } from '../oauth/dpop.ts'
import { createRefresh } from '../oauth/refresh-token.ts'
import { revokeTokens } from '../oauth/grants.ts'
import type { Refresh } from '../session/refresh-retries.ts'
import type { Session } from '../session/session.ts'
import { createSession } from '../session/session.ts'
import type { Authorized, AuthorizationFlow } from './authorization-flow.ts'
import { createAuthorizationFlow } from './authorization-flow.ts'
import type { Connection } from './connection.ts'
import type { ConnectOptions } from './connection-options.ts'
import { checkConnectOptions } from './connection-options.ts'
import { createConnectionAuthorization } from './request-authorization.ts'

/** For one call of the connection store, in milliseconds. */
const storeTimeoutMs = 10_000

/**
 * Connects to a protected resource. Nothing is sent before the first request, or {@link Connection.authorize}, except a
 * refresh of stored tokens that are about to expire.
 *
 * @returns a connection, whose `fetch` finds the authorization server, gets tokens, and refreshes them
 * @throws OptionError
 */
export async function connect (given: ConnectOptions): Promise<Connection> {
  const options = checkConnectOptions(given)
  const { url, clock = systemClock, coolDownMs = 60_000, fetch = globalThis.fetch, classifier, grant } = options
  const httpClient = createHttpClient({ ...options, allowLoopback: options.allowLoopback ?? isLoopbackHost(new URL(url).hostname) })
  const store = limitConnectionStore(options.connectionStore ?? createMemoryConnectionStore(), storeTimeoutMs)
  const tokenStore = options.tokenStore ?? createMemoryTokenStore()
  const flow = createAuthorizationFlow(options, httpClient, store, clock)
  const usesGrant = grant !== undefined
  let identifier = url
  let covers = createCover([url])
  const setIdentifier = (resource: string): void => {
    identifier = resource
    covers = createCover([url, resource])
  }

  const refresh: Refresh = async (tokens, signal) => {
    const connection = await store.read() ?? emptyConnection
    try {
      const access = await flow.accessOf(connection)
      if (grant !== undefined) return await grant(access, { resource: identifier, scopes: connection.requestedScopes })
      const { server, client: { clientId, authentication }, prover, omitResource = false } = access
      const resource = omitResource ? null : identifier
      const refreshTokens = createRefresh({ server, clientId, authentication, resource, clock, fetch: httpClient.fetch, ...prover !== null && { prover } })
      return await refreshTokens(tokens, signal)
    } catch (error) {
      await flow.dropRefusedClient(error, connection)
      throw error instanceof AuthorizationError ? refreshErrorOf(error) : error
    }
  }
  const session = createSession({ ...options.session, tokenStore, clock, refresh, usesGrant })

  /** The connection is written before its tokens. Those of another issuer are removed first: it would get their refresh token. */
  const accept = async ({ tokens, connection }: Authorized, hint: ChallengeHint): Promise<void> => {
    const last = await store.read()
    if (last !== null && last.issuer !== connection.issuer) await session.signOut()
    await store.write(connection)
    await session.signIn(tokens)
    setIdentifier(connection.resource!)
    authorization.authorized(connection.requestedScopes, hint)
  }

  const authorization = createConnectionAuthorization({
    usesGrant,
    coolDownMs,
    clock,
    authorize: options.redirectUri !== undefined ? null : async hint => await accept(usesGrant ? await flow.byGrant(hint) : await flow.byBrowser(hint), hint)
  })

  // The tokens are read before the connection, as it is written before them.
  const kept = await tokenStore.read()
  const stored = await store.read()
  if (stored !== null && stored.resource !== null) {
    if (!coversUrl(stored.resource, url, 'prefix')) throw new OptionError(`connectionStore has the connection of ${show(stored.resource)}, which does not cover url ${show(url)}: use another store`)
    setIdentifier(stored.resource)
  } else if (kept !== null && kept.tokens !== null) {
    // It is unknown which authorization server issued them.
    await session.signOut()
  }
  await session.start()

  const proof = proofOf(session, flow)
  const signOut = createSignOut(session, store, flow)
  return {
    session,
    proof,
    fetch: createFetchWith({
      ...resolveClientFetchOptions({ session, fetch, proof, resource: url, anonymous: true, ...classifier !== undefined && { classifier } }),
      covers: asked => covers(asked),
      authorization
    }),
    authorize: async (hint = emptyHint) => await authorization.now(hint),
    async begin (hint = emptyHint) {
      if (options.redirectUri === undefined) throw new OptionError('begin and complete need a redirectUri')
      return await flow.begin(hint, options.redirectUri)
    },
    async complete (pending, answer) { await accept(await flow.complete(pending, answer), { ...emptyHint, ...pending.authentication }) },
    signOut: async ({ forgetClients = false } = {}) => await signOut(forgetClients),
    async forget () {
      await session.signOut()
      await store.write(emptyConnection)
    },
    close: async () => await session.close()
  }
}

/** Errors before the token request was sent. They say nothing about the refresh token, and a sign-in would fail with them too. */
const outages: readonly AuthorizationErrorCode[] = ['FST_OAUTH_SERVER_UNAVAILABLE', 'FST_OAUTH_SERVER_METADATA_MISSING', 'FST_OAUTH_ISSUER_MISMATCH', 'FST_OAUTH_ENDPOINT_MISSING', 'FST_OAUTH_ADDRESS_REFUSED']

function refreshErrorOf (cause: AuthorizationError): RefreshError {
  const { code, message, responseStatus, oauthError } = cause
  return new RefreshError(outages.includes(code) ? 'retry' : 'keep', { message, responseStatus, oauthError, cause })
}

/** The key belongs to the tokens: it is read again only when those have changed. */
function proofOf (session: Pick<Session, 'generation'>, flow: Pick<AuthorizationFlow, 'prover'>): ProofOfPossession {
  let known: { readonly generation: number, readonly prover: ProofOfPossession } | null = null
  return {
    async proofFor (method, url, accessToken) {
      const { generation } = session
      if (known?.generation !== generation) {
        const prover = await flow.prover().catch((cause: unknown) => { throw new SessionError('FST_OAUTH_SESSION_STORE_FAILED', { cause }) })
        if (prover === null) throw new SessionError('FST_OAUTH_SESSION_PROOF_MISSING')
        known = { generation, prover }
      }
      return await known.prover.proofFor(method, url, accessToken)
    },
    // A nonce is in the response to a request with a proof, so the prover is known.
    sawNonce (url, nonce) { known!.prover.sawNonce(url, nonce) }
  }
}

/**
 * Makes the sign-out of a connection: it ends the session here and revokes its tokens at the authorization server. Tokens that
 * could not be revoked are kept in memory and revoked by the next call.
 *
 * @returns a function that tells whether the authorization server revoked all of them; it throws an AuthorizationError when
 * it could not be reached, and a SessionError when the token store failed
 */
function createSignOut (session: Pick<Session, 'signOut'>, store: ConnectionStore, { accessOf, dropRefusedClient }: Pick<AuthorizationFlow, 'accessOf' | 'dropRefusedClient'>): (forgetClients: boolean) => Promise<boolean> {
  /** By access token. */
  const unrevoked = new Map<string, { readonly tokens: TokenSet, readonly connection: StoredConnection }>()

  /** Tries all of them, also after one has failed. */
  const revokeAll = async (): Promise<boolean> => {
    let areRevoked = true
    const failures: unknown[] = []
    for (const [key, { tokens, connection }] of [...unrevoked]) {
      try {
        areRevoked = await revokeTokens(await accessOf(connection), tokens) && areRevoked
        unrevoked.delete(key)
      } catch (error) {
        // No other client may revoke them, and the authorization server has forgotten this one.
        if (await dropRefusedClient(error, connection)) {
          areRevoked = false
          unrevoked.delete(key)
        } else {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
    return areRevoked
  }

  return async forgetClients => {
    let removed: TokenSet | null = null
    const failure = await session.signOut(tokens => { removed = tokens }).then(() => null, (error: unknown) => error)
    const connection = await store.read() ?? emptyConnection
    const tokens = removed as TokenSet | null
    if (tokens !== null) unrevoked.set(tokens.accessToken, { tokens, connection })
    if (failure === null) {
      // After the tokens were removed: as long as tokens are stored, their connection data has to be stored too.
      await store.write({ ...emptyConnection, clients: forgetClients ? {} : connection.clients })
      return await revokeAll()
    }
    // The token store may still have the tokens, so they are revoked at least.
    await revokeAll().catch(() => {})
    throw failure
  }
}
