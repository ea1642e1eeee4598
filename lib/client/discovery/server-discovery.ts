import type * as OAuth4WebApi from 'oauth4webapi'
import { FetchError } from '../../errors/fetch-error.ts'
import { parseIdentifier } from '../../identifier.ts'
import { authorizationServerMetadataUrls } from '../../metadata/well-known.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { checkAddress, showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { isOutage } from './resource-discovery.ts'

/** The metadata of an authorization server under its wire names (RFC 8414 section 2); it has the issuer that was asked for. */
export type ServerMetadata = Readonly<OAuth4WebApi.AuthorizationServer>

/** The endpoints that a client uses. */
export type EndpointName =
  | 'authorization_endpoint' | 'token_endpoint' | 'registration_endpoint' | 'revocation_endpoint'
  | 'pushed_authorization_request_endpoint'

/**
 * Finds the metadata of an authorization server at its well-known places, one after the other (RFC 8414 sections 3.1 and
 * 5, OpenID Connect Discovery 1.0 section 4.1). A document that names another issuer than the one that was asked for is
 * not used: the strings are compared as they are.
 *
 * @throws AuthorizationError `FST_OAUTH_SERVER_METADATA_MISSING`, `FST_OAUTH_ISSUER_MISMATCH`, `FST_OAUTH_ADDRESS_REFUSED`, `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function discoverServer (issuer: string, httpClient: HttpClient): Promise<ServerMetadata> {
  checkAddress(issuer, httpClient.rules)
  const attempts: string[] = []
  let outage = false
  let foreign = false
  for (const url of authorizationServerMetadataUrls(parseIdentifier(issuer))) {
    try {
      const { body } = await httpClient.getJson(url)
      if (body.issuer === issuer) return body as unknown as ServerMetadata
      foreign = true
      attempts.push(`${showUrl(url)} names another issuer`)
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      outage ||= isOutage(error)
      attempts.push(`${showUrl(url)} ${error.fault}`)
    }
  }
  const code = outage ? 'FST_OAUTH_SERVER_UNAVAILABLE' : foreign ? 'FST_OAUTH_ISSUER_MISMATCH' : 'FST_OAUTH_SERVER_METADATA_MISSING'
  throw new AuthorizationError(code, { message: attempts.join(', ') })
}

/**
 * An endpoint of an authorization server, if it is a URL that a client may call or open: https, or http on this machine
 * where that is allowed, so never `javascript:` or a file.
 *
 * @throws AuthorizationError `FST_OAUTH_ENDPOINT_MISSING`, `FST_OAUTH_ADDRESS_REFUSED`
 */
export function endpointOf (server: ServerMetadata, name: EndpointName, httpClient: Pick<HttpClient, 'rules'>): URL {
  const url = server[name]
  if (typeof url !== 'string') throw new AuthorizationError('FST_OAUTH_ENDPOINT_MISSING', { message: name })
  return checkAddress(url, httpClient.rules)
}

/**
 * PKCE protects the code only if the authorization server checks it, and that it does is only known when it says so
 * (RFC 9700 section 2.1.1, Model Context Protocol).
 *
 * @throws AuthorizationError `FST_OAUTH_PKCE_UNSUPPORTED`
 */
export function checkPkceSupport ({ code_challenge_methods_supported: methods }: ServerMetadata): void {
  if (!Array.isArray(methods) || !methods.includes('S256')) throw new AuthorizationError('FST_OAUTH_PKCE_UNSUPPORTED')
}

/**
 * Where both say whom they belong to, both must say so (RFC 9728 section 4).
 *
 * @throws AuthorizationError `FST_OAUTH_SERVER_MISMATCH`
 */
export function checkProtectedResources (server: ServerMetadata, resource: string): void {
  const listed = server.protected_resources
  if (Array.isArray(listed) && !listed.includes(resource)) {
    throw new AuthorizationError('FST_OAUTH_SERVER_MISMATCH', { message: showUrl(resource) })
  }
}
