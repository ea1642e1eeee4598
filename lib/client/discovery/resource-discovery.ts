import { FetchError } from '../../errors/fetch-error.ts'
import { parseIdentifier } from '../../identifier.ts'
import { metadataUrl } from '../../metadata/well-known.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { wordsOf } from '../fetch/challenge-hint.ts'
import { showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ResourceMatch } from '../fetch/resource-match.ts'
import { coversUrl } from '../fetch/resource-match.ts'
import type { MetadataTrust } from './signed-metadata.ts'
import { withSignedMembers } from './signed-metadata.ts'

/** What a client needs to know of a protected resource (RFC 9728 section 2). */
export interface ResourceMetadata {
  /** The identifier, as it was written: it is what goes into every `resource` parameter. */
  readonly resource: string
  /** Issuers, in the order in which the resource names them. */
  readonly authorizationServers: readonly string[]
  /** `null` when it does not say. */
  readonly scopesSupported: readonly string[] | null
  /** True when tokens that are not bound to a key never work (RFC 9449). */
  readonly needsProof: boolean
  /** The document, members that nobody knows included. */
  readonly document: Readonly<Record<string, unknown>>
}

export interface ResourceLookup {
  /** What was called. */
  readonly url: string
  /** The `resource_metadata` of its challenge, `null` for none. */
  readonly pointer: string | null
  readonly match: ResourceMatch
  /** Whose signed metadata is believed; without one, `signed_metadata` is passed over. */
  readonly trust: MetadataTrust | null
}

/**
 * Finds the metadata document of a resource: where its challenge says, at the well-known place for its path, at that for
 * its origin, in this order. What is not there, no JSON, or elsewhere is passed over; what is there and about another
 * resource ends the search.
 *
 * @throws AuthorizationError `FST_OAUTH_RESOURCE_METADATA_MISSING`, `FST_OAUTH_RESOURCE_MISMATCH`, `FST_OAUTH_ADDRESS_REFUSED`, `FST_OAUTH_SIGNED_METADATA_INVALID`, `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function discoverResource (question: ResourceLookup, httpClient: HttpClient): Promise<ResourceMetadata> {
  const failures: FetchError[] = []
  for (const place of placesOf(question)) {
    try {
      const { body } = await httpClient.getJson(place)
      return await metadataFrom(body, question)
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      failures.push(error)
    }
  }
  const message = failures.map(failure => `${showUrl(failure.url)} ${failure.fault}`).join(', ')
  throw new AuthorizationError(failures.some(isOutage) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_RESOURCE_METADATA_MISSING', { message })
}

/** It may be there at another time. */
export function isOutage ({ fault, status }: FetchError): boolean {
  return fault === 'network' || fault === 'timeout' || (status !== null && (status >= 500 || status === 429))
}

function placesOf ({ url, pointer }: ResourceLookup): string[] {
  const { origin, pathname, search } = new URL(url)
  const parts = parseIdentifier(url)
  const root = metadataUrl({ ...parts, origin, path: '', query: '' })
  const path = metadataUrl({ ...parts, origin, path: pathname, query: search })
  return [...new Set([...pointer === null ? [] : [pointer], path, root])]
}

async function metadataFrom (body: Readonly<Record<string, unknown>>, question: ResourceLookup): Promise<ResourceMetadata> {
  const document = await withSignedMembers(body, question.trust)
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = document
  if (typeof resource !== 'string' || !isUrl(resource) || !coversUrl(resource, question.url, question.match)) {
    throw new AuthorizationError('FST_OAUTH_RESOURCE_MISMATCH', { message: showUrl(String(resource)) })
  }
  return {
    resource,
    authorizationServers: stringsOf(issuers) ?? [],
    scopesSupported: wordsOf((stringsOf(scopes) ?? []).join(' ')),
    needsProof: document.dpop_bound_access_tokens_required === true,
    document
  }
}

function isUrl (value: string): boolean {
  try {
    parseIdentifier(value)
    return true
  } catch {
    return false
  }
}

function stringsOf (value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : null
}
