import type { TestOptions } from '../clock.ts'
import type { AuditOptions } from './audit.ts'
import type { CredentialsOptions } from './credentials.ts'
import type { CustomTokensGroup } from './custom-tokens.ts'
import type { DiscoveryOptions } from './discovery.ts'
import type { HostFunctionOptions } from './host-functions.ts'
import type { ImpersonationOptions } from './impersonation.ts'
import type { IssuersOptions } from './issuers.ts'
import type { LiveScopesOptions } from './live-scopes.ts'
import type { MetadataDocumentOptions } from './metadata-document.ts'
import type { NetworkOptions } from './network.ts'
import type { OpenApiOptions } from './openapi.ts'
import type { ProofOptions } from './proof.ts'
import type { ResourceOptions } from './resource.ts'
import type { ScopesOptions } from './scopes.ts'
import type { SharedSignalsOptions } from './shared-signals.ts'
import type { SignedMetadataOptions } from './signed-metadata.ts'
import type { TokenCacheOptions } from './token-cache.ts'

/**
 * The options of the plugin. Only `resource` and `authorizationServers` are required. Each group has a file of its own in
 * this folder, with its defaults and the units of its values; those of `TestOptions` are for tests.
 *
 * @template Request what the web framework calls a request
 */
export interface OAuthResourceServerOptions<Request = unknown> extends
  ResourceOptions, IssuersOptions, CredentialsOptions, CustomTokensGroup, ScopesOptions, LiveScopesOptions, MetadataDocumentOptions,
  HostFunctionOptions<Request>, ImpersonationOptions<Request>, TokenCacheOptions, ProofOptions, DiscoveryOptions, NetworkOptions, OpenApiOptions,
  AuditOptions, SharedSignalsOptions, SignedMetadataOptions, TestOptions {}
