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

/** What a connection has to know to go on with its tokens after a restart. */
export interface StoredConnection {
  /** Of whom the tokens are; they, and the client, are good there and nowhere else. `null` before the first authorization. */
  readonly issuer: string | null
  /** The identifier of the resource that they are for. */
  readonly resource: string | null
  /** Every scope that was ever asked for there. */
  readonly requestedScopes: readonly string[] | null
  /** The private JWK that the tokens are bound to; `null` for bearer tokens. */
  readonly proofKey: Readonly<Record<string, unknown>> | null
  /** The client that they were issued to: their refresh token is shown by no other. Missing or `null` where that was not noted. */
  readonly clientId?: string | null
  /** What that client was registered as, where it registered itself: `clients` may have another one by now. */
  readonly registration?: StoredClient | null
  /** Clients by the issuer that registered them: who to be when the user is asked the next time. */
  readonly clients: Readonly<Record<string, StoredClient>>
}

/** The connection data before the first authorization. */
export const emptyConnection: StoredConnection = { issuer: null, resource: null, requestedScopes: null, proofKey: null, clientId: null, registration: null, clients: {} }

/** Keeps what belongs to the tokens of one session and is no token. */
export interface ConnectionStore {
  /** `null` when nothing was ever written. */
  read (): Promise<StoredConnection | null>
  /** Atomic: after a crash there is the old record or the new one. The last writer wins. */
  write (connection: StoredConnection): Promise<void>
}
