import type { LiveScopesSettings } from '../metadata/live-scopes.ts'
import type { OpenApiSettings } from '../openapi/scheme.ts'
import type { AuditSettings } from '../audit/audit.ts'
import { checkOptions } from '../options/check-options.ts'
import { closed } from '../options/common-schemas.ts'
import { Type } from '../options/type.ts'
import type { CustomTokensSettings } from '../token/custom-tokens.ts'
import type { TokenCacheSettings } from '../token/token-cache.ts'
import { auditSchemas, resolveAudit } from './audit.ts'
import type { CredentialsSettings } from './credentials.ts'
import { credentialsSchemas, resolveCredentials } from './credentials.ts'
import { customTokensSchemas, resolveCustomTokens } from './custom-tokens.ts'
import type { DiscoverySettings } from './discovery.ts'
import { discoverySchemas, resolveDiscovery } from './discovery.ts'
import type { HostFunctionSettings } from './host-functions.ts'
import { hostFunctionSchemas, resolveHostFunctions } from './host-functions.ts'
import type { ImpersonationSettings } from './impersonation.ts'
import { impersonationSchemas, resolveImpersonation } from './impersonation.ts'
import type { IssuersSettings } from './issuers.ts'
import { issuersSchemas, resolveIssuers } from './issuers.ts'
import { liveScopesSchemas, resolveLiveScopes } from './live-scopes.ts'
import type { SignedMetadataSettings } from '../metadata/metadata-signer.ts'
import type { MetadataDocumentSettings } from './metadata-document.ts'
import { defaultMetadataMaxAgeSeconds, metadataDocumentSchemas, resolveMetadataDocument } from './metadata-document.ts'
import type { NetworkSettings } from './network.ts'
import { networkSchemas, resolveNetwork } from './network.ts'
import { openApiSchemas, resolveOpenApi } from './openapi.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import type { ProofSettings } from './proof.ts'
import { bindingMetadata, proofSchemas, resolveProof } from './proof.ts'
import type { ResourceSettings } from './resource.ts'
import { resolveResource, resourceSchemas } from './resource.ts'
import type { ScopesSettings } from './scopes.ts'
import { resolveScopes, scopesSchemas } from './scopes.ts'
import type { SharedSignalsSettings } from './shared-signals.ts'
import { resolveSharedSignals, sharedSignalsSchemas } from './shared-signals.ts'
import { resolveSignedMetadata, signedMetadataSchemas } from './signed-metadata.ts'
import { resolveTokenCache, tokenCacheSchemas } from './token-cache.ts'

/** The configuration of one protected resource: options checked, defaulted and frozen. */
export interface OAuthConfig extends
  ResourceSettings, IssuersSettings, CredentialsSettings, ScopesSettings, MetadataDocumentSettings, HostFunctionSettings,
  ImpersonationSettings, NetworkSettings, ProofSettings {
  readonly customTokens: readonly CustomTokensSettings[]
  /** `null`: the document advertises the scopes without asking which are granted now. */
  readonly liveScopes: LiveScopesSettings | null
  /** `null`: verified tokens are not cached. */
  readonly tokenCache: TokenCacheSettings | null
  readonly discovery: DiscoverySettings
  /** `null`: routes are not described. */
  readonly openapi: OpenApiSettings | null
  readonly audit: AuditSettings
  /** `null`: the metadata document is not signed. */
  readonly signedMetadata: SignedMetadataSettings | null
  /** `null`: no shared signals are received. */
  readonly sharedSignals: SharedSignalsSettings | null
}

export interface ResolvedConfig {
  readonly config: OAuthConfig
  /** Sentences about what is allowed and better avoided, for the log of the host. */
  readonly warnings: readonly string[]
}

const schema = Type.Object({
  ...resourceSchemas,
  ...issuersSchemas,
  ...credentialsSchemas,
  ...customTokensSchemas,
  ...scopesSchemas,
  ...liveScopesSchemas,
  ...metadataDocumentSchemas,
  ...hostFunctionSchemas,
  ...impersonationSchemas,
  ...tokenCacheSchemas,
  ...proofSchemas,
  ...discoverySchemas,
  ...networkSchemas,
  ...openApiSchemas,
  ...auditSchemas,
  ...sharedSignalsSchemas,
  ...signedMetadataSchemas
}, closed)

/**
 * Checks the options of the plugin, fills in the defaults and freezes the result.
 *
 * @throws OptionError that names the option, what was given, what was expected and how to fix it
 */
export function resolveConfig (given: unknown): ResolvedConfig {
  const options = checkOptions<OAuthResourceServerOptions<never>>('', schema, given)
  const warnings: string[] = []

  const network = resolveNetwork(options, warnings)
  const { allowInsecureHttp } = network
  const resource = resolveResource(options, allowInsecureHttp, warnings)
  const issuers = resolveIssuers(options, { resource: resource.resource, allowInsecureHttp }, warnings)
  const scopes = resolveScopes(options, warnings)
  const discovery = resolveDiscovery(options)
  const credentials = resolveCredentials(options)
  const { clock } = network
  const proof = resolveProof(options, { origin: resource.identifier.origin, tokenHeader: credentials.tokenHeader, allowInsecureHttp, clock })
  const hostFunctions = resolveHostFunctions(options)
  const signedMetadata = resolveSignedMetadata(options, {
    ...resource, ...hostFunctions, allowInsecureHttp, metadataMaxAgeSeconds: options.metadataMaxAgeSeconds ?? defaultMetadataMaxAgeSeconds
  })
  const config: OAuthConfig = {
    ...network,
    ...resource,
    ...issuers,
    ...credentials,
    ...proof,
    ...scopes,
    ...resolveMetadataDocument(options, { ...resource, ...issuers, ...scopes, allowInsecureHttp, binding: bindingMetadata(proof), signedMetadata }, warnings),
    ...hostFunctions,
    ...resolveImpersonation(options),
    customTokens: resolveCustomTokens(options, resource.resource, issuers.issuers),
    liveScopes: resolveLiveScopes(options, discovery.keys.retryAfterMs, options.metadata?.signed_metadata !== undefined),
    tokenCache: resolveTokenCache(options),
    discovery,
    openapi: resolveOpenApi(options),
    audit: resolveAudit(options),
    signedMetadata,
    sharedSignals: resolveSharedSignals(options, { ...resource, ...hostFunctions, ...issuers, allowInsecureHttp, clock })
  }
  return { config: Object.freeze(config), warnings }
}
