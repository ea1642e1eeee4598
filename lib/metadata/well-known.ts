import type { IdentifierParts } from '../identifier.ts'

const protectedResource = '/.well-known/oauth-protected-resource'

/**
 * Path and query of the metadata document of a resource (RFC 9728 section 3.1): the well-known part goes between host
 * and path. Only the slash directly after the host is dropped, one at the end of a longer path belongs to the identifier.
 */
export function metadataTarget (resource: Pick<IdentifierParts, 'path' | 'query'>): string {
  return protectedResource + (resource.path === '/' ? '' : resource.path) + resource.query
}

/** The absolute URL of the metadata document of a resource. */
export function metadataUrl (resource: IdentifierParts): string {
  return resource.origin + metadataTarget(resource)
}

/**
 * The URLs at which the metadata of an authorization server may be, in the order of the search (RFC 8414 sections 3.1 and 5,
 * OpenID Connect Discovery 1.0 section 4.1; the order is that of the Model Context Protocol). A slash at the end of the
 * issuer's path is dropped before anything is inserted or appended.
 */
export function authorizationServerMetadataUrls (issuer: IdentifierParts): string[] {
  const path = issuer.path.replace(/\/$/, '')
  const urls = [`${issuer.origin}/.well-known/oauth-authorization-server${path}`]
  if (path !== '') urls.push(`${issuer.origin}/.well-known/openid-configuration${path}`)
  urls.push(`${issuer.origin}${path}/.well-known/openid-configuration`)
  return urls
}

/** Path and query as they stand in the request line; the absolute form (RFC 9112 section 3.2.2) names a host, which is ignored. */
export function targetOf (url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '')
}

/** The two routes under which every metadata document of a server is found. */
export const metadataRoutes: readonly [string, string] = [protectedResource, `${protectedResource}/*`]
