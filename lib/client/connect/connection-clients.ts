import type { Clock } from '../../clock.ts'
import type { AuthorizationError } from '../../errors/authorization-error.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ConnectionStore, StoredClient } from '../../stores/connections/connection-store.ts'
import type { FoundAuthorization } from '../discovery/find-authorization.ts'
import type { Client, ClientOwner, RegistrationOptions } from '../oauth/registration.ts'
import { registerClient } from '../oauth/registration.ts'
import { emptyConnection } from '../../stores/connections/connection-store.ts'

/** A client, by its dynamic registration; `null` for a client that was not registered dynamically. */
export type ClientReference = Pick<ClientOwner, 'registration'>

/** The clients of a connection: one for each authorization server, stored where they were registered dynamically. */
export interface ConnectionClients {
  /**
   * The client for an authorization.
   *
   * @param redirectUri `null` for a grant without a browser
   */
  clientFor (found: FoundAuthorization, redirectUri: string | null, scopes: readonly string[] | null): Promise<Client>
  /** Removes a stored registration, so that the next authorization registers anew. */
  drop (registration: StoredClient): Promise<void>
  /**
   * Does that if `error` is a refusal of the client: `invalid_client` or `unauthorized_client` (RFC 6749 section 5.2).
   *
   * @returns whether a client that was registered dynamically was refused
   */
  dropRefused (error: unknown, client: ClientReference): Promise<boolean>
}

/** Errors by which a server says that it does not know a client (any more), or what it was registered for. */
const clientRefusals: ReadonlyArray<string | null | undefined> = ['invalid_client', 'unauthorized_client']

export function createConnectionClients (options: RegistrationOptions, httpClient: HttpClient, store: ConnectionStore, clock: Clock): ConnectionClients {
  const registering = new Map<string, Promise<Client>>()

  const storeClient = async (issuer: string, client: StoredClient | null): Promise<void> => {
    const connection = await store.read() ?? emptyConnection
    const { [issuer]: _before, ...others } = connection.clients
    await store.write({ ...connection, clients: client === null ? others : { ...others, [issuer]: client } })
  }

  const register = async ({ server, resource }: FoundAuthorization, redirectUri: string | null, scopes: readonly string[] | null): Promise<Client> => {
    const { clients } = await store.read() ?? emptyConnection
    const stored = clients[server.issuer] ?? null
    const client = await registerClient(server, options, { redirectUri, stored, scopes, scopesSupported: resource.scopesSupported, clock }, httpClient)
    // At once: after a crash, no process would know the registration.
    if (client.registration !== null && client.registration !== stored) await storeClient(server.issuer, client.registration)
    return client
  }

  const drop = async ({ issuer, clientId }: StoredClient): Promise<void> => {
    const { clients } = await store.read() ?? emptyConnection
    // Another process may have registered anew.
    if (clients[issuer]?.clientId === clientId) await storeClient(issuer, null)
  }

  return {
    // Two authorizations that start at once use one client.
    async clientFor (found, redirectUri, scopes) {
      const key = JSON.stringify([found.server.issuer, redirectUri, scopes])
      const pending = registering.get(key) ?? register(found, redirectUri, scopes).finally(() => registering.delete(key))
      registering.set(key, pending)
      return await pending
    },
    drop,
    async dropRefused (error, { registration = null }) {
      if (registration === null || !clientRefusals.includes((error as Partial<AuthorizationError>).oauthError)) return false
      await drop(registration)
      return true
    }
  }
}
