import type { Clock } from '../../clock.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ConnectionStore, StoredClient, StoredConnection } from '../../stores/connections/connection-store.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { FoundAuthorization } from '../discovery/find-authorization.ts'
import { findAuthorization } from '../discovery/find-authorization.ts'
import { assumptionsAbout, withAssumptions, discoverServer } from '../discovery/server-discovery.ts'
import type { ServerMetadata } from '../discovery/server-discovery.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import type { PendingAuthorization, StartedAuthorization } from '../oauth/authorization-code.ts'
import { beginAuthorization, completeAuthorization, selectScopes, withOfflineAccess } from '../oauth/authorization-code.ts'
import type { Prover, StoredProofKey } from '../oauth/dpop.ts'
import { createProofKey, createProver, exportProofKey, importProofKey } from '../oauth/dpop.ts'
import type { ClientIdentity, ServerAccess } from '../oauth/oauth-call.ts'
import type { Client } from '../oauth/registration.ts'
import { sameClient } from '../oauth/registration.ts'
import type { ClientReference } from './connection-clients.ts'
import { createConnectionClients } from './connection-clients.ts'
import type { ConnectOptions } from './connection-options.ts'
import { emptyConnection } from '../../stores/connections/connection-store.ts'

/** A pending authorization, with the key that its tokens will be bound to. Plain JSON, and a secret. */
export interface PendingConnection extends PendingAuthorization {
  readonly proofKey: StoredProofKey | null
  /** The dynamic registration of the client, where it has one: another process may register anew before the user returns. */
  readonly registration: StoredClient | null
  /** The authentication that was required of the user. */
  readonly authentication: Pick<ChallengeHint, 'acrValues' | 'maxAgeSeconds'>
}

/** An authorization that was started by {@link Connection.begin}. */
export interface StartedConnection extends StartedAuthorization {
  readonly pending: PendingConnection
}

/** Tokens, and the connection data that belongs to them. */
export interface Authorized {
  readonly tokens: TokenSet
  readonly connection: StoredConnection
}

/** Gets tokens for one resource. Registrations are stored; tokens and connection data are returned, for the caller to store. */
export interface AuthorizationFlow {
  /** By the `grant` of the options, without a browser. */
  byGrant (hint: ChallengeHint): Promise<Authorized>
  /** By the `browser` of the options. */
  byBrowser (hint: ChallengeHint): Promise<Authorized>
  begin (hint: ChallengeHint, redirectUri: string): Promise<StartedConnection>
  complete (pending: PendingConnection, answer: URL | URLSearchParams): Promise<Authorized>
  /**
   * The access to the authorization server of a connection, as the client that its tokens were issued to. Nothing is
   * registered for it.
   *
   * @throws AuthorizationError `FST_OAUTH_SIGN_IN_NEEDED` when the connection has no server, `FST_OAUTH_CLIENT_LOST`
   */
  accessOf (connection: StoredConnection): Promise<ServerAccess>
  /**
   * Drops the dynamic registration of a client that its authorization server no longer knows, so that the next
   * authorization registers anew. The connection keeps it for its tokens.
   *
   * @param error the refusal: `invalid_client` and `unauthorized_client` count (RFC 6749 section 5.2), others do nothing
   * @returns whether a client that was registered dynamically was refused
   */
  dropRefusedClient (error: unknown, client: ClientReference): Promise<boolean>
  /** The prover for the key of the stored connection, `null` for none. */
  prover (): Promise<Prover | null>
}

export function createAuthorizationFlow (options: ConnectOptions, httpClient: HttpClient, store: ConnectionStore, clock: Clock): AuthorizationFlow {
  const servers = new Map<string, ServerMetadata>()
  const { clientFor, drop, dropRefused } = createConnectionClients(options, httpClient, store, clock)
  let proof: { key: string, prover: Promise<Prover> } | null = null

  const stored = async (): Promise<StoredConnection> => await store.read() ?? emptyConnection

  const proverOf = async (key: StoredProofKey | null): Promise<Prover | null> => {
    if (key === null) return null
    const text = JSON.stringify(key)
    // One prover for all requests, because it keeps the nonces.
    if (proof?.key !== text) proof = { key: text, prover: importProofKey(key).then(async imported => await createProver(imported, clock)) }
    return await proof.prover
  }

  const find = async (hint: ChallengeHint): Promise<FoundAuthorization> => {
    const found = await findAuthorization(options, hint, httpClient)
    servers.set(found.server.issuer, found.server)
    return found
  }

  const serverOf = async (issuer: string): Promise<ServerMetadata> => {
    const server = servers.get(issuer) ?? withAssumptions(await discoverServer(issuer, httpClient), assumptionsAbout(issuer, options.clients))
    servers.set(issuer, server)
    return server
  }

  const accessTo = (server: ServerMetadata, { clientId, authentication }: ClientIdentity, prover: Prover | null): ServerAccess => {
    const { refusesResource: omitResource = false } = assumptionsAbout(server.issuer, options.clients)
    return { server, client: { clientId, authentication }, httpClient, clock, prover, omitResource }
  }

  const keyFor = async ({ resource, server }: FoundAuthorization, hint: ChallengeHint, last: StoredConnection): Promise<StoredProofKey | null> => {
    const wish = options.proofOfPossession ?? 'when_needed'
    if (wish === 'never' || (wish === 'when_needed' && !resource.needsProof && !hint.needsProof)) return null
    // A key that two authorization servers see would let them link the user.
    if (last.issuer === server.issuer && last.proofKey !== null) return last.proofKey as StoredProofKey
    const key = await createProofKey(algorithmsOf(server, resource.document))
    if (key === null) throw new AuthorizationError('FST_OAUTH_PROOF_UNSUPPORTED')
    return await exportProofKey(key)
  }

  const scopesFor = ({ resource, server }: FoundAuthorization, hint: ChallengeHint, last: StoredConnection): readonly string[] | null => {
    const isSame = last.issuer === server.issuer && last.resource === resource.resource
    return selectScopes({
      challenged: hint.scopes,
      ofResource: resource.scopesSupported,
      wanted: options.scopes ?? null,
      requestedBefore: isSame ? last.requestedScopes : null
    })
  }

  const begin = async (hint: ChallengeHint, redirectUri: string): Promise<StartedConnection> => {
    const found = await find(hint)
    const last = await stored()
    const proofKey = await keyFor(found, hint, last)
    const prover = await proverOf(proofKey)
    const scopes = withOfflineAccess(scopesFor(found, hint, last), found.server.scopes_supported, options.offlineAccess ?? true)
    const { acrValues, maxAgeSeconds } = hint
    const start = async (client: Client): Promise<StartedConnection> => {
      const { url, pending } = await beginAuthorization(accessTo(found.server, client, prover), {
        redirectUri,
        resource: found.resource.resource,
        scopes,
        acrValues,
        maxAgeSeconds,
        proofKeyThumbprint: prover?.thumbprint ?? null,
        parameters: options.authorizationParameters ?? {}
      })
      return { url, pending: { ...pending, proofKey, registration: client.registration, authentication: { acrValues, maxAgeSeconds } } }
    }
    const client = await clientFor(found, redirectUri, scopes)
    return await start(client).catch(async (error: unknown) => {
      // The response to a pushed request (RFC 9126) shows at once that the server no longer knows the client.
      if (!await dropRefused(error, client)) throw error
      return await start(await clientFor(found, redirectUri, scopes))
    })
  }

  const finish = async (pending: PendingConnection, answer: URL | URLSearchParams): Promise<Authorized> => {
    const { issuer, resource, scopes, proofKey, clientId, registration } = pending
    const { clients } = await stored()
    const connection = { issuer, resource, requestedScopes: scopes, proofKey, clientId, registration, clients }
    return { tokens: await completeAuthorization(await accessOf(connection), pending, answer), connection }
  }

  const accessOf = async (connection: StoredConnection): Promise<ServerAccess> => {
    const { issuer, proofKey } = connection
    if (issuer === null) throw new AuthorizationError('FST_OAUTH_SIGN_IN_NEEDED')
    const client = sameClient(connection, options, clock)
    return accessTo(await serverOf(issuer), client, await proverOf(proofKey as StoredProofKey | null))
  }

  const visit = async (hint: ChallengeHint, onClientDropped: () => void): Promise<Authorized> => {
    const { clients, issuer } = await stored()
    const earlier = clients[issuer ?? ''] ?? null
    const browser = await options.browser!.prepare(earlier?.redirectUris[0] ?? null)
    try {
      const { url, pending } = await begin(hint, browser.redirectUri)
      try {
        return await finish(pending, await browser.visit(url, pending.state))
      } catch (error) {
        if (await dropRefused(error, pending)) onClientDropped()
        // A user who does not return may see an error page about a client that the server has forgotten (RFC 6749 section
        // 4.1.2.1). A client that was registered just now is kept.
        const isAborted = (error as Partial<AuthorizationError>).code === 'FST_OAUTH_INTERACTION_ABORTED'
        if (isAborted && earlier?.clientId === pending.clientId) await drop(earlier)
        throw error
      }
    } finally {
      await browser.close()
    }
  }

  return {
    begin,
    async complete (pending, answer) {
      return await finish(pending, answer).catch(async (error: unknown) => {
        await dropRefused(error, pending)
        throw error
      })
    },
    async byBrowser (hint) {
      let isClientDropped = false
      return await visit(hint, () => { isClientDropped = true }).catch(async (error: unknown) => {
        if (!isClientDropped) throw error
        return await visit(hint, () => {})
      })
    },
    async byGrant (hint) {
      const found = await find(hint)
      const { server, resource: { resource } } = found
      const last = await stored()
      const proofKey = await keyFor(found, hint, last)
      const scopes = scopesFor(found, hint, last)
      const client = await clientFor(found, null, scopes)
      const tokens = await options.grant!(accessTo(server, client, await proverOf(proofKey)), { resource, scopes })
      const { clientId, registration } = client
      return { tokens, connection: { issuer: server.issuer, resource, requestedScopes: scopes, proofKey, clientId, registration, clients: last.clients } }
    },
    dropRefusedClient: dropRefused,
    accessOf,
    async prover () { return await proverOf((await stored()).proofKey as StoredProofKey | null) }
  }
}

/** The algorithms that server and resource both accept for proofs; ES256 where neither says. */
function algorithmsOf (server: ServerMetadata, document: Readonly<Record<string, unknown>>): readonly string[] {
  const lists = [server.dpop_signing_alg_values_supported, document.dpop_signing_alg_values_supported].filter(list => Array.isArray(list)) as string[][]
  const [first = ['ES256'], second = first] = lists
  return first.filter(one => second.includes(one))
}
