import { OptionError } from '../errors/errors.ts'
import { MetadataMemberError, checkMetadata, checkSignedMetadata } from '../metadata/check-metadata.ts'
import type { MetadataDocument } from '../metadata/document.ts'
import { createMetadataDocument } from '../metadata/document.ts'
import type { LiveScopesSettings } from '../metadata/live-scopes.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import type { DiscoverySettings } from './resolve-discovery.ts'
import type { ResolvedIssuer } from './resolve-issuer.ts'
import type { ResolvedScope } from './resolve-scopes.ts'
import { show } from '../options/show.ts'

/**
 * The metadata document that follows from the options.
 *
 * @throws OptionError
 */
export function resolveDocument (
  options: OAuthResourceServerOptions, issuers: readonly ResolvedIssuer[],
  scopes: readonly ResolvedScope[], warnings: string[]
): MetadataDocument {
  const { resource, metadata = {} } = options
  try {
    warnings.push(...checkMetadata(metadata))
    const document = createMetadataDocument({
      resource,
      advertisedIssuers: issuers.filter(issuer => issuer.advertised).map(issuer => issuer.rule.issuer),
      advertisedScopes: scopes.filter(scope => scope.advertised).map(scope => scope.name),
      metadata
    })
    if ('signed_metadata' in document.members) checkSignedMetadata(metadata.signed_metadata, document.members)
    return document
  } catch (error) {
    if (!(error instanceof MetadataMemberError)) throw error
    throw new OptionError(`metadata.${error.member} ${error.message}, and is ${show(metadata[error.member])}`)
  }
}

/** @throws OptionError */
export function resolveLiveScopes (
  { liveScopes, scopesSupported, metadata }: OAuthResourceServerOptions, { keys: { retryAfterMs } }: DiscoverySettings
): LiveScopesSettings | null {
  if (metadata?.signed_metadata !== undefined && (liveScopes !== undefined || scopesSupported === 'routes')) {
    throw new OptionError('metadata.signed_metadata contradicts scopes that are known late: liveScopes, or scopesSupported "routes"')
  }
  if (liveScopes === undefined) return null
  const { source, maxAgeSeconds = 300, timeoutMs = 1000 } = liveScopes
  return Object.freeze({ source, maxAgeMs: maxAgeSeconds * 1000, timeoutMs, retryAfterMs })
}

/**
 * The issuer whose metadata is served here, too: the first that is advertised.
 *
 * @throws OptionError
 */
export function mirroredIssuerOf (issuers: readonly ResolvedIssuer[]): string {
  const first = issuers.find(issuer => issuer.advertised)
  if (first === undefined) throw new OptionError('authorizationServerMirror true needs an authorization server that is advertised')
  return first.rule.issuer
}

/** Types of authorization details that the document names; `null` when it does not. */
export function detailsTypesOf ({ metadata = {} }: OAuthResourceServerOptions): readonly string[] | null {
  const types = metadata.authorization_details_types_supported
  return types === undefined ? null : Object.freeze([...types])
}
