import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { OptionError } from '../errors/errors.ts'
import { quote } from '../challenge/grammar.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import type { ImpersonationGuardOptions } from '../impersonation/options.ts'
import { checkGuardOptions } from '../impersonation/options.ts'
import type { ImpersonatedTokenSettings } from '../impersonation/token-options.ts'
import { resolveTokenOptions } from '../impersonation/token-options.ts'
import type { MetadataDocument } from '../metadata/document.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { LiveScopesSettings } from '../metadata/live-scopes.ts'
import { metadataUrl } from '../metadata/well-known.ts'
import type { OpenApiSettings } from '../openapi/scheme.ts'
import type { Policy } from '../policy/policy.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import type { TenantOf } from '../policy/tenancy.ts'
import type { AuditSettings } from '../audit/audit.ts'
import { defaultAuditSettings } from '../audit/audit.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import type { CustomTokensSettings } from '../token/custom-tokens.ts'
import type { TokenCacheSettings } from '../token/token-cache.ts'
import { checkResourceOptions } from './check-options.ts'
import { identifierOf } from './identifier-option.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import type { DiscoverySettings } from './resolve-discovery.ts'
import { resolveDiscovery } from './resolve-discovery.ts'
import { detailsTypesOf, mirroredIssuerOf, resolveDocument, resolveLiveScopes } from './resolve-document.ts'
import type { ResolvedIssuer } from './resolve-issuer.ts'
import { resolveIssuers } from './resolve-issuer.ts'
import { resolveCustomTokens } from './resolve-custom-tokens.ts'
import type { ResolvedScope } from './resolve-scopes.ts'
import { resolveScopes } from './resolve-scopes.ts'
import { show } from '../options/show.ts'

/** The configuration of one protected resource: options checked, defaulted and frozen. */
export interface OAuthConfig {
  /** The resource identifier, as it was configured. */
  readonly resource: string
  readonly identifier: IdentifierParts
  /** The absolute URL of the metadata document: what every challenge points at. */
  readonly metadataUrl: string
  readonly document: MetadataDocument
  readonly metadataMaxAgeSeconds: number
  /** Whether the document advertises the scopes of the configuration, or those that routes ask for. */
  readonly scopesSupported: 'configured' | 'routes'
  /** `null`: what the authorization server grants now is not asked for. */
  readonly liveScopes: LiveScopesSettings | null
  /** `null`: when it is the only resource of the server. */
  readonly rootAlias: boolean | null
  readonly documentServedElsewhere: boolean
  /** The issuer whose metadata is served on the origin of the resource, too; `null`: none. */
  readonly authorizationServerMirror: string | null
  readonly realm: string | null
  readonly errorDescriptions: 'public' | 'none' | 'reason'
  readonly issuers: readonly ResolvedIssuer[]
  /** Finds issuers that are not among `issuers`; `null` for none. */
  readonly resolveIssuer: NonNullable<OAuthResourceServerOptions['resolveIssuer']> | null
  readonly customTokens: readonly CustomTokensSettings[]
  readonly clockToleranceSeconds: number
  /** `null`: an access token is good until it expires. */
  readonly revocations: RevocationStore | null
  readonly scopes: readonly ResolvedScope[]
  readonly scopeImplies: ScopeImplies | null
  /** Types of RFC 9396 authorization details that the document names; `null` when it does not. */
  readonly authorizationDetailsTypes: readonly string[] | null
  /** For routes that do not say themselves; `null`: nothing belongs to an organization. */
  readonly organizationOf: TenantOf<never> | null
  readonly teamOf: TenantOf<never> | null
  /** `null` for none. */
  readonly policy: Policy<never> | null
  /** How long a function or a store of the host's own may take to answer. */
  readonly lookupTimeoutMs: number
  /** `null`: verified tokens are not remembered. */
  readonly tokenCache: TokenCacheSettings | null
  readonly discovery: DiscoverySettings
  /** `null`: this server makes no grants. */
  readonly impersonationGuard: Readonly<ImpersonationGuardOptions<never>> | null
  /** `null`: impersonated tokens are not told from others. */
  readonly impersonatedTokens: ImpersonatedTokenSettings | null
  /** `null`: routes are not described. */
  readonly openapi: OpenApiSettings | null
  readonly audit: AuditSettings
  readonly fetch: Fetch
  readonly clock: Clock
}

export interface ResolvedConfig {
  readonly config: OAuthConfig
  /** Sentences about what is allowed and better avoided, for the host's log. */
  readonly warnings: readonly string[]
}

/**
 * Checks the options of the plugin, fills in the defaults and freezes the result.
 *
 * @throws OptionError that names the option and its value
 */
export function resolveConfig (given: unknown): ResolvedConfig {
  const options = checkResourceOptions(given)
  const warnings: string[] = []

  const identifier = identifierOf('resource', options.resource)
  checkRequestTarget(identifier, options.resource)
  if (identifier.query !== '') warnings.push(`resource ${show(options.resource)} should not have a query (RFC 9728 section 1.2)`)
  if (identifier.path.endsWith('/')) {
    warnings.push(`resource ${show(options.resource)} ends with a slash, which clients must then repeat in every comparison`)
  }
  checkRealm(options.realm)
  const { documentServedElsewhere = false, rootAlias = null } = options
  if (documentServedElsewhere && rootAlias === true) {
    throw new OptionError('rootAlias true and documentServedElsewhere true contradict each other')
  }

  const impersonationGuard = options.impersonationGuard === undefined ? null : checkGuardOptions<never>(options.impersonationGuard)
  const issuers = resolveIssuers(options)
  if (!issuers.some(issuer => issuer.advertised)) {
    warnings.push('no authorization server is advertised, so the metadata document leads no client to one')
  }
  const scopes = resolveScopes(options.scopes ?? {}, warnings)
  const discovery = resolveDiscovery(options)
  const config: OAuthConfig = {
    resource: options.resource,
    identifier: Object.freeze(identifier),
    metadataUrl: metadataUrl(identifier),
    document: resolveDocument(options, issuers, scopes, warnings),
    metadataMaxAgeSeconds: options.metadataMaxAgeSeconds ?? 3600,
    scopesSupported: options.scopesSupported ?? 'configured',
    liveScopes: resolveLiveScopes(options, discovery),
    rootAlias,
    documentServedElsewhere,
    authorizationServerMirror: options.authorizationServerMirror === true ? mirroredIssuerOf(issuers) : null,
    realm: options.realm ?? null,
    errorDescriptions: options.errorDescriptions ?? 'public',
    issuers,
    resolveIssuer: options.resolveIssuer ?? null,
    customTokens: resolveCustomTokens(options, issuers),
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    revocations: options.revocations ?? null,
    scopes,
    scopeImplies: options.scopeImplies ?? null,
    authorizationDetailsTypes: detailsTypesOf(options),
    organizationOf: options.organizationOf ?? null,
    teamOf: options.teamOf ?? null,
    policy: options.policy ?? null,
    lookupTimeoutMs: options.lookupTimeoutMs ?? 5000,
    tokenCache: tokenCacheOf(options),
    discovery,
    impersonationGuard,
    impersonatedTokens: options.impersonatedTokens === undefined
      ? null
      : resolveTokenOptions(options.impersonatedTokens, impersonationGuard?.directory ?? null),
    openapi: openApiOf(options),
    audit: Object.freeze({ ...defaultAuditSettings, ...options.audit }),
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    clock: options.clock ?? systemClock
  }
  return { config: Object.freeze(config), warnings }
}

/** Clients that ask for `/a/../b` ask for `/b`: what they would rewrite is an address at which nobody can be reached. */
function checkRequestTarget ({ path, query }: IdentifierParts, resource: string): void {
  const { pathname, search } = new URL(resource)
  if (pathname + search !== (path === '' ? '/' : path) + query) {
    throw new OptionError(`resource must be written as clients send it (${pathname}${search}), and is ${show(resource)}`)
  }
}

function checkRealm (realm: string | undefined): void {
  if (realm === undefined) return
  try {
    quote(realm)
  } catch {
    throw new OptionError(`realm must be text that a header can hold, and is ${show(realm)}`)
  }
}

function tokenCacheOf ({ tokenCache = {} }: OAuthResourceServerOptions): TokenCacheSettings | null {
  if (tokenCache === false) return null
  const { maxEntries = 10_000, maxAgeSeconds = 60 } = tokenCache
  return Object.freeze({ maxEntries, maxAgeMs: maxAgeSeconds * 1000 })
}

function openApiOf ({ openapi = {} }: OAuthResourceServerOptions): OpenApiSettings | null {
  if (openapi === false) return null
  const { scheme = 'oauth', type = 'openIdConnect', definition = null, responses = true } = openapi
  if (definition !== null && openapi.type !== undefined) throw new OptionError('openapi.type and openapi.definition contradict each other')
  return Object.freeze({ scheme, type, definition, responses })
}
