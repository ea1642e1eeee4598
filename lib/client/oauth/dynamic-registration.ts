import { AuthorizationError } from '../../errors/authorization-error.ts'
import { FetchError } from '../../errors/fetch-error.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { isOutage } from '../../http/http-client.ts'
import type { StoredClient } from '../../stores/connections/connection-store.ts'
import type { ServerMetadata } from '../discovery/server-discovery.ts'
import { endpointOf } from '../discovery/server-discovery.ts'
import { describedError } from './oauth-call.ts'
import { isNative } from './redirects.ts'
import { unionOf } from './authorization-code.ts'
import { parseJson } from '../../parse-json.ts'

type Method = StoredClient['authenticationMethod']

/** What a client registers for. */
export interface RegistrationPurpose {
  readonly redirectUri: string
  /** The scopes that it may request. */
  readonly scopes: readonly string[]
}

/**
 * Registers a client (RFC 7591).
 *
 * @param metadata client metadata of the application. It overrides the defaults
 * @throws AuthorizationError `FST_OAUTH_REGISTRATION_REFUSED`, `FST_OAUTH_AUTHENTICATION_UNSUPPORTED`,
 * `FST_OAUTH_SERVER_UNAVAILABLE`, `FST_OAUTH_ADDRESS_REFUSED`
 */
export async function registerDynamically (
  server: ServerMetadata, metadata: Readonly<Record<string, unknown>>, { redirectUri, scopes: given }: RegistrationPurpose, httpClient: HttpClient
): Promise<StoredClient> {
  const url = endpointOf(server, 'registration_endpoint', httpClient)
  const native = isNative(redirectUri)
  const method = methodFor(server, native, metadata.token_endpoint_auth_method)
  const scopes = metadata.scope === undefined ? unionOf(given) : null
  const request = {
    application_type: native ? 'native' : 'web',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    ...scopes !== null && { scope: scopes.join(' ') },
    ...metadata,
    token_endpoint_auth_method: method
  }
  const response = await post(url.href, request, httpClient)
  const { client_id: clientId, client_secret: secret, token_endpoint_auth_method: registered, client_secret_expires_at: expiry, scope: registeredScope } = response
  if (typeof clientId !== 'string' || clientId === '') throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', { message: 'the response has no client_id' })
  const authenticationMethod = isMethod(registered) ? registered : method
  const clientSecret = typeof secret === 'string' && authenticationMethod !== 'none' ? secret : null
  return {
    issuer: server.issuer,
    clientId,
    clientSecret,
    authenticationMethod: clientSecret === null ? 'none' : authenticationMethod,
    // 0 means that the secret does not expire (RFC 7591 section 3.2.1).
    expiresAt: clientSecret !== null && typeof expiry === 'number' && expiry > 0 ? expiry * 1000 : null,
    redirectUris: [redirectUri],
    // A response without `scope` limits the client to none (RFC 7591 section 3.2.1). Otherwise those of the request count: a server
    // that registers fewer would be asked again at each sign-in.
    scopes: typeof registeredScope === 'string' ? scopes : null
  }
}

/** A native application cannot keep a secret (RFC 8252 section 8.5). Post comes before Basic: some servers that offer both support only that. */
const preferences: Readonly<Record<'native' | 'web', readonly Method[]>> = {
  native: ['none', 'client_secret_post', 'client_secret_basic'],
  web: ['client_secret_post', 'client_secret_basic', 'none']
}

function methodFor ({ token_endpoint_auth_methods_supported: listed }: ServerMetadata, native: boolean, wanted: unknown): Method {
  if (wanted !== undefined) {
    if (isMethod(wanted)) return wanted
    throw new AuthorizationError('FST_OAUTH_AUTHENTICATION_UNSUPPORTED', { message: 'clientMetadata.token_endpoint_auth_method is not one that dynamic registration supports' })
  }
  // The default of RFC 8414 section 2.
  const supported = Array.isArray(listed) ? listed : ['client_secret_basic']
  const method = preferences[native ? 'native' : 'web'].find(one => supported.includes(one))
  if (method === undefined) throw new AuthorizationError('FST_OAUTH_AUTHENTICATION_UNSUPPORTED')
  return method
}

/** Whether dynamic registration supports an authentication method: no key or certificate is made for it. */
export function isMethod (value: unknown): value is Method {
  return value === 'none' || value === 'client_secret_basic' || value === 'client_secret_post'
}

async function post (url: string, body: object, httpClient: HttpClient): Promise<Readonly<Record<string, unknown>>> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(body) }
  try {
    const { status, text } = await httpClient.getText(url, init, [200, 201, 400, 401, 403])
    // A value that is no object has none of the members that are read.
    const response = Object(parseJson(text)) as Readonly<Record<string, unknown>>
    if (status < 300) return response
    const { error, error_description: description } = response
    throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', {
      ...describedError({ error: String(error), ...typeof description === 'string' && { error_description: description } }), responseStatus: status
    })
  } catch (error) {
    if (error instanceof AuthorizationError) throw error
    if (!(error instanceof FetchError)) throw new AuthorizationError('FST_OAUTH_REGISTRATION_REFUSED', { message: 'the response is not JSON' })
    throw new AuthorizationError(isOutage(error) ? 'FST_OAUTH_SERVER_UNAVAILABLE' : 'FST_OAUTH_REGISTRATION_REFUSED', { message: error.fault, responseStatus: error.status })
  }
}
