import { FetchError } from '../../errors/fetch-error.ts'
import type { StoredClient, StoredConnection } from '../../stores/connections/connection-store.ts'
import type { Clock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import { show } from '../../options.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { showUrl } from '../../http/guarded-fetch.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { isNative, isRedirectUri } from './redirect-uri.ts'
import { isOutage } from '../discovery/resource-discovery.ts'
import type { ServerMetadata } from '../discovery/server-discovery.ts'
import { endpointOf } from '../discovery/server-discovery.ts'
import type { ClientIdentity } from './oauth-call.ts'
import { describedError } from './oauth-call.ts'

/** A client that an authorization server knows before we come. */
export interface RegisteredClient extends ClientIdentity {
  /** Where it is registered. It is shown to nobody else, whatever a resource says (Model Context Protocol, AS binding). */
  readonly issuer: string
}

/** The ways to be a client, of which the first that an authorization server takes is gone (Model Context Protocol, client registration). */
export interface RegistrationOptions {
  /** Clients that are registered already, each with one authorization server. */
  clients?: readonly RegisteredClient[]
  /**
   * https URL of a client ID metadata document that you publish: it is the client identifier wherever such documents are
   * taken.
   */
  clientMetadataUrl?: string
  /** How the client of that document proves who it is. Default: not at all, as a public client. */
  clientMetadataAuthentication?: ClientIdentity['authentication']
  /** What else a registration says (RFC 7591 section 2), under its wire names: `client_name`, `software_id`, … */
  clientMetadata?: Readonly<Record<string, unknown>>
  /** Whether to register anew with authorization servers that know no other way. Default: true. */
  dynamicRegistration?: boolean
}

export interface RegistrationNeeds {
  /** `null` for a client that sends nobody anywhere: it has to be registered already. */
  readonly redirectUri: string | null
  /** A client that an earlier registration with this issuer gave. */
  readonly stored: StoredClient | null
  readonly clock: Clock
}

export interface Client extends ClientIdentity {
  /** What it registered itself as, now or earlier; a new one is to be stored under its issuer. `null` where others registered it. */
  readonly registration: StoredClient | null
}

/**
 * Becomes a client of an authorization server: as one that is registered, by a metadata document, or by registering, in
 * this order.
 *
 * @throws AuthorizationError `FST_OAUTH_CLIENT_UNKNOWN`, `FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER`, `FST_OAUTH_REGISTRATION_REFUSED`, `FST_OAUTH_AUTHENTICATION_UNSUPPORTED`, `FST_OAUTH_SERVER_UNAVAILABLE`
 */
export async function registerClient (
  server: ServerMetadata, options: RegistrationOptions, { redirectUri, stored, clock }: RegistrationNeeds, httpClient: HttpClient
): Promise<Client> {
  const { clients = [], clientMetadataUrl, clientMetadataAuthentication = { method: 'none' }, dynamicRegistration = true } = options
  const registered = clients.find(({ issuer }) => issuer === server.issuer)
  if (registered !== undefined) return { clientId: registered.clientId, authentication: registered.authentication, registration: null }
  if (clientMetadataUrl !== undefined && server.client_id_metadata_document_supported === true) {
    return { clientId: clientMetadataUrl, authentication: clientMetadataAuthentication, registration: null }
  }
  if (redirectUri !== null && stored !== null && isUsable(stored, server.issuer, redirectUri, clock.now())) return { ...credentialsOf(stored), registration: stored }
  if (redirectUri !== null && dynamicRegistration && server.registration_endpoint !== undefined) {
    const registration = await register(server, options.clientMetadata ?? {}, redirectUri, httpClient)
    return { ...credentialsOf(registration), registration }
  }
  throw new AuthorizationError(clients.length > 0 ? 'FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER' : 'FST_OAUTH_CLIENT_UNKNOWN', { message: showUrl(server.issuer) })
}

/** Whose client tokens, or an authorization that is under way, are of. */
export type ClientOwner = Pick<StoredConnection, 'issuer' | 'clientId' | 'registration' | 'clients'>

/**
 * The very client that something was issued to: another one must not show it (RFC 6749 section 10.4), so nothing is
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
  if (stored !== undefined && isSame(stored.clientId) && isAlive(stored, clock.now())) return credentialsOf(stored)
  throw new AuthorizationError('FST_OAUTH_CLIENT_LOST')
}

/** What a client ID metadata document is made of. */
export interface ClientDocumentOptions extends Pick<RegistrationOptions, 'clientMetadata'> {
  clientMetadataUrl: string
  /** What a person calls the client. */
  clientName: string
  /** Every one of them: https, or this machine, where the port does not matter. */
  redirectUris: readonly string[]
}

/**
 * The document to publish at `clientMetadataUrl`, as `application/json`, for {@link RegistrationOptions.clientMetadataUrl}.
 *
 * @throws OptionError
 */
export function clientMetadataDocument ({ clientMetadataUrl, clientName, redirectUris, clientMetadata = {} }: ClientDocumentOptions): Readonly<Record<string, unknown>> {
  const fault = clientMetadataUrlFault(clientMetadataUrl)
  if (fault !== null) throw new OptionError(`clientMetadataUrl ${fault}, and is ${show(clientMetadataUrl)}`)
  const unfit = redirectUris.find(redirectUri => !isRedirectUri(redirectUri))
  if (unfit !== undefined || redirectUris.length === 0) throw new OptionError(`redirectUris must be https or on this machine, and has ${show(unfit ?? redirectUris)}`)
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
 * Checks the URL of a client ID metadata document: https, with a path, and nothing that could be read in two ways.
 *
 * @returns what is wrong with it, `null` when nothing is
 */
export function clientMetadataUrlFault (url: string): string | null {
  if (!URL.canParse(url)) return 'must be a URL'
  const { protocol, pathname, hash, username, password, href } = new URL(url)
  if (protocol !== 'https:') return 'must be https'
  if (pathname === '/') return 'must have a path'
  if (hash !== '' || username !== '' || password !== '') return 'must have no fragment, user name or password'
  return href === url ? null : `must be written as ${JSON.stringify(href)}`
}

function isUsable (stored: StoredClient, asked: string, redirectUri: string, now: number): boolean {
  return stored.issuer === asked && stored.redirectUris.includes(redirectUri) && isAlive(stored, now)
}

function isAlive ({ expiresAt }: StoredClient, now: number): boolean {
  return expiresAt === null || now < expiresAt
}

function credentialsOf ({ clientId, clientSecret, authenticationMethod: method }: StoredClient): ClientIdentity {
  return { clientId, authentication: method === 'none' || clientSecret === null ? { method: 'none' } : { method, clientSecret } }
}

type Method = StoredClient['authenticationMethod']

/** RFC 7591. A scope is not sent: what is registered would be a limit for what may be asked for later on. */
async function register (
  server: ServerMetadata, metadata: Readonly<Record<string, unknown>>, redirectUri: string, httpClient: HttpClient
): Promise<StoredClient> {
  const url = endpointOf(server, 'registration_endpoint', httpClient)
  const native = isNative(redirectUri)
  const method = methodFor(server, native)
  const request = {
    application_type: native ? 'native' : 'web',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    ...metadata,
    token_endpoint_auth_method: method
  }
  const answer = await post(url.href, request, httpClient)
  const { client_id: clientId, client_secret: secret, token_endpoint_auth_method: answered, client_secret_expires_at: expiry } = answer
  if (typeof clientId !== 'string' || clientId === '') throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', { message: 'the answer has no client_id' })
  const given = isMethod(answered) ? answered : method
  const clientSecret = typeof secret === 'string' && given !== 'none' ? secret : null
  return {
    issuer: server.issuer,
    clientId,
    clientSecret,
    authenticationMethod: clientSecret === null ? 'none' : given,
    // 0 says that it never does.
    expiresAt: clientSecret !== null && typeof expiry === 'number' && expiry > 0 ? expiry * 1000 : null,
    redirectUris: [redirectUri]
  }
}

/** A program on a user's machine keeps no secret (RFC 8252 section 8.5), one on a server does. */
function methodFor ({ token_endpoint_auth_methods_supported: listed }: ServerMetadata, native: boolean): Method {
  // RFC 8414 section 2: the default.
  const supported = Array.isArray(listed) ? listed : ['client_secret_basic']
  const preferred: readonly Method[] = native
    ? ['none', 'client_secret_basic', 'client_secret_post']
    : ['client_secret_basic', 'client_secret_post', 'none']
  const method = preferred.find(one => supported.includes(one))
  if (method === undefined) throw new AuthorizationError('FST_OAUTH_AUTHENTICATION_UNSUPPORTED')
  return method
}

function isMethod (value: unknown): value is Method {
  return value === 'none' || value === 'client_secret_basic' || value === 'client_secret_post'
}

async function post (url: string, body: object, httpClient: HttpClient): Promise<Readonly<Record<string, unknown>>> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(body) }
  try {
    const { status, text } = await httpClient.getText(url, init, [200, 201, 400, 401, 403])
    // What has no members has none of those that are looked for.
    const answer = Object(JSON.parse(text)) as Readonly<Record<string, unknown>>
    if (status < 300) return answer
    const { error, error_description: description } = answer
    throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', {
      ...describedError({ error: String(error), ...typeof description === 'string' && { error_description: description } }), responseStatus: status
    })
  } catch (error) {
    if (error instanceof AuthorizationError) throw error
    if (!(error instanceof FetchError)) throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', { message: 'the answer is no JSON' })
    throw new AuthorizationError(isOutage(error) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_REGISTRATION_REFUSED', { message: error.fault, responseStatus: error.status })
  }
}
