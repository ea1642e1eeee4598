import type { ConfidentialAuthentication } from '../http/client-authentication.ts'
import { OptionError } from '../errors/errors.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import { anyFunction, closed, count, seconds, text, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { IntrospectionCache } from '../stores/introspection/introspection-cache.ts'
import type { IntrospectionSettings } from '../token/introspection-request.ts'
import type { SignatureAlgorithm } from './algorithms.ts'
import { checkAlgorithms } from './algorithms.ts'
import { parseIdentifierOption } from './identifiers.ts'

/** Introspection of the tokens of an issuer (RFC 7662). */
export interface IntrospectionOptions {
  /** The client identifier of this server at the issuer. */
  clientId: string
  /** How this server authenticates: with a secret, a key, or the client certificate that `fetch` presents. */
  authentication: ConfidentialAuthentication
  /** The introspection endpoint. Default: the one of the issuer's metadata. */
  endpoint?: string
  /** The response must be a JWT signed with this algorithm (RFC 9701). Default: it is plain JSON. */
  signedResponseAlgorithm?: SignatureAlgorithm
  /**
   * The prefix of this issuer's opaque tokens. Default: `''`, every token that is not a JWT; only one issuer can have that.
   * `null`: it issues JWTs alone.
   */
  opaquePrefix?: string | null
  /** How long a response is used, in seconds, and never past the token's expiry. 0: each request introspects. Default: 10. */
  cacheSeconds?: number
  /** How long an inactive token is refused without introspection, in seconds. Default: 0. */
  refusedCacheSeconds?: number
  /**
   * Keeps answers about active tokens for all servers, each for `cacheSeconds` at most: `createRedisIntrospectionCache`. Default:
   * each server introspects for itself.
   */
  cache?: IntrospectionCache
  /** How many introspection requests can be pending; a token that would need one more gets 503. Default: 100. */
  maxConcurrent?: number
  /** Makes these requests, with a client certificate for instance. Default: the `fetch` of the plugin's options. */
  fetch?: Fetch
}

const authenticationSchema = Type.Union([
  Type.Object({ method: Type.Enum(['client_secret_basic', 'client_secret_post']), clientSecret: text }, closed),
  Type.Object({ method: Type.Literal('private_key_jwt'), privateKey: Type.Unknown(), keyId: Type.Optional(text) }, closed),
  Type.Object({ method: Type.Literal('tls_client_auth') }, closed)
])

/** @internal */
export const introspectionSchemas: OptionSchemas<keyof IntrospectionOptions> = optionGroup<IntrospectionOptions>()({
  clientId: text,
  authentication: typed<ConfidentialAuthentication>(authenticationSchema),
  endpoint: Type.Optional(text),
  signedResponseAlgorithm: Type.Optional(text),
  opaquePrefix: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  cacheSeconds: Type.Optional(seconds),
  refusedCacheSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
  cache: Type.Optional(typed<IntrospectionCache>(Type.Object({ get: anyFunction, set: anyFunction }))),
  maxConcurrent: Type.Optional(count),
  fetch: Type.Optional(anyFunction)
})

/** How the tokens of an issuer are introspected. */
export interface ResolvedIntrospection {
  readonly rule: IntrospectionSettings
  /** `null`: the one of the issuer's metadata. */
  readonly endpoint: string | null
  readonly opaquePrefix: string | null
  readonly cacheMs: number
  readonly refusedCacheMs: number
  /** `null`: this server shares no answers. */
  readonly cache: IntrospectionCache | null
  readonly maxConcurrent: number
  /** `null`: that of the plugin's options. */
  readonly fetch: Fetch | null
}

/** @throws OptionError */
export function resolveIntrospection (
  options: IntrospectionOptions, name: string, allowInsecureHttp: boolean
): ResolvedIntrospection {
  const {
    clientId, authentication, endpoint = null, signedResponseAlgorithm = null, opaquePrefix = '', cacheSeconds = 10,
    refusedCacheSeconds = 0, cache = null, maxConcurrent = 100, fetch = null
  } = options
  if (cache !== null && cacheSeconds === 0) throw new OptionError(`${name}.cache and ${name}.cacheSeconds: 0 contradict each other; remove one`)
  if (endpoint !== null) parseIdentifierOption(`${name}.endpoint`, endpoint, allowInsecureHttp)
  if (signedResponseAlgorithm !== null) checkAlgorithms([signedResponseAlgorithm], `${name}.signedResponseAlgorithm`)
  if (authentication.method === 'private_key_jwt' && !isSigningKey(authentication.privateKey)) {
    throw new OptionError(`${name}.authentication.privateKey must be a private CryptoKey whose usages include sign`)
  }
  if (authentication.method === 'tls_client_auth' && fetch === null) {
    throw new OptionError(`${name}.authentication tls_client_auth requires ${name}.fetch, which presents the certificate`)
  }
  return Object.freeze({
    rule: Object.freeze({ clientId, authentication: Object.freeze({ ...authentication }), signedResponseAlgorithm }),
    endpoint,
    opaquePrefix,
    cacheMs: cacheSeconds * 1000,
    refusedCacheMs: refusedCacheSeconds * 1000,
    cache,
    maxConcurrent,
    fetch
  })
}

/** Not by its class: another realm has another one. */
function isSigningKey (key: unknown): boolean {
  const { type, usages } = (key ?? {}) as { type?: unknown, usages?: unknown }
  return type === 'private' && Array.isArray(usages) && usages.includes('sign')
}
