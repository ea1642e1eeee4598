import type { CryptoKey, JWTVerifyGetKey } from 'jose'
import { jwtVerify } from 'jose'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import { showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { isOutage } from '../../http/http-client.ts'
import { parseIdentifier } from '../../identifier.ts'
import { metadataUrl } from '../../metadata/well-known.ts'
import { wordsOf } from '../fetch/classify.ts'
import type { ResourceMatch } from '../fetch/resource-match.ts'
import { coversUrl } from '../fetch/resource-match.ts'

/** The metadata of a protected resource that a client needs (RFC 9728 section 2). */
export interface ResourceMetadata {
  /** The resource identifier, as the document writes it: it is sent in every `resource` parameter (RFC 8707). */
  readonly resource: string
  /** Issuers, in the order of the document. */
  readonly authorizationServers: readonly string[]
  /** `null` when the document has none. */
  readonly scopesSupported: readonly string[] | null
  /** Whether the resource accepts only tokens that are bound to a key (`dpop_bound_access_tokens_required`). */
  readonly needsProof: boolean
  /** The whole document, members that this package does not know included. */
  readonly document: Readonly<Record<string, unknown>>
}

/** The issuer whose signature on a metadata document is trusted, and its keys (RFC 9728 section 2.2). */
export interface MetadataTrust {
  /** The `iss` of the signed metadata. */
  readonly issuer: string
  /** A key, or a key set of jose: `createLocalJWKSet`, `createRemoteJWKSet`. */
  readonly key: CryptoKey | JWTVerifyGetKey
}

/** What {@link discoverResource} searches for. */
export interface ResourceLookup {
  /** The URL that was requested. */
  readonly url: string
  /** The `resource_metadata` of the challenge; `null` where there was none. */
  readonly pointer: string | null
  readonly match: ResourceMatch
  /** `null`: `signed_metadata` is ignored. */
  readonly trust: MetadataTrust | null
}

/**
 * Finds the metadata document of a resource: at the URL of the challenge, then at the well-known URL for the path, then at
 * that for the origin. A URL without a JSON document is skipped. A document about another resource ends the search.
 *
 * @throws AuthorizationError `FST_OAUTH_RESOURCE_METADATA_MISSING`, `FST_OAUTH_RESOURCE_MISMATCH`,
 * `FST_OAUTH_ADDRESS_REFUSED`, `FST_OAUTH_SIGNED_METADATA_INVALID`, `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function discoverResource (lookup: ResourceLookup, httpClient: HttpClient): Promise<ResourceMetadata> {
  const failures: FetchError[] = []
  for (const place of metadataUrlsOf(lookup)) {
    try {
      const { body } = await httpClient.getJson(place)
      return await metadataFrom(body, lookup)
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      failures.push(error)
    }
  }
  const message = failures.map(failure => `${showUrl(failure.url)} ${failure.fault}`).join(', ')
  throw new AuthorizationError(failures.some(isOutage) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_RESOURCE_METADATA_MISSING', { message })
}

function metadataUrlsOf ({ url, pointer }: ResourceLookup): string[] {
  const { origin, pathname, search } = new URL(url)
  const parts = parseIdentifier(url)
  const forOrigin = metadataUrl({ ...parts, origin, path: '', query: '' })
  const forPath = metadataUrl({ ...parts, origin, path: pathname, query: search })
  return [...new Set([...pointer === null ? [] : [pointer], forPath, forOrigin])]
}

async function metadataFrom (body: Readonly<Record<string, unknown>>, { url, match, trust }: ResourceLookup): Promise<ResourceMetadata> {
  const document = await withSignedMembers(body, trust)
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = document
  if (typeof resource !== 'string' || !isUrl(resource) || !coversUrl(resource, url, match)) {
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

/**
 * The members of a document, where signed members override plain ones (RFC 9728 section 2.2).
 *
 * @throws AuthorizationError `FST_OAUTH_SIGNED_METADATA_INVALID`
 */
async function withSignedMembers (document: Readonly<Record<string, unknown>>, trust: MetadataTrust | null): Promise<Readonly<Record<string, unknown>>> {
  const { signed_metadata: signed, ...plain } = document
  if (trust === null || signed === undefined) return document
  try {
    const { issuer, key } = trust
    const { payload } = await jwtVerify(String(signed), key as JWTVerifyGetKey, { issuer })
    const { iss: _issuer, iat: _issuedAt, exp: _expiresAt, signed_metadata: nested, ...members } = payload
    if (nested !== undefined) throw new Error('signed_metadata must not contain signed_metadata')
    return { ...plain, ...members }
  } catch (error) {
    throw new AuthorizationError('FST_OAUTH_SIGNED_METADATA_INVALID', { message: (error as Error).message })
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
