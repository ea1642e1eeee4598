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
  /** Of the protected resource: an API, or the endpoint of an MCP server. https, or http on this machine. */
  url: string
  /** The user's browser, for a program that sees it come back: {@link createLoopbackRedirect} on a desktop. */
  browser?: BrowserRedirect
  /** Where browsers come back to, for a server with many users: it calls `begin` and `complete` itself. */
  redirectUri?: string
  /**
   * Tokens without a user: `requestClientCredentials`, or a function of yours around `exchangeToken` or
   * `requestWithAssertion`. It is asked for each token, as there is nothing to refresh.
   */
  grant?: (access: ServerAccess, question: TokenRequest) => Promise<TokenSet>
  /** What to ask for beside what the resource says it needs. Default: what the resource says. */
  scopes?: readonly string[]
  /** Whether to ask for a refresh token, where that takes a scope of its own. Default: true. */
  offlineAccess?: boolean
  /** Parameters of your own for the authorization request. */
  authorizationParameters?: Readonly<Record<string, string>>
  /** Keeps the tokens; goes with `connectionStore`. Default: in memory. */
  tokenStore?: TokenStore
  /** Keeps what belongs to the tokens, as long as they are kept; goes with `tokenStore`. Default: in memory. */
  connectionStore?: ConnectionStore
  /** How the session keeps its tokens alive: when it renews, how often it tries, whom it tells. */
  session?: Omit<SessionOptions, 'tokenStore' | 'refresh' | 'usesGrant' | 'clock'>
  /** How the identifier in the metadata document has to fit `url`. Default: `prefix`. */
  resourceMatch?: ResourceMatch
  /** Chooses the authorization server among those that the resource names. Default: one with which `clients` are registered, else the first. */
  chooseIssuer?: (issuers: readonly string[], resource: ResourceMetadata) => string | Promise<string>
  /** Whose signed metadata is believed. Default: nobody's. */
  metadataTrust?: MetadataTrust
  /** Whether an authorization server will do that lists its resources without this one. Default: false. */
  allowUnlistedResource?: boolean
  /** Whether servers of the Model Context Protocol 2025-03-26 will do, which have no metadata of the resource. Default: false. */
  allowMissingMetadata?: boolean
  /** Whether tokens are bound to a key (RFC 9449, DPoP): `when_needed` (default) by the resource, `always` or `never`. */
  proofOfPossession?: 'when_needed' | 'always' | 'never'
  /** What the resource says in its own words of a token that is dead. */
  classifier?: ClassifierSettings
  /** After an authorization came to nothing, none is begun by itself for this long, in milliseconds. Default: 60 000. */
  coolDownMs?: number
  /** Makes every request, those to the resource too. Default: the global one for the resource, a guarded one for all else. */
  fetch?: typeof globalThis.fetch
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
    throw new OptionError(`url ${(error as IdentifierError).message}, and is ${show(options.url)}`)
  }
  const ways = (['browser', 'redirectUri', 'grant'] as const).filter(name => options[name] !== undefined)
  if (ways.length !== 1) {
    throw new OptionError(`one of browser, redirectUri and grant has to say how tokens are had, and ${ways.length === 0 ? 'none is' : `${ways.join(' and ')} are`} there`)
  }
  if (options.redirectUri !== undefined && !isRedirectUri(options.redirectUri)) {
    throw new OptionError(`redirectUri must be https or on this machine, without a fragment, and is ${show(options.redirectUri)}`)
  }
  // One of them alone would forget whose the tokens are, which every process that shares them would be signed out by.
  if ((options.tokenStore === undefined) !== (options.connectionStore === undefined)) {
    throw new OptionError(`tokenStore and connectionStore belong together, and ${options.tokenStore === undefined ? 'tokenStore' : 'connectionStore'} is missing`)
  }
  for (const { issuer, assumptions: { protectsResource } = {} } of options.clients ?? []) checkProtectsResource(protectsResource, issuer, options)
  const method = options.clientMetadata?.token_endpoint_auth_method
  if (method !== undefined && !isMethod(method) && options.dynamicRegistration !== false) {
    throw new OptionError(`clientMetadata.token_endpoint_auth_method must be none, client_secret_post or client_secret_basic for dynamic registration, got ${show(method)}. Register a client with a key in advance and name it in clients`)
  }
  const fault = options.clientMetadataUrl === undefined ? null : clientMetadataUrlFault(options.clientMetadataUrl)
  if (fault !== null) throw new OptionError(`clientMetadataUrl ${fault}, and is ${show(options.clientMetadataUrl)}`)
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
