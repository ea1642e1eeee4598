import type { Clock } from '../../clock.ts'
import type { ConnectionStore, StoredClient, StoredConnection } from '../../stores/connections/connection-store.ts'
import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { PendingAuthorization, StartedAuthorization } from '../oauth/authorization-code.ts'
import { beginAuthorization, completeAuthorization } from '../oauth/authorization-code.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { ChallengeHint } from '../fetch/challenge-hint.ts'
import type { ConnectOptions } from './connection-options.ts'
import type { Prover, StoredProofKey } from '../oauth/dpop.ts'
import { createProofKey, createProver, exportProofKey, importProofKey } from '../oauth/dpop.ts'
import type { FoundAuthorization } from '../discovery/find-authorization.ts'
import { findAuthorization } from '../discovery/find-authorization.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { Client } from '../oauth/registration.ts'
import { registerClient, sameClient } from '../oauth/registration.ts'
import { selectScopes, withOfflineAccess } from '../oauth/select-scopes.ts'
import type { ServerMetadata } from '../discovery/server-discovery.ts'
import { discoverServer } from '../discovery/server-discovery.ts'
import type { ServerAccess } from '../oauth/oauth-call.ts'

/** An authorization that is under way, with the key that its tokens are to be bound to. Plain JSON, and a secret. */
export interface PendingConnection extends PendingAuthorization {
  readonly proofKey: StoredProofKey | null
  /** What the client registered itself as, where it did: others may register anew before the user is back. */
  readonly registration: StoredClient | null
  /** What was asked of the user's authentication. */
  readonly authentication: Pick<ChallengeHint, 'acrValues' | 'maxAgeSeconds'>
}

export interface StartedConnection extends StartedAuthorization {
  readonly pending: PendingConnection
}

/** Tokens, and what has to be known to go on with them. */
export interface Authorized {
  readonly tokens: TokenSet
  readonly connection: StoredConnection
}

export const emptyConnection: StoredConnection = { issuer: null, resource: null, requestedScopes: null, proofKey: null, clientId: null, registration: null, clients: {} }

/** Gets tokens for one resource, whoever guards it today. It keeps what it learnt in its store, and no tokens. */
export interface AuthorizationFlow {
  /** Without a browser: by the host's grant. */
  byGrant (hint: ChallengeHint): Promise<Authorized>
  /** With a browser that this program sees come back. */
  byBrowser (hint: ChallengeHint): Promise<Authorized>
  begin (hint: ChallengeHint, redirectUri: string): Promise<StartedConnection>
  complete (pending: PendingConnection, answer: URL | URLSearchParams): Promise<Authorized>
  /**
   * The access to the authorization server that a connection is of, as the client that its tokens were issued to. Nothing
   * is registered for it.
   *
   * @throws AuthorizationError `FST_OAUTH_SIGN_IN_NEEDED` when it is of none, `FST_OAUTH_CLIENT_LOST`
   */
  accessOf (connection: StoredConnection): Promise<ServerAccess>
  /** The key of the stored connection, `null` for none. */
  prover (): Promise<Prover | null>
}

export function createAuthorizationFlow (options: ConnectOptions, httpClient: HttpClient, store: ConnectionStore, clock: Clock): AuthorizationFlow {
  const servers = new Map<string, ServerMetadata>()
  const becoming = new Map<string, Promise<Client>>()
  let proof: { key: string, prover: Promise<Prover> } | null = null

  const stored = async (): Promise<StoredConnection> => await store.read() ?? emptyConnection

  const proverOf = async (key: StoredProofKey | null): Promise<Prover | null> => {
    if (key === null) return null
    const text = JSON.stringify(key)
    // One for all requests: it knows the nonces.
    if (proof?.key !== text) proof = { key: text, prover: importProofKey(key).then(async imported => await createProver(imported, clock)) }
    return await proof.prover
  }

  const find = async (hint: ChallengeHint): Promise<FoundAuthorization> => {
    const found = await findAuthorization(options, hint, httpClient)
    servers.set(found.server.issuer, found.server)
    return found
  }

  const serverOf = async (issuer: string): Promise<ServerMetadata> => {
    const server = servers.get(issuer) ?? await discoverServer(issuer, httpClient)
    servers.set(issuer, server)
    return server
  }

  // Two tabs that begin at once are one client.
  const clientOf = async (server: ServerMetadata, redirectUri: string | null): Promise<Client> => {
    const key = JSON.stringify([server.issuer, redirectUri])
    const underWay = becoming.get(key) ?? become(server, redirectUri).finally(() => becoming.delete(key))
    becoming.set(key, underWay)
    return await underWay
  }

  const become = async (server: ServerMetadata, redirectUri: string | null): Promise<Client> => {
    const { clients } = await stored()
    const client = await registerClient(server, options, { redirectUri, stored: clients[server.issuer] ?? null, clock }, httpClient)
    // At once: what comes of a crash in between would be a client that nobody knows any more.
    if (client.registration !== null && client.registration !== clients[server.issuer]) {
      const connection = await stored()
      await store.write({ ...connection, clients: { ...connection.clients, [server.issuer]: client.registration } })
    }
    return client
  }

  const keyFor = async ({ resource, server }: FoundAuthorization, hint: ChallengeHint, last: StoredConnection): Promise<StoredProofKey | null> => {
    const wish = options.proofOfPossession ?? 'when_needed'
    if (wish === 'never' || (wish === 'when_needed' && !resource.needsProof && !hint.needsProof)) return null
    // Another authorization server shall not know us by our key.
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
    const { server, resource: { resource } } = found
    const last = await stored()
    const proofKey = await keyFor(found, hint, last)
    const prover = await proverOf(proofKey)
    const scopes = withOfflineAccess(scopesFor(found, hint, last), server.scopes_supported, options.offlineAccess ?? true)
    const client = await clientOf(server, redirectUri)
    const access = { server, client, httpClient, clock, prover }
    const { acrValues, maxAgeSeconds } = hint
    const { url, pending } = await beginAuthorization(access, {
      redirectUri,
      resource,
      scopes,
      acrValues,
      maxAgeSeconds,
      proofKeyThumbprint: prover?.thumbprint ?? null,
      parameters: options.authorizationParameters ?? {}
    })
    return { url, pending: { ...pending, proofKey, registration: client.registration, authentication: { acrValues, maxAgeSeconds } } }
  }

  const complete = async (pending: PendingConnection, answer: URL | URLSearchParams): Promise<Authorized> => {
    const { issuer, resource, scopes, proofKey, clientId, registration } = pending
    const { clients } = await stored()
    const connection = { issuer, resource, requestedScopes: scopes, proofKey, clientId, registration, clients }
    return { tokens: await completeAuthorization(await accessOf(connection), pending, answer), connection }
  }

  const accessOf = async (connection: StoredConnection): Promise<ServerAccess> => {
    const { issuer, proofKey } = connection
    if (issuer === null) throw new AuthorizationError('FST_OAUTH_SIGN_IN_NEEDED')
    const client = sameClient(connection, options, clock)
    return { server: await serverOf(issuer), client, httpClient, clock, prover: await proverOf(proofKey as StoredProofKey | null) }
  }

  return {
    begin,
    complete,
    async byBrowser (hint) {
      const { clients, issuer } = await stored()
      const browser = await options.browser!.prepare(clients[issuer ?? '']?.redirectUris[0] ?? null)
      try {
        const { url, pending } = await begin(hint, browser.redirectUri)
        return await complete(pending, await browser.visit(url, pending.state))
      } finally {
        await browser.close()
      }
    },
    async byGrant (hint) {
      const found = await find(hint)
      const { server, resource: { resource } } = found
      const last = await stored()
      const proofKey = await keyFor(found, hint, last)
      const scopes = scopesFor(found, hint, last)
      const { clientId, authentication, registration } = await clientOf(server, null)
      const access = { server, client: { clientId, authentication }, httpClient, clock, prover: await proverOf(proofKey) }
      const tokens = await options.grant!(access, { resource, scopes })
      return { tokens, connection: { issuer: server.issuer, resource, requestedScopes: scopes, proofKey, clientId, registration, clients: last.clients } }
    },
    accessOf,
    async prover () { return await proverOf((await stored()).proofKey as StoredProofKey | null) }
  }
}

/** What both check proofs by; ES256 where neither says. */
function algorithmsOf (server: ServerMetadata, document: Readonly<Record<string, unknown>>): readonly string[] {
  const lists = [server.dpop_signing_alg_values_supported, document.dpop_signing_alg_values_supported].filter(list => Array.isArray(list)) as string[][]
  const [first = ['ES256'], second = first] = lists
  return first.filter(one => second.includes(one))
}
