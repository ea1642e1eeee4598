import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ConnectOptions } from '../connect/connection-options.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import { coversUrl } from '../fetch/resource-match.ts'
import type { ResourceLookup, ResourceMetadata } from './resource-discovery.ts'
import { discoverResource } from './resource-discovery.ts'
import { assumptionsAbout, registeredIssuer, withAssumptions, checkProtectedResources, discoverServer } from './server-discovery.ts'
import type { ServerMetadata } from './server-discovery.ts'

/** A resource and the authorization server that issues tokens for it. */
export interface FoundAuthorization {
  readonly resource: ResourceMetadata
  readonly server: ServerMetadata
}

/** The options that the search uses. */
export type SearchOptions = Pick<ConnectOptions,
  'url' | 'resourceMatch' | 'chooseIssuer' | 'metadataTrust' | 'allowUnlistedResource' | 'allowMissingMetadata' | 'clients'>

/**
 * Finds the authorization server for a challenge. Nothing is reused from an earlier search: a new challenge may mean that
 * the metadata has changed (RFC 9728 section 5.2).
 *
 * @throws AuthorizationError
 */
export async function findAuthorization (options: SearchOptions, hint: ChallengeHint, httpClient: HttpClient): Promise<FoundAuthorization> {
  const lookup: ResourceLookup = {
    url: options.url, pointer: hint.resourceMetadata, match: options.resourceMatch ?? 'prefix', trust: options.metadataTrust ?? null
  }
  const resource = await discoverResource(lookup, httpClient).catch((error: unknown) => {
    const assumed = isMissing(error) ? assumedResource(lookup, options) : null
    if (assumed !== null) return assumed
    if (isMissing(error) && options.allowMissingMetadata === true) return null
    throw error
  })
  if (resource === null) return await findByOrigin(options.url, httpClient)
  const issuer = await chooseIssuer(resource, options)
  const server = withAssumptions(await discoverServer(issuer, httpClient), assumptionsAbout(issuer, options.clients))
  if (options.allowUnlistedResource !== true) checkProtectedResources(server, resource.resource)
  return { resource, server }
}

function isMissing (error: unknown): boolean {
  return error instanceof AuthorizationError && error.code === 'FST_OAUTH_RESOURCE_METADATA_MISSING'
}

/** The resource that a registered client knows its server to issue tokens for. */
function assumedResource ({ url, match }: ResourceLookup, { clients = [] }: SearchOptions): ResourceMetadata | null {
  for (const { issuer, assumptions: { protectsResource: resource } = {} } of clients) {
    if (resource !== undefined && coversUrl(resource, url, match)) return withoutDocument(resource, issuer)
  }
  return null
}

function withoutDocument (resource: string, issuer: string): ResourceMetadata {
  return { resource, authorizationServers: [issuer], scopesSupported: null, needsProof: false, document: {} }
}

/** @returns the issuer as the authorization server writes it, for one that the resource names */
async function chooseIssuer (resource: ResourceMetadata, { chooseIssuer: choose, clients }: SearchOptions): Promise<string> {
  const { authorizationServers: named } = resource
  const known = named.find(one => registeredIssuer(one, clients) !== null)
  const chosen = choose === undefined ? known ?? named[0] : await choose(named, resource)
  if (chosen === undefined || !named.includes(chosen)) throw new AuthorizationError('FST_OAUTH_ISSUER_MISSING')
  return registeredIssuer(chosen, clients) ?? chosen
}

/**
 * The Model Context Protocol 2025-03-26 had no metadata of the resource: an MCP server was its own authorization server, at
 * the root of its origin, with endpoints of fixed names where it had no metadata of that either. PKCE was mandatory.
 */
async function findByOrigin (url: string, httpClient: HttpClient): Promise<FoundAuthorization> {
  const { origin } = new URL(url)
  const resource = withoutDocument(url, origin)
  try {
    return { resource, server: await discoverServer(origin, httpClient) }
  } catch (error) {
    if ((error as AuthorizationError).code !== 'FST_OAUTH_SERVER_METADATA_MISSING') throw error
    const server: ServerMetadata = {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post']
    }
    return { resource, server }
  }
}
