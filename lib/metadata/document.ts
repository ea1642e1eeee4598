import { createHash } from 'node:crypto'

/**
 * Further members of the metadata document of the protected resource, by their names in RFC 9728 section 2. The other options
 * set the rest. Human-readable members can be repeated with a language tag: `'resource_name#it'`. Members that the RFC does
 * not define are served unchanged.
 */
export interface ProtectedResourceMetadata {
  /** Recommended: the name of the resource for users. Clients show it when they ask for consent. */
  resource_name?: string
  /** https URL of the documentation for developers. */
  resource_documentation?: string
  resource_policy_uri?: string
  resource_tos_uri?: string
  /** https URL of the keys with which the resource signs or decrypts. */
  jwks_uri?: string
  /** Algorithms of signed responses; never `none`. */
  resource_signing_alg_values_supported?: readonly string[]
  /** Types of RFC 9396 authorization details that the resource enforces. */
  authorization_details_types_supported?: readonly string[]
  /** The same metadata as a compact JWS, made by you (RFC 9728 section 2.2). */
  signed_metadata?: string
  [member: string]: unknown
}

/** The part of the configuration that a document is made from. */
export interface DocumentSource {
  readonly resource: string
  /** Issuers as configured, those that are to be advertised. */
  readonly advertisedIssuers: readonly string[]
  readonly advertisedScopes: readonly string[]
  /** How tokens may be bound, as the checks of this server have it. */
  readonly binding: BindingMetadata
  readonly metadata: Readonly<ProtectedResourceMetadata>
}

/** What the document says about bound tokens (RFC 9728 section 2). */
export interface BindingMetadata {
  /** Algorithms of DPoP proofs; empty where DPoP is off. */
  readonly dpopAlgorithms: readonly string[]
  /** Whether only DPoP-bound tokens are accepted. */
  readonly dpopRequired: boolean
  /** Whether tokens that are bound to a certificate are accepted (RFC 8705). */
  readonly certificates: boolean
}

/** A metadata document ready to be sent. */
export interface MetadataDocument {
  readonly resource: string
  readonly members: Readonly<Record<string, unknown>>
  readonly body: string
  /** Strong entity tag, quotes included. */
  readonly etag: string
}

/** Makes the document of a resource. Members without a value are left out (RFC 9728 section 3.2). */
export function createMetadataDocument (source: DocumentSource): MetadataDocument {
  const members: Record<string, unknown> = {}
  const derived = {
    resource: source.resource,
    authorization_servers: source.advertisedIssuers,
    scopes_supported: source.advertisedScopes,
    bearer_methods_supported: ['header'],
    ...source.binding.certificates && { tls_client_certificate_bound_access_tokens: true },
    dpop_signing_alg_values_supported: source.binding.dpopAlgorithms,
    ...source.binding.dpopRequired && { dpop_bound_access_tokens_required: true }
  }
  for (const [name, value] of Object.entries({ ...derived, ...source.metadata })) {
    if (!isEmpty(value)) members[name] = value
  }
  return finished(source.resource, members)
}

/** The same document with other scopes; without any, the member is left out. */
export function withScopes ({ resource, members }: MetadataDocument, scopes: readonly string[]): MetadataDocument {
  const { resource: first, authorization_servers: issuers, scopes_supported: _replaced, ...rest } = members
  return finished(resource, {
    resource: first,
    ...issuers !== undefined && { authorization_servers: issuers },
    ...scopes.length > 0 && { scopes_supported: scopes },
    ...rest
  })
}

/** The same document with its signed metadata (RFC 9728 section 2.2). */
export function withSignature ({ resource, members }: MetadataDocument, signedMetadata: string): MetadataDocument {
  return finished(resource, { ...members, signed_metadata: signedMetadata })
}

function finished (resource: string, members: Record<string, unknown>): MetadataDocument {
  const body = JSON.stringify(members)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return Object.freeze({ resource, members: Object.freeze(members), body, etag })
}

function isEmpty (value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** Whether the client has the document already: `If-None-Match`, compared weakly (RFC 9110 section 13.1.2). */
export function isKnown (ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some(one => one.trim().replace(/^W\//, '') === etag)
}
