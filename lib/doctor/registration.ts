import type { JsonObject } from './document.ts'
import { identifierFault } from './document.ts'

/** How a client that is not registered with an authorization server can register there. */
export interface Registration {
  readonly issuer: string
  /** RFC 7591. */
  readonly dynamicRegistration: boolean
  /** OAuth Client ID Metadata Documents: the URL of a document is the client id. */
  readonly clientIdMetadataDocuments: boolean
}

/** What the metadata of authorization servers say about registration. */
export function registrationOf (servers: ReadonlyArray<{ readonly issuer: string, readonly metadata: JsonObject }>): readonly Registration[] {
  return servers.map(({ issuer, metadata }) => ({
    issuer,
    dynamicRegistration: identifierFault(metadata.registration_endpoint) === null,
    clientIdMetadataDocuments: metadata.client_id_metadata_document_supported === true
  }))
}
