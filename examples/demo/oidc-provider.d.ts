/** The few parts of oidc-provider that the example uses; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface Client {
    readonly clientId: string
    readonly clientName?: string
    readonly redirectUris?: readonly string[]
    grantTypeAllowed (grantType: string): boolean
  }

  export interface Account {
    accountId: string
    claims (): Promise<{ sub: string, [claim: string]: unknown }>
  }

  export interface Context {
    type: string
    status: number
    body: unknown
    readonly path: string
    readonly req: IncomingMessage
    readonly res: ServerResponse
    set (headers: Readonly<Record<string, string>>): void
    accepts (...types: string[]): string | false
    readonly oidc: {
      readonly provider: Provider
      readonly client?: Client
      readonly session?: Session
      readonly params?: Readonly<Record<string, unknown>>
      readonly grant?: Grant
      readonly result?: { readonly consent?: { readonly grantId?: string } }
    }
  }

  export interface ResourceServerInfo {
    scope: string
    audience?: string
    accessTokenTTL?: number
    accessTokenFormat: 'jwt' | 'opaque'
    jwt?: { sign: { alg: string } }
  }

  /** RFC 9396 section 2. */
  export interface AuthorizationDetail {
    readonly type: string
    readonly [member: string]: unknown
  }

  export interface Grant {
    readonly jti?: string
    readonly accountId: string
    readonly clientId: string
    readonly rar?: readonly AuthorizationDetail[]
    readonly openid?: { readonly scope?: string }
    readonly resources?: Readonly<Record<string, string>>
    readonly rejected?: Pick<Grant, 'openid' | 'resources'>
    addRar (detail: AuthorizationDetail): void
    addOIDCScope (scope: string): void
    rejectOIDCScope (scope: string): void
    addResourceScope (resource: string, scope: string): void
    rejectResourceScope (resource: string, scope: string): void
    save (): Promise<string>
    destroy (): Promise<void>
  }

  export interface Session {
    readonly accountId?: string
    grantIdFor (clientId: string): string | undefined
    destroy (): Promise<void>
  }

  /** What access tokens are made from: a code, or a refresh token; and the access tokens themselves. */
  export interface Token {
    readonly kind: string
    readonly accountId: string
    readonly clientId: string
    readonly grantId?: string
    readonly resourceServer?: { readonly accessTokenTTL?: number }
    readonly scopes: ReadonlySet<string>
  }

  export interface Interaction {
    readonly uid: string
    readonly prompt: {
      readonly name: string
      readonly reasons: readonly string[]
      readonly details: {
        readonly missingOIDCScope?: readonly string[]
        readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>>
      }
    }
    readonly params: Readonly<Record<string, unknown>>
    session?: { readonly accountId: string }
    readonly grantId?: string
    persist (): Promise<unknown>
  }

  export type InteractionResult =
    | { login: { accountId: string, ts?: number } }
    | { consent: { grantId: string } }
    | { error: string, error_description: string }

  type MaybePromise<T> = T | Promise<T>

  /** https://github.com/panva/node-oidc-provider/blob/v9.x/docs/README.md */
  export interface Configuration {
    adapter?: unknown
    clients?: ReadonlyArray<Readonly<Record<string, unknown>>>
    jwks: { keys: object[] }
    scopes: readonly string[]
    findAccount? (ctx: Context, subject: string, token?: Token): Promise<Account | undefined>
    loadExistingGrant? (ctx: Context): Promise<Grant | undefined>
    extraTokenClaims? (ctx: Context, token: Token): Promise<Record<string, unknown> | undefined>
    expiresWithSession? (ctx: Context, token: Token): Promise<boolean>
    interactions?: { url? (ctx: Context, interaction: Interaction): string, policy?: interactionPolicy.DefaultPolicy }
    issueRefreshToken? (ctx: Context, client: Client, token: Token): Promise<boolean>
    renderError? (ctx: Context, out: { error: string, error_description?: string }): Promise<void>
    ttl?: Readonly<Record<string, number | ((ctx: Context, token: Token, client: Client) => number)>>
    extraClientMetadata?: {
      properties: readonly string[]
      validator (ctx: Context, key: string, value: unknown, metadata: Record<string, unknown>): void
    }
    features: {
      resourceIndicators: {
        enabled: boolean
        defaultResource? (ctx: Context, client: Client, oneOf?: string | string[]): Promise<string | string[]>
        useGrantedResource? (): Promise<boolean>
        getResourceServerInfo (ctx: Context, resource: string): Promise<ResourceServerInfo>
      }
      [feature: string]: { enabled?: boolean, [option: string]: unknown }
    }
    [option: string]: unknown
  }

  export type RefusalEvent = `${'authorization' | 'grant' | 'registration_create' | 'introspection' | 'revocation'}.error`

  interface Revocable {
    revokeByGrantId (grantId: string): Promise<void>
  }

  export default class Provider {
    readonly issuer: string
    readonly Client: { find (clientId: string): Promise<Client | undefined> }
    readonly Grant: {
      new (of: { accountId: string, clientId: string }): Grant
      find (grantId: string, options?: { ignoreExpiration?: boolean }): Promise<Grant | undefined>
    }

    readonly Session: { get (ctx: Context): Promise<Session> }
    readonly AccessToken: Revocable
    readonly AuthorizationCode: Revocable
    readonly RefreshToken: Revocable

    constructor (issuer: string, configuration: Configuration)
    on (event: 'server_error', listener: (ctx: Context, error: Error) => void): this
    on (event: RefusalEvent, listener: (ctx: Context, error: Error & { error?: string, error_description?: string, error_detail?: string }) => void): this
    on (event: 'grant.revoked', listener: (ctx: Context, grantId: string) => void): this
    emit (event: 'server_error', ctx: Context, error: Error): boolean
    use (middleware: (ctx: Context, next: () => Promise<void>) => Promise<void>): this
    createContext (request: IncomingMessage, response: ServerResponse): Context
    callback (): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    interactionDetails (request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    /** Answers the URL at which the authorization request goes on. */
    interactionResult (
      request: IncomingMessage, response: ServerResponse, result: InteractionResult,
      options?: { mergeWithLastSubmission?: boolean }
    ): Promise<string>
  }

  export namespace errors {
    class InvalidTarget extends Error {}
    class InvalidRedirectUri extends Error { constructor (description: string) }
    class TemporarilyUnavailable extends Error { constructor (description?: string) }
    class InvalidGrant extends Error { constructor (detail: string) }
  }

  export namespace interactionPolicy {
    class Check {
      constructor (reason: string, description: string, error: string, check: (ctx: Context) => MaybePromise<boolean>)
    }
    interface Prompt {
      readonly checks: { add (check: Check, at?: number): void }
    }
    interface DefaultPolicy {
      get (prompt: 'login' | 'consent'): Prompt
    }
    function base (): DefaultPolicy
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  export function createMemoryAdapter (clockToleranceSeconds?: number): unknown
}
