import { withinTime } from '../../time-limit.ts'

/** A client that was registered dynamically (RFC 7591 section 3.2.1). It holds a secret. */
export interface StoredClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string | null
  readonly authenticationMethod: 'none' | 'client_secret_basic' | 'client_secret_post'
  /** Milliseconds since the epoch; `null` when the registration does not expire. */
  readonly expiresAt: number | null
  readonly redirectUris: readonly string[]
  /** The scopes that the registration was made for. Missing or `null`: it does not limit them. */
  readonly scopes?: readonly string[] | null
}

/** What a connection needs besides its tokens to continue after a restart. It holds secrets. */
export interface StoredConnection {
  /** The issuer of the tokens and of the client. `null` before the first authorization. */
  readonly issuer: string | null
  /** The identifier of the resource that the tokens are for. */
  readonly resource: string | null
  /** All scopes that were requested for it. */
  readonly requestedScopes: readonly string[] | null
  /** The private JWK that the tokens are bound to (RFC 9449); `null` for bearer tokens. */
  readonly proofKey: Readonly<Record<string, unknown>> | null
  /** The client that the tokens were issued to: no other one presents their refresh token. Missing or `null` if not stored. */
  readonly clientId?: string | null
  /** The dynamic registration of that client, where it has one: `clients` may have another one by now. */
  readonly registration?: StoredClient | null
  /** Dynamic registrations by issuer: the clients of the next authorizations. */
  readonly clients: Readonly<Record<string, StoredClient>>
}

/** The connection data before the first authorization. */
export const emptyConnection: StoredConnection = { issuer: null, resource: null, requestedScopes: null, proofKey: null, clientId: null, registration: null, clients: {} }

/** Keeps the connection data of one session, for as long as its tokens are kept. */
export interface ConnectionStore {
  /** @returns `null` when nothing was written, or nothing that can be read */
  read (): Promise<StoredConnection | null>
  /** Must be atomic: after a crash there is the old record or the new one. The last writer wins. */
  write (connection: StoredConnection): Promise<void>
}

/** Keeps the connection data of one session in this process. It is lost when the process ends. */
export function createMemoryConnectionStore (): ConnectionStore {
  let stored: StoredConnection | null = null
  return {
    async read () { return stored },
    async write (connection) { stored = connection }
  }
}

/**
 * The store with a time limit on each call, so that a store that never answers cannot block a sign-in or a sign-out. A call
 * that takes longer is not cancelled.
 *
 * Its methods throw a TimeLimitError, or what the store throws.
 */
export function limitConnectionStore (store: ConnectionStore, timeoutMs: number): ConnectionStore {
  return {
    read: async () => await withinTime(store.read(), timeoutMs),
    write: async connection => { await withinTime(store.write(connection), timeoutMs) }
  }
}
