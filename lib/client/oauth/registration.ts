import type { Clock } from '../../clock.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { OptionError } from '../../errors/errors.ts'
import { showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import type { StoredClient, StoredConnection } from '../../stores/connections/connection-store.ts'
import type { ServerAssumptions, ServerMetadata } from '../discovery/server-discovery.ts'
import { registerDynamically } from './dynamic-registration.ts'
import type { ClientIdentity } from './oauth-call.ts'
import { isNative, isRedirectUri } from './redirects.ts'
import { show } from '../../options/show.ts'

/** A client that is registered with an authorization server in advance. */
export interface RegisteredClient extends ClientIdentity {
  /** The authorization server, as it writes its own issuer. The client is never used with another server, even if a resource names one. */
  readonly issuer: string
  /** Facts about that server that its metadata does not contain. Default: none. */
  readonly assumptions?: ServerAssumptions
}

/** How to become a client of an authorization server. The first way that the server supports is used (Model Context Protocol, client registration). */
export interface RegistrationOptions {
  /** Clients that are registered in advance, each with one authorization server. */
  clients?: readonly RegisteredClient[]
  /**
   * The https URL of a client ID metadata document that you publish. It is the client identifier at authorization servers
   * with `client_id_metadata_document_supported`.
   */
  clientMetadataUrl?: string
  /** How the client of that document authenticates. Default: as a public client. */
  clientMetadataAuthentication?: ClientIdentity['authentication']
  /**
   * Client metadata for dynamic registration (RFC 7591 section 2), under its wire names: `client_name`, `software_id`, …
   * `token_endpoint_auth_method` may be `none`, `client_secret_post` or `client_secret_basic`; `scope` replaces the scopes
   * that would be sent.
   */
  clientMetadata?: Readonly<Record<string, unknown>>
  /** Whether to register dynamically where there is no other way. Default: true. */
  dynamicRegistration?: boolean
}

/** What a registration is for. */
export interface RegistrationNeeds {
  /** `null` for a client without a redirect: it has to be registered in advance. */
  readonly redirectUri: string | null
  /** The client of an earlier registration with this issuer. */
  readonly stored: StoredClient | null
  /** The scopes that will be requested. A registration that was made for fewer is made anew. Default: `null`, none are known. */
  readonly scopes?: readonly string[] | null
  /** Further scopes that a registration is made for, so that a later request for them does not need another one. Default: `null`. */
  readonly scopesSupported?: readonly string[] | null
  readonly clock: Clock
}

/** A client, and where it comes from. */
export interface Client extends ClientIdentity {
  /** The dynamic registration, made now or earlier: store it under its issuer. `null` for a client that was not registered here. */
  readonly registration: StoredClient | null
}

/**
 * Becomes a client of an authorization server: as one that is registered in advance, with a metadata document, or by
 * dynamic registration, in this order.
 *
 * @throws AuthorizationError `FST_OAUTH_CLIENT_UNKNOWN`, `FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER`,
 * `FST_OAUTH_REGISTRATION_REFUSED`, `FST_OAUTH_AUTHENTICATION_UNSUPPORTED`, `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function registerClient (server: ServerMetadata, options: RegistrationOptions, needs: RegistrationNeeds, httpClient: HttpClient): Promise<Client> {
  const { clients = [], clientMetadataUrl, clientMetadataAuthentication = { method: 'none' }, dynamicRegistration = true } = options
  const { redirectUri, stored, scopes = null, scopesSupported = null, clock } = needs
  const registered = clients.find(({ issuer }) => issuer === server.issuer)
  if (registered !== undefined) return { clientId: registered.clientId, authentication: registered.authentication, registration: null }
  if (clientMetadataUrl !== undefined && server.client_id_metadata_document_supported === true) {
    return { clientId: clientMetadataUrl, authentication: clientMetadataAuthentication, registration: null }
  }
  if (redirectUri !== null && stored !== null && isUsable(stored, server.issuer, redirectUri, scopes, clock.now())) {
    return { ...identityOf(stored), registration: stored }
  }
  if (redirectUri !== null && dynamicRegistration && server.registration_endpoint !== undefined) {
    const earlier = stored?.issuer === server.issuer ? stored.scopes ?? [] : []
    const registration = await registerDynamically(server, options.clientMetadata ?? {}, { redirectUri, scopes: [...earlier, ...scopes ?? [], ...scopesSupported ?? []] }, httpClient)
    return { ...identityOf(registration), registration }
  }
  throw new AuthorizationError(clients.length > 0 ? 'FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER' : 'FST_OAUTH_CLIENT_UNKNOWN', { message: showUrl(server.issuer) })
}

/** The connection whose client is looked for: that of its tokens, or of a pending authorization. */
export type ClientOwner = Pick<StoredConnection, 'issuer' | 'clientId' | 'registration' | 'clients'>

/**
 * The client that tokens or a code were issued to: no other client may present them (RFC 6749 section 10.4), so nothing is
 * registered.
 *
 * @throws AuthorizationError `FST_OAUTH_CLIENT_LOST`
 */
export function sameClient ({ issuer, clientId = null, registration = null, clients }: ClientOwner, options: RegistrationOptions, clock: Clock): ClientIdentity {
  const isSame = (one: string): boolean => clientId === null || one === clientId
  const registered = options.clients?.find(one => one.issuer === issuer && isSame(one.clientId))
  if (registered !== undefined) return { clientId: registered.clientId, authentication: registered.authentication }
  const { clientMetadataUrl, clientMetadataAuthentication = { method: 'none' } } = options
  if (clientMetadataUrl !== undefined && clientMetadataUrl === clientId) return { clientId, authentication: clientMetadataAuthentication }
  const stored = registration ?? clients[issuer ?? '']
  if (stored !== undefined && isSame(stored.clientId) && isCurrent(stored, clock.now())) return identityOf(stored)
  throw new AuthorizationError('FST_OAUTH_CLIENT_LOST')
}

/** What a client ID metadata document is made of. */
export interface ClientDocumentOptions extends Pick<RegistrationOptions, 'clientMetadata'> {
  clientMetadataUrl: string
  /** The name of the client that users see. */
  clientName: string
  /** All redirect URIs: https, or http on this machine, where the port does not matter. */
  redirectUris: readonly string[]
}

/**
 * The client ID metadata document for {@link RegistrationOptions.clientMetadataUrl}. Publish it at that URL as
 * `application/json`.
 *
 * @throws OptionError
 */
export function clientMetadataDocument ({ clientMetadataUrl, clientName, redirectUris, clientMetadata = {} }: ClientDocumentOptions): Readonly<Record<string, unknown>> {
  const fault = clientMetadataUrlFault(clientMetadataUrl)
  if (fault !== null) throw new OptionError(`clientMetadataUrl ${fault}, got ${show(clientMetadataUrl)}`)
  const unfit = redirectUris.find(redirectUri => !isRedirectUri(redirectUri))
  if (unfit !== undefined || redirectUris.length === 0) throw new OptionError(`redirectUris must be https, or http on this machine, got ${show(unfit ?? redirectUris)}`)
  return {
    application_type: redirectUris.every(isNative) ? 'native' : 'web',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...clientMetadata,
    client_id: clientMetadataUrl,
    client_name: clientName,
    redirect_uris: redirectUris
  }
}

/**
 * Checks the URL of a client ID metadata document: https, with a path, and in the one form that all parsers agree on.
 *
 * @returns what is wrong, for a message; `null` when nothing is
 */
export function clientMetadataUrlFault (url: string): string | null {
  if (!URL.canParse(url)) return 'must be a URL'
  const { protocol, pathname, hash, username, password, href } = new URL(url)
  if (protocol !== 'https:') return 'must be https'
  if (pathname === '/') return 'must have a path'
  if (hash !== '' || username !== '' || password !== '') return 'must have no fragment, user name or password'
  return href === url ? null : `must be written as ${JSON.stringify(href)}`
}

/** A registration for other scopes may not be used to request these (RFC 7591 section 2, `scope`). */
function isUsable (stored: StoredClient, issuer: string, redirectUri: string, scopes: readonly string[] | null, now: number): boolean {
  const registered = stored.scopes ?? null
  const coversScopes = registered === null || (scopes ?? []).every(scope => registered.includes(scope))
  return stored.issuer === issuer && stored.redirectUris.includes(redirectUri) && coversScopes && isCurrent(stored, now)
}

function isCurrent ({ expiresAt }: StoredClient, now: number): boolean {
  return expiresAt === null || now < expiresAt
}

function identityOf ({ clientId, clientSecret, authenticationMethod: method }: StoredClient): ClientIdentity {
  return { clientId, authentication: method === 'none' || clientSecret === null ? { method: 'none' } : { method, clientSecret } }
}
