import type { Clock } from '../clock.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import type { ImpersonationGuardOptions } from '../impersonation/options.ts'
import type { ImpersonatedTokenOptions } from '../impersonation/token-options.ts'
import type { ProtectedResourceMetadata } from '../metadata/document.ts'
import type { Policy } from '../policy/policy.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import type { TenantOf } from '../policy/tenancy.ts'
import type { AuditLevel } from '../audit/audit.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import type { VerifyCustomToken } from '../token/custom-tokens.ts'
import type { IssuerOptions } from './issuer-options.ts'

type MaybePromise<T> = T | Promise<T>

/** Tokens that nobody vouches for but you: personal access tokens, API keys. */
export interface CustomTokensOptions {
  /** What they begin with; no other token is handed to `verify`. `''`: every token that is no JWT and nobody else's. */
  prefix: string
  /** Nothing when the token is no good: 401. One that throws, or gives something else: 503. */
  verify: VerifyCustomToken
  /** `issuer` of their access tokens: whose subjects these are. Default: the `resource`. */
  issuer?: string
  /** How long what it gave is remembered, in seconds, and never past the token's expiry. Default: 0, it is asked each time. */
  cacheSeconds?: number
}

/** One scope of the resource. */
export interface ScopeOptions {
  description?: string
  /** Whether the metadata document names it. Default: true. Keep internal and privileged scopes out of it. */
  advertised?: boolean
}

/**
 * The options of the plugin.
 *
 * @template Request what the web framework calls a request
 */
export interface OAuthResourceServerOptions<Request = unknown> {
  /**
   * The resource identifier (RFC 9728 section 1.2): an https URL, or http on a loopback host. Every advertised URL comes
   * from it, and it is what must stand in a token's `aud`. It is kept as the string it is.
   */
  resource: string
  /** The issuers whose access tokens are accepted, at least one. */
  authorizationServers: ReadonlyArray<string | IssuerOptions>
  /**
   * Finds an issuer that is not in the list, by the identifier a token gives: for tenants that come and go. `null` for one
   * that is none of yours; nothing is asked of it then. The identifier is not to be trusted. Issuers are remembered by it.
   */
  resolveIssuer?: (issuer: string) => MaybePromise<string | IssuerOptions | null>
  /** Tokens of your own beside those of the issuers, by how they begin. Default: none. */
  customTokens?: readonly CustomTokensOptions[]
  /** What was revoked before it expired; asked on every request. Default: none. */
  revocations?: RevocationStore
  /** Name → description of the scopes of the resource. Those that are advertised should be the few that a client starts with. */
  scopes?: Readonly<Record<string, string | ScopeOptions>>
  /** Whether a granted scope covers a required one, beside being it: `write` covers `read`. Default: it never does. */
  scopeImplies?: ScopeImplies
  /**
   * The organization that a request is about, for routes that do not say. A token that is bound to organizations is refused
   * where nobody says, unless the route opts in by `anyOrganization`. Default: nobody says.
   */
  organizationOf?: TenantOf<Request>
  /** The same for tokens that are bound to teams, and `anyTeam`. */
  teamOf?: TenantOf<Request>
  /** Asked about every request with an access token, after the rule of its route: only `true` is a yes. Default: none. */
  policy?: Policy<Request>
  /**
   * How long a function or a store of yours may take to answer, in milliseconds: `revocations`, `resolveIssuer`,
   * `customTokens`, `tokenRules`, `organizationOf`, `teamOf`, `policy`, their like on routes, and the sessions of `mcp`. After it the answer is
   * 503. Default: 5000.
   */
  lookupTimeoutMs?: number
  /**
   * What the metadata document advertises: `configured` (default), the scopes above; `routes`, those that routes ask for,
   * without the scopes above that are not advertised.
   */
  scopesSupported?: 'configured' | 'routes'
  /**
   * Advertises only what the authorization server grants now. While that is not known, or is nothing, everything is
   * advertised that would be without this.
   */
  liveScopes?: {
    source: () => Promise<readonly string[]>
    /** How long an answer is kept, in seconds. Default: 300. */
    maxAgeSeconds?: number
    /** Whoever asks for the document waits no longer for it. Default: 1000. */
    timeoutMs?: number
  }
  /** `realm` of the challenges. Default: none. */
  realm?: string
  /**
   * What a challenge says of a failure in words: `public` (default), a fixed text for each code; `none`, nothing but the
   * code; `reason`, the text and the reason that is in the log, for development. Bodies are yours.
   */
  errorDescriptions?: 'public' | 'none' | 'reason'
  /** Members of the metadata document beside those that follow from the other options (RFC 9728 section 2). */
  metadata?: Readonly<ProtectedResourceMetadata>
  /** How long clients and caches may keep the metadata document, in seconds. Default: 3600. */
  metadataMaxAgeSeconds?: number
  /**
   * Whether the document of a resource with a path also answers at the root, `/.well-known/oauth-protected-resource`.
   * Default: when it is the only resource of the server.
   */
  rootAlias?: boolean
  /** Set it when a gateway serves the metadata document and this server does not. Default: false. */
  documentServedElsewhere?: boolean
  /**
   * Serves a copy of the first advertised issuer's metadata on the origin of the resource, for clients that are older than
   * RFC 9728. Legacy help only. Default: false.
   */
  authorizationServerMirror?: boolean
  /** Seconds that the clocks of issuer and resource may be apart, 0 to 300. Default: 5. */
  clockToleranceSeconds?: number
  /** Remembering verified tokens: `false` for not at all. */
  tokenCache?: false | {
    /** Default: 10000. */
    maxEntries?: number
    /** A token is verified anew after this time, in seconds. Default: 60. It is never kept past its expiry. */
    maxAgeSeconds?: number
  }
  /** Looking up the metadata and keys of the authorization servers. */
  discovery?: {
    /** For each request, its body included. Default: 5000. */
    timeoutMs?: number
    /** Larger answers are refused. Default: 1048576. */
    maxBytes?: number
    /** Keys are renewed after this time, when the answer does not say otherwise (60 s to a day). Default: 600. */
    keysMaxAgeSeconds?: number
    /** The same for the issuer's metadata. Default: 3600. */
    metadataMaxAgeSeconds?: number
    /** An unknown key id causes at most one request in this time. Default: 30. */
    unknownKeyCooldownSeconds?: number
    /** A failed request is not repeated within this time; it is also the `Retry-After` of the 503. Default: 5. */
    retryAfterSeconds?: number
    /** How long the last good keys serve after they should have been renewed. Default: 86400. */
    maxStaleSeconds?: number
  }
  /** The guard on impersonated grants, where this server makes grants itself. Default: none. */
  impersonationGuard?: ImpersonationGuardOptions<Request>
  /** What is asked of impersonated access tokens each time they are used. Default: nothing. */
  impersonatedTokens?: ImpersonatedTokenOptions
  /** How routes are described in the OpenAPI document of `@fastify/swagger`, where that is registered; `false`: they are not. */
  openapi?: false | {
    /** What the security scheme is called. Default: `oauth`. */
    scheme?: string
    /**
     * `openIdConnect` (default): leads on to the first advertised issuer and names scopes; `bearer`: for issuers that have
     * no OpenID Connect discovery document.
     */
    type?: 'openIdConnect' | 'bearer'
    /** A Security Scheme Object of your own, in place of ours. */
    definition?: Readonly<Record<string, unknown>>
    /** Whether the answers 401, 403 and 503 are described. Default: true. */
    responses?: boolean
  }
  /** What the log of the host is told of refusals and of decisions about grants. */
  audit?: {
    /** Of every entry but one: a grant that was blocked is a warning. `silent`: nothing is logged. Default: `info`. */
    level?: AuditLevel
  }
  /** Makes the outgoing requests. Default: the global `fetch`. */
  fetch?: Fetch
  /** Where the time comes from. Default: the system. */
  clock?: Clock
}
