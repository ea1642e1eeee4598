import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { MetadataMemberError, checkMetadata, checkSignedMetadata } from '../metadata/check-metadata.ts'
import type { BindingMetadata, MetadataDocument, ProtectedResourceMetadata } from '../metadata/document.ts'
import { createMetadataDocument } from '../metadata/document.ts'
import type { SignedMetadataSettings } from '../metadata/metadata-signer.ts'
import { metadataUrl as wellKnownUrl } from '../metadata/well-known.ts'
import { seconds, text, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import { parseIdentifierOption } from './identifiers.ts'
import type { ResolvedIssuer } from './issuer.ts'
import type { ResolvedScope } from './scopes.ts'

export const defaultMetadataMaxAgeSeconds = 3600

/** The metadata document of the resource (RFC 9728), and where clients find it. */
export interface MetadataDocumentOptions {
  /** Members of the metadata document beside those that follow from the other options (RFC 9728 section 2). */
  metadata?: Readonly<ProtectedResourceMetadata>
  /** How long clients and caches can keep the metadata document, in seconds. Default: 3600. */
  metadataMaxAgeSeconds?: number
  /**
   * The URL of the metadata document that challenges name, when a gateway publishes it at another place than the well-known
   * one: below its own path prefix, such as `https://gateway.example/team/.well-known/oauth-protected-resource`. The path of
   * this URL is served as well, for gateways that do not strip the prefix. Default: the well-known place of the `resource`
   * (RFC 9728 section 3.1).
   */
  metadataUrl?: string
  /**
   * Whether the document of a resource with a path is also served at the root, `/.well-known/oauth-protected-resource`.
   * Default: when it is the only resource of the server.
   */
  rootAlias?: boolean
  /** Whether something else, such as a gateway, serves the metadata document, and this server does not. Default: false. */
  documentServedElsewhere?: boolean
  /**
   * Serves a copy of the first advertised issuer's metadata on the origin of the resource, for clients that are older than
   * RFC 9728. Default: false.
   */
  authorizationServerMirror?: boolean
}

/** @internal */
export const metadataDocumentSchemas: OptionSchemas<keyof MetadataDocumentOptions> = optionGroup<MetadataDocumentOptions>()({
  metadata: Type.Optional(typed<ProtectedResourceMetadata>(Type.Record(Type.String(), Type.Unknown()))),
  metadataMaxAgeSeconds: Type.Optional(seconds),
  metadataUrl: Type.Optional(text),
  rootAlias: Type.Optional(Type.Boolean()),
  documentServedElsewhere: Type.Optional(Type.Boolean()),
  authorizationServerMirror: Type.Optional(Type.Boolean())
})

export interface MetadataDocumentSettings {
  /** The absolute URL of the metadata document, which every challenge names. */
  readonly metadataUrl: string
  readonly document: MetadataDocument
  readonly metadataMaxAgeSeconds: number
  /** `null`: when it is the only resource of the server. */
  readonly rootAlias: boolean | null
  readonly documentServedElsewhere: boolean
  /** The issuer whose metadata is served on the origin of the resource as well; `null`: none. */
  readonly authorizationServerMirror: string | null
  /** Types of RFC 9396 authorization details that the document names; `null` when it names none. */
  readonly authorizationDetailsTypes: readonly string[] | null
}

/** What other groups of options say of the resource. */
export interface DocumentContext {
  readonly resource: string
  readonly identifier: IdentifierParts
  readonly issuers: readonly ResolvedIssuer[]
  readonly scopes: readonly ResolvedScope[]
  readonly scopesSupported: 'configured' | 'routes'
  readonly allowInsecureHttp: boolean
  readonly binding: BindingMetadata
  /** `null`: the document is not signed here. */
  readonly signedMetadata: SignedMetadataSettings | null
}

/** @throws OptionError */
export function resolveMetadataDocument (options: MetadataDocumentOptions, context: DocumentContext, warnings: string[]): MetadataDocumentSettings {
  const { metadata = {}, metadataUrl, metadataMaxAgeSeconds = defaultMetadataMaxAgeSeconds, rootAlias = null, documentServedElsewhere = false } = options
  if (documentServedElsewhere && rootAlias === true) {
    throw new OptionError('rootAlias: true and documentServedElsewhere: true contradict each other; remove one')
  }
  if (metadataUrl !== undefined) parseIdentifierOption('metadataUrl', metadataUrl, context.allowInsecureHttp)
  if (metadata.signed_metadata !== undefined && context.scopesSupported === 'routes') {
    throw new OptionError("metadata.signed_metadata and scopesSupported: 'routes' contradict each other: signed scopes cannot change; remove one")
  }
  if (context.signedMetadata !== null) checkSigned(options)
  const types = metadata.authorization_details_types_supported
  return {
    metadataUrl: metadataUrl ?? wellKnownUrl(context.identifier),
    document: createDocument(metadata, context, warnings),
    metadataMaxAgeSeconds,
    rootAlias,
    documentServedElsewhere,
    authorizationServerMirror: options.authorizationServerMirror === true ? mirroredIssuer(context.issuers) : null,
    authorizationDetailsTypes: types === undefined ? null : Object.freeze([...types])
  }
}

function createDocument (metadata: Readonly<ProtectedResourceMetadata>, { resource, issuers, scopes, binding, signedMetadata }: DocumentContext, warnings: string[]): MetadataDocument {
  try {
    warnings.push(...checkMetadata(metadata))
    const document = createMetadataDocument({
      resource,
      advertisedIssuers: issuers.filter(issuer => issuer.advertised).map(issuer => issuer.rule.issuer),
      advertisedScopes: scopes.filter(scope => scope.advertised).map(scope => scope.name),
      binding,
      metadata: signedMetadata === null ? metadata : { ...metadata, jwks_uri: signedMetadata.jwksUri }
    })
    if ('signed_metadata' in document.members) checkSignedMetadata(metadata.signed_metadata, document.members)
    return document
  } catch (error) {
    if (!(error instanceof MetadataMemberError)) throw error
    throw new OptionError(`metadata.${error.member} ${error.message}, got ${show(metadata[error.member])}`)
  }
}

/** What the host says of it must not contradict what follows from the keys. */
function checkSigned ({ metadata = {}, documentServedElsewhere }: MetadataDocumentOptions): void {
  if (documentServedElsewhere === true) throw new OptionError('signedMetadata and documentServedElsewhere: true contradict each other; remove one')
  for (const name of ['signed_metadata', 'jwks_uri']) {
    if (metadata[name] !== undefined) throw new OptionError(`metadata.${name} follows from signedMetadata; remove it${name === 'jwks_uri' ? ', or set signedMetadata.jwksUri' : ''}`)
  }
}

/** The first that is advertised. */
function mirroredIssuer (issuers: readonly ResolvedIssuer[]): string {
  const first = issuers.find(issuer => issuer.advertised)
  if (first === undefined) throw new OptionError('authorizationServerMirror: true requires an issuer in authorizationServers that is advertised')
  return first.rule.issuer
}
