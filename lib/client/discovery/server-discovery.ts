import type * as OAuth4WebApi from 'oauth4webapi'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import { checkAddress, showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { isOutage } from '../../http/http-client.ts'
import { parseIdentifier } from '../../identifier.ts'
import { authorizationServerMetadataUrls } from '../../metadata/well-known.ts'

/** The metadata of an authorization server under its wire names (RFC 8414 section 2). Its `issuer` is the one that was asked for. */
export type ServerMetadata = Readonly<OAuth4WebApi.AuthorizationServer>

/** The endpoints that a client uses. */
export type EndpointName =
  | 'authorization_endpoint' | 'token_endpoint' | 'registration_endpoint' | 'revocation_endpoint'
  | 'pushed_authorization_request_endpoint'

/**
 * Finds the metadata of an authorization server at its well-known URLs, one after the other (RFC 8414 sections 3.1 and 5,
 * OpenID Connect Discovery 1.0 section 4.1). A document with another `issuer` is not used; the strings are compared as
 * they are (RFC 8414 section 3.3).
 *
 * @throws AuthorizationError `FST_OAUTH_SERVER_METADATA_MISSING`, `FST_OAUTH_ISSUER_MISMATCH`, `FST_OAUTH_ADDRESS_REFUSED`,
 * `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function discoverServer (issuer: string, httpClient: HttpClient): Promise<ServerMetadata> {
  checkAddress(issuer, httpClient.rules)
  const attempts: string[] = []
  let isDown = false
  let isMismatch = false
  for (const url of authorizationServerMetadataUrls(parseIdentifier(issuer))) {
    try {
      const { body } = await httpClient.getJson(url)
      if (body.issuer === issuer) return body as unknown as ServerMetadata
      isMismatch = true
      attempts.push(`${showUrl(url)} names the issuer ${showUrl(String(body.issuer))}, expected ${showUrl(issuer)}`)
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      isDown ||= isOutage(error)
      attempts.push(`${showUrl(url)} ${error.fault}`)
    }
  }
  const code = isDown ? 'FST_OAUTH_SERVER_UNAVAILABLE' : isMismatch ? 'FST_OAUTH_ISSUER_MISMATCH' : 'FST_OAUTH_SERVER_METADATA_MISSING'
  throw new AuthorizationError(code, { message: attempts.join(', ') })
}

/**
 * An endpoint of an authorization server, if it is a URL that a client may request or open: https, or http on this machine
 * where that is allowed. So it is never a `javascript:` or `file:` URL.
 *
 * @throws AuthorizationError `FST_OAUTH_ENDPOINT_MISSING`, `FST_OAUTH_ADDRESS_REFUSED`
 */
export function endpointOf (server: ServerMetadata, name: EndpointName, { rules }: Pick<HttpClient, 'rules'>): URL {
  const url = server[name]
  if (typeof url !== 'string') throw new AuthorizationError('FST_OAUTH_ENDPOINT_MISSING', { message: name })
  return checkAddress(url, rules)
}

/**
 * PKCE protects the code only if the authorization server checks it, and only its metadata tells whether it does (RFC 9700
 * section 2.1.1, Model Context Protocol).
 *
 * @throws AuthorizationError `FST_OAUTH_PKCE_UNSUPPORTED`
 */
export function checkPkceSupport ({ code_challenge_methods_supported: methods }: ServerMetadata): void {
  if (!Array.isArray(methods) || !methods.includes('S256')) throw new AuthorizationError('FST_OAUTH_PKCE_UNSUPPORTED')
}

/**
 * A server that lists its resources has to list this one (RFC 9728 section 4).
 *
 * @throws AuthorizationError `FST_OAUTH_SERVER_MISMATCH`
 */
export function checkProtectedResources (server: ServerMetadata, resource: string): void {
  const listed = server.protected_resources
  if (Array.isArray(listed) && !listed.includes(resource)) {
    throw new AuthorizationError('FST_OAUTH_SERVER_MISMATCH', { message: showUrl(resource) })
  }
}

/**
 * Facts about an authorization server that neither its metadata nor that of the resource contains. Each member turns off a
 * check or a parameter for this server only. They belong to a client that is registered in advance, so no metadata can make
 * them apply to another server.
 */
export interface ServerAssumptions {
  /**
   * The server supports PKCE with S256, though its metadata has no `code_challenge_methods_supported` (Microsoft Entra ID,
   * Amazon Cognito). If that is wrong, an attacker who intercepts an authorization code can redeem it (RFC 7636). A server
   * whose metadata lists only other methods is still refused.
   */
  readonly supportsPkce?: boolean
  /**
   * The server refuses the `resource` parameter (Microsoft Entra ID v2: AADSTS9010010), so that it is not sent. The scopes
   * alone then decide for which resource the tokens are: check that they are for the resource that you call.
   */
  readonly refusesResource?: boolean
  /**
   * The identifier of a resource that this server issues tokens for. It is used when that resource has no metadata document
   * (RFC 9728) for `url`; a document that is there counts. The identifier has to cover `url`.
   */
  readonly protectsResource?: string
  /**
   * A resource that names the issuer with or without the slash of an empty path (`https://as.example`,
   * `https://as.example/`) means this server. `issuer` has to be what the server itself writes.
   */
  readonly ignoresTrailingSlash?: boolean
}

/** A client with the assumptions about its server. */
export interface AssumingClient {
  readonly issuer: string
  readonly assumptions?: ServerAssumptions
}

/** The assumptions about one authorization server. */
export function assumptionsAbout (issuer: string, clients: readonly AssumingClient[] = []): ServerAssumptions {
  return clients.find(client => client.issuer === issuer)?.assumptions ?? {}
}

/** The metadata, completed by the assumptions. */
export function withAssumptions (server: ServerMetadata, { supportsPkce = false }: ServerAssumptions): ServerMetadata {
  if (!supportsPkce || server.code_challenge_methods_supported !== undefined) return server
  return { ...server, code_challenge_methods_supported: ['S256'] }
}

/** The issuer of the client that is registered with the server that a resource names, or `null`. */
export function registeredIssuer (named: string, clients: readonly AssumingClient[] = []): string | null {
  const exact = clients.find(({ issuer }) => issuer === named)
  const client = exact ?? clients.find(({ issuer, assumptions }) => assumptions?.ignoresTrailingSlash === true && differBySlash(issuer, named))
  return client?.issuer ?? null
}

/** Only the slash of an empty path: any other one makes another issuer. */
function differBySlash (one: string, other: string): boolean {
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one]
  return longer === `${shorter}/` && URL.canParse(longer) && new URL(longer).href === longer && new URL(longer).pathname === '/'
}
