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
    body: unknown
  }

  export interface ResourceServerInfo {
    scope: string
    audience?: string
    accessTokenTTL?: number
    accessTokenFormat: 'jwt' | 'opaque'
    jwt?: { sign: { alg: string } }
  }

  export interface Grant {
    addOIDCScope (scope: string): void
    addResourceScope (resource: string, scope: string): void
    save (): Promise<string>
  }

  export interface Interaction {
    readonly uid: string
    readonly prompt: {
      readonly name: string
      readonly details: {
        readonly missingOIDCScope?: readonly string[]
        readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>>
      }
    }
    readonly params: Readonly<Record<string, unknown>>
    readonly session?: { readonly accountId: string }
    readonly grantId?: string
  }

  export type InteractionResult =
    | { login: { accountId: string } }
    | { consent: { grantId: string } }
    | { error: string, error_description: string }

  /** https://github.com/panva/node-oidc-provider/blob/v9.x/docs/README.md */
  export interface Configuration {
    adapter?: unknown
    jwks: { keys: object[] }
    scopes: readonly string[]
    findAccount? (ctx: Context, subject: string): Promise<Account | undefined>
    interactions?: { url (ctx: Context, interaction: Interaction): string }
    issueRefreshToken? (ctx: Context, client: Client): Promise<boolean>
    renderError? (ctx: Context, out: { error: string, error_description?: string }): Promise<void>
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

  export default class Provider {
    readonly issuer: string
    readonly Client: { find (clientId: string): Promise<Client | undefined> }
    readonly Grant: {
      new (of: { accountId: string, clientId: string }): Grant
      find (grantId: string): Promise<Grant | undefined>
    }

    constructor (issuer: string, configuration: Configuration)
    on (event: 'server_error', listener: (ctx: Context, error: Error) => void): this
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
  }
}

declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  export function createMemoryAdapter (clockToleranceSeconds?: number): unknown
}
