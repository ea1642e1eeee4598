import type { Clock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import type { IdentifierError } from '../../errors/syntax-errors.ts'
import { parseIdentifier } from '../../identifier.ts'
import type { ConnectionStore } from '../../stores/connections/connection-store.ts'
import type { TokenSet, TokenStore } from '../../stores/tokens/token-store.ts'
import type { BrowserRedirect } from '../oauth/redirects.ts'
import type { ClassifierSettings } from '../fetch/classify.ts'
import type { TokenRequest } from '../oauth/grants.ts'
import type { HttpClientOptions } from '../../http/http-client.ts'
import { isRedirectUri } from '../oauth/redirects.ts'
import { isMethod } from '../oauth/dynamic-registration.ts'
import type { RegistrationOptions } from '../oauth/registration.ts'
import { clientMetadataUrlFault } from '../oauth/registration.ts'
import type { ResourceMetadata } from '../discovery/resource-discovery.ts'
import type { ResourceMatch } from '../fetch/resource-match.ts'
import { coversUrl } from '../fetch/resource-match.ts'
import type { SessionOptions } from '../session/session-options.ts'
import type { MetadataTrust } from '../discovery/resource-discovery.ts'
import type { ServerAccess } from '../oauth/oauth-call.ts'
import { checkOptions } from '../../options/check-options.ts'
import { show } from '../../options/show.ts'
import { Type } from '../../options/type.ts'

export interface ConnectOptions extends RegistrationOptions, Omit<HttpClientOptions, 'fetch'> {
  /** The URL of the protected resource: an API, or the endpoint of an MCP server. https, or http on this machine. */
  url: string
  /**
   * Opens the user's browser and receives its return: {@link createLoopbackRedirect} for a program on the user's machine.
   * Exactly one of `browser`, `redirectUri` and `grant` is required.
   */
  browser?: BrowserRedirect
  /** The redirect URI of a web server with many users, which calls `begin` and `complete`. */
  redirectUri?: string
  /**
   * Gets tokens without a browser: `requestClientCredentials`, or your own function around `exchangeToken` or
   * `requestWithAssertion`. It is called for every new token, in place of a refresh.
   */
  grant?: (access: ServerAccess, question: TokenRequest) => Promise<TokenSet>
  /** Scopes to request in addition to those that the resource requires. Default: none. */
  scopes?: readonly string[]
  /** Whether to request `offline_access` if the authorization server supports it, for a refresh token. Default: true. */
  offlineAccess?: boolean
  /** Further parameters of the authorization request: name → value. Default: none. */
  authorizationParameters?: Readonly<Record<string, string>>
  /** Keeps the tokens; requires `connectionStore`. Default: in memory. */
  tokenStore?: TokenStore
  /** Keeps issuer, client registration and DPoP key of the tokens; requires `tokenStore`. Default: in memory. */
  connectionStore?: ConnectionStore
  /** Options of the session: when it refreshes, how often it retries, and the callback for changes of its state. */
  session?: Omit<SessionOptions, 'tokenStore' | 'refresh' | 'usesGrant' | 'clock'>
  /** How the `resource` of the metadata document must match `url`. Default: `prefix`. */
  resourceMatch?: ResourceMatch
  /** Chooses one of the authorization servers in the metadata. Default: the first with which one of `clients` is registered, else the first. */
  chooseIssuer?: (issuers: readonly string[], resource: ResourceMetadata) => string | Promise<string>
  /** The issuer whose `signed_metadata` is used (RFC 9728 section 2.2), and its keys. Default: `signed_metadata` is ignored. */
  metadataTrust?: MetadataTrust
  /** Accepts an authorization server whose `protected_resources` do not contain this resource. Default: false. */
  allowUnlistedResource?: boolean
  /** Accepts MCP servers of the version 2025-03-26, which have no metadata document of the resource. Default: false. */
  allowMissingMetadata?: boolean
  /** Whether tokens are bound to a key (RFC 9449, DPoP): `when_needed` (default) by the resource, `always` or `never`. */
  proofOfPossession?: 'when_needed' | 'always' | 'never'
  /** How the resource reports an invalid token, if it does not follow RFC 6750. Default: only the standard signals count. */
  classifier?: ClassifierSettings
  /** After a failed authorization, requests start no other one for this long, in milliseconds. Default: 60 000. */
  coolDownMs?: number
  /** Makes all requests. Default: the global `fetch` for the resource, and {@link createGuardedFetch} for all others. */
  fetch?: typeof globalThis.fetch
  /** Default: the system clock. */
  clock?: Clock
}

const text = Type.String({ minLength: 1 })
const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const anyObject = Type.Object({})
const assumptions = Type.Object({
  supportsPkce: Type.Optional(Type.Boolean()),
  refusesResource: Type.Optional(Type.Boolean()),
  protectsResource: Type.Optional(text),
  ignoresTrailingSlash: Type.Optional(Type.Boolean())
}, closed)
const schema = Type.Object({
  url: text,
  browser: Type.Optional(Type.Object({ prepare: anyFunction })),
  redirectUri: Type.Optional(text),
  grant: Type.Optional(anyFunction),
  scopes: Type.Optional(Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$' }))),
  offlineAccess: Type.Optional(Type.Boolean()),
  authorizationParameters: Type.Optional(Type.Record(Type.String(), Type.String())),
  tokenStore: Type.Optional(Type.Object({ read: anyFunction, write: anyFunction, exclusively: anyFunction })),
  connectionStore: Type.Optional(Type.Object({ read: anyFunction, write: anyFunction })),
  session: Type.Optional(anyObject),
  resourceMatch: Type.Optional(Type.Enum(['exact', 'prefix'])),
  chooseIssuer: Type.Optional(anyFunction),
  metadataTrust: Type.Optional(Type.Object({ issuer: text, key: Type.Union([anyFunction, anyObject]) }, closed)),
  allowUnlistedResource: Type.Optional(Type.Boolean()),
  allowMissingMetadata: Type.Optional(Type.Boolean()),
  proofOfPossession: Type.Optional(Type.Enum(['when_needed', 'always', 'never'])),
  classifier: Type.Optional(anyObject),
  coolDownMs: Type.Optional(Type.Number({ minimum: 0 })),
  clients: Type.Optional(Type.Array(Type.Object({ issuer: text, clientId: text, authentication: anyObject, assumptions: Type.Optional(assumptions) }, closed))),
  clientMetadataUrl: Type.Optional(text),
  clientMetadataAuthentication: Type.Optional(anyObject),
  clientMetadata: Type.Optional(anyObject),
  dynamicRegistration: Type.Optional(Type.Boolean()),
  allowLoopback: Type.Optional(Type.Boolean()),
  allowedHosts: Type.Optional(Type.Array(text)),
  timeoutMs: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  maxBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  fetch: Type.Optional(anyFunction),
  clock: Type.Optional(Type.Object({ now: anyFunction }))
}, closed)

/** @throws OptionError that names the option and its value */
export function checkConnectOptions (given: unknown): ConnectOptions {
  checkOptions('', schema, given)
  const options = given as ConnectOptions
  try {
    parseIdentifier(options.url)
  } catch (error) {
    throw new OptionError(`url ${(error as IdentifierError).message}, got ${show(options.url)}`)
  }
  const ways = (['browser', 'redirectUri', 'grant'] as const).filter(name => options[name] !== undefined)
  if (ways.length !== 1) {
    throw new OptionError(`exactly one of browser, redirectUri and grant is required, got ${ways.length === 0 ? 'none' : ways.join(' and ')}`)
  }
  if (options.redirectUri !== undefined && !isRedirectUri(options.redirectUri)) {
    throw new OptionError(`redirectUri must be https, or http on this machine, without a fragment, got ${show(options.redirectUri)}`)
  }
  // Tokens in a shared store without their connection data count as of unknown issuer, which signs out every process.
  if ((options.tokenStore === undefined) !== (options.connectionStore === undefined)) {
    throw new OptionError(`tokenStore and connectionStore must be set together: ${options.tokenStore === undefined ? 'tokenStore' : 'connectionStore'} is missing`)
  }
  for (const { issuer, assumptions: { protectsResource } = {} } of options.clients ?? []) checkProtectsResource(protectsResource, issuer, options)
  const method = options.clientMetadata?.token_endpoint_auth_method
  if (method !== undefined && !isMethod(method) && options.dynamicRegistration !== false) {
    throw new OptionError(`clientMetadata.token_endpoint_auth_method must be none, client_secret_post or client_secret_basic for dynamic registration, got ${show(method)}. Register a client with a key in advance and name it in clients`)
  }
  const fault = options.clientMetadataUrl === undefined ? null : clientMetadataUrlFault(options.clientMetadataUrl)
  if (fault !== null) throw new OptionError(`clientMetadataUrl ${fault}, got ${show(options.clientMetadataUrl)}`)
  return options
}

function checkProtectsResource (resource: string | undefined, issuer: string, { url, resourceMatch = 'prefix' }: ConnectOptions): void {
  if (resource === undefined) return
  let isCovering = false
  try {
    parseIdentifier(resource)
    isCovering = coversUrl(resource, url, resourceMatch)
  } catch {}
  if (!isCovering) throw new OptionError(`assumptions.protectsResource of the client of ${show(issuer)} must be a resource identifier that covers url ${show(url)}, got ${show(resource)}`)
}
