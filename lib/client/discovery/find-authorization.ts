import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { ChallengeHint } from '../fetch/challenge-hint.ts'
import type { ConnectOptions } from '../connect/connection-options.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { ResourceMetadata } from './resource-discovery.ts'
import { discoverResource } from './resource-discovery.ts'
import type { ServerMetadata } from './server-discovery.ts'
import { checkProtectedResources, discoverServer } from './server-discovery.ts'

/** Where authorization for a resource is to be had. */
export interface FoundAuthorization {
  readonly resource: ResourceMetadata
  readonly server: ServerMetadata
}

/** The slice of the options that the search goes by. */
export type SearchOptions = Pick<ConnectOptions,
  'url' | 'resourceMatch' | 'chooseIssuer' | 'metadataTrust' | 'allowUnlistedResource' | 'allowMissingMetadata' | 'clients'>

/**
 * From a challenge to an authorization server: nothing is remembered from last time, as a new challenge may mean that
 * the metadata has changed (RFC 9728 section 5.2).
 *
 * @throws AuthorizationError
 */
export async function findAuthorization (options: SearchOptions, hint: ChallengeHint, httpClient: HttpClient): Promise<FoundAuthorization> {
  const question = {
    url: options.url, pointer: hint.resourceMetadata, match: options.resourceMatch ?? 'prefix', trust: options.metadataTrust ?? null
  } as const
  let resource: ResourceMetadata
  try {
    resource = await discoverResource(question, httpClient)
  } catch (error) {
    const isMissing = error instanceof AuthorizationError && error.code === 'FST_OAUTH_RESOURCE_METADATA_MISSING'
    if (options.allowMissingMetadata !== true || !isMissing) throw error
    return await findWithoutMetadata(options.url, httpClient)
  }
  const issuer = await chooseIssuer(resource, options)
  const server = await discoverServer(issuer, httpClient)
  if (options.allowUnlistedResource !== true) checkProtectedResources(server, resource.resource)
  return { resource, server }
}

async function chooseIssuer (resource: ResourceMetadata, { chooseIssuer, clients = [] }: SearchOptions): Promise<string> {
  const { authorizationServers: issuers } = resource
  const known = issuers.find(one => clients.some(({ issuer }) => issuer === one))
  const chosen = chooseIssuer === undefined ? known ?? issuers[0] : await chooseIssuer(issuers, resource)
  if (chosen === undefined || !issuers.includes(chosen)) throw new AuthorizationError('FST_OAUTH_ISSUER_MISSING')
  return chosen
}

/**
 * The Model Context Protocol 2025-03-26 had no metadata of the resource: its server was its own authorization server, at
 * the root of its origin, with endpoints of fixed names where it had no metadata of that either. PKCE was a must.
 */
async function findWithoutMetadata (url: string, httpClient: HttpClient): Promise<FoundAuthorization> {
  const { origin } = new URL(url)
  const resource: ResourceMetadata = { resource: url, authorizationServers: [origin], scopesSupported: null, needsProof: false, document: {} }
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
