/**
 * The parts of oidc-provider 9 that its guard uses, as structural types: this package does not import oidc-provider, and the
 * host passes its own.
 *
 * @see https://github.com/panva/node-oidc-provider/blob/v9.x/docs/README.md
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What `import * as oidc from 'oidc-provider'` gives, as far as the guard needs it. */
export interface OidcProviderModule<Policy extends OidcPolicy = OidcPolicy> {
  readonly errors: {
    readonly InvalidGrant: new (detail: string) => Error
    readonly TemporarilyUnavailable: new (description?: string) => Error
  }
  readonly interactionPolicy: {
    /** `(reason, description, error, check)` */
    readonly Check: new (...parameters: never[]) => object
    base (): Policy
  }
}

/** A policy of interactions, for `interactions.policy` of the configuration. */
export interface OidcPolicy {
  get (prompt: string): { readonly checks: { add (check: never, at?: number): void } } | undefined
}

export interface OidcContext {
  readonly path: string
  readonly req: IncomingMessage
  readonly res: ServerResponse
  status: number
  body: unknown
  set (headers: Readonly<Record<string, string>>): void
  readonly oidc: {
    readonly client?: OidcClient | undefined
    readonly session?: OidcSession | undefined
    readonly params?: Readonly<Record<string, unknown>> | undefined
    readonly grant?: OidcGrant | undefined
    readonly result?: { readonly consent?: { readonly grantId?: string | undefined } | undefined } | undefined
  }
}

export interface OidcClient {
  readonly clientId: string
}

export interface OidcAccount {
  accountId: string
}

/** A code or a refresh token, from which access tokens are issued; or an access token. */
export interface OidcToken {
  readonly kind: string
  readonly grantId?: string | undefined
}

/** RFC 9396 section 2. */
export interface OidcAuthorizationDetail {
  readonly type: string
  readonly [member: string]: unknown
}

export interface OidcGrant {
  readonly jti?: string | undefined
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
  readonly rar?: readonly OidcAuthorizationDetail[] | undefined
  readonly openid?: { readonly scope?: string | undefined } | undefined
  readonly resources?: Readonly<Record<string, string>> | undefined
  readonly rejected?: Pick<OidcGrant, 'openid' | 'resources'> | undefined
  addRar (detail: OidcAuthorizationDetail): void
  addOIDCScope (scope: string): void
  rejectOIDCScope (scope: string): void
  addResourceScope (resource: string, scope: string): void
  rejectResourceScope (resource: string, scope: string): void
  save (): Promise<string>
  destroy (): Promise<void>
}

export interface OidcSession {
  readonly accountId?: string | undefined
  grantIdFor (clientId: string): string | undefined
  destroy (): Promise<void>
}

/** An authorization request that waits for the user to sign in or to consent. */
export interface OidcInteraction {
  readonly prompt: {
    readonly reasons: readonly string[]
    readonly details: {
      readonly missingOIDCScope?: readonly string[] | undefined
      readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>> | undefined
    }
  }
  readonly params: Readonly<Record<string, unknown>>
  readonly grantId?: string | undefined
}

interface Revocable {
  revokeByGrantId (grantId: string): Promise<void>
}

/** The provider of the host. Its methods are typed where they are called, as its own types differ by version. */
export interface OidcProvider {
  readonly Grant: object
  readonly Session: object
  on (...parameters: never[]): unknown
  emit (...parameters: never[]): boolean
  use (...parameters: never[]): unknown
}

/** The provider, as the guard calls it. */
export interface GuardedProvider {
  readonly Grant: {
    new (of: { accountId: string, clientId: string }): OidcGrant
    find (grantId: string, options?: { ignoreExpiration?: boolean }): Promise<OidcGrant | undefined>
  }
  readonly Session: { get (ctx: unknown): Promise<OidcSession> }
  readonly AccessToken: Revocable
  readonly AuthorizationCode: Revocable
  readonly RefreshToken: Revocable
  on (event: 'grant.revoked', listener: (ctx: OidcContext, grantId: string) => void): unknown
  emit (event: 'server_error', ctx: OidcContext, error: unknown): boolean
  use (middleware: (ctx: OidcContext, next: () => Promise<void>) => Promise<void>): unknown
  createContext (request: IncomingMessage, response: ServerResponse): unknown
}
