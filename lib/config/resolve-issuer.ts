import type { Fetch } from '../http/limited-fetch.ts'
import { OptionError } from '../errors/errors.ts'
import { asymmetricAlgorithms } from '../token/signature.ts'
import type { ConfidentialAuthentication } from '../client/oauth/client-authentication.ts'
import type { IntrospectionSettings } from '../token/introspection-request.ts'
import type { ClientMark, ExpectedToken } from '../token/expected-token.ts'
import { unknownPlaceholder } from '../token/expected-token.ts'
import { createKeySet } from '../token/key-set.ts'
import { checkIssuerOptions } from './check-options.ts'
import { identifierOf } from './identifier-option.ts'
import type { IntrospectionOptions, IssuerOptions } from './issuer-options.ts'
import type { OAuthResourceServerOptions } from './options.ts'
import { issuerPresets } from './presets.ts'
import { show } from '../options/show.ts'

/** One trusted issuer: what its tokens must be, and where its keys are. */
export interface ResolvedIssuer {
  readonly rule: ExpectedToken
  readonly advertised: boolean
  readonly jwksUri: string | null
  readonly jwks: Readonly<Record<string, unknown>> | null
  /** `null`: its tokens are JWTs that are checked here. */
  readonly introspection: ResolvedIntrospection | null
}

/** How an issuer is asked about its tokens. */
export interface ResolvedIntrospection {
  readonly rule: IntrospectionSettings
  /** `null`: where the issuer's metadata says. */
  readonly endpoint: string | null
  readonly opaquePrefix: string | null
  readonly cacheMs: number
  readonly refusedCacheMs: number
  readonly maxConcurrent: number
  /** `null`: that of the options. */
  readonly fetch: Fetch | null
}

/** What an issuer gets where it says nothing. */
export type IssuerDefaults = Pick<OAuthResourceServerOptions, 'resource' | 'clockToleranceSeconds'>

/** @throws OptionError */
export function resolveIssuers (options: OAuthResourceServerOptions): readonly ResolvedIssuer[] {
  const issuers = options.authorizationServers.map((given, index) =>
    resolveIssuer(given, `authorizationServers[${index}]`, options))
  refuseRepetition(issuers.map(({ rule }) => rule.issuer), 'authorizationServers names', 'twice')
  refuseRepetition(
    issuers.map(({ introspection }) => introspection?.opaquePrefix).filter(prefix => typeof prefix === 'string'),
    'introspection.opaquePrefix', 'belongs to two authorizationServers')
  return Object.freeze(issuers)
}

function refuseRepetition (values: readonly string[], before: string, after: string): void {
  const repeated = values.find((value, index) => values.indexOf(value) !== index)
  if (repeated !== undefined) throw new OptionError(`${before} ${show(repeated)} ${after}`)
}

/** @throws OptionError */
export function resolveIssuer (given: unknown, name: string, defaults: IssuerDefaults): ResolvedIssuer {
  const options = withPreset(checkIssuerOptions(typeof given === 'string' ? { issuer: given } : given, name))
  const { issuer, jwksUri = null, jwks = null, advertised = true, introspection } = options

  const { query } = identifierOf(`${name}.issuer`, issuer)
  if (query !== '') throw new OptionError(`${name}.issuer must not have a query (RFC 8414 section 2), and is ${show(issuer)}`)
  if (jwksUri !== null && jwks !== null) throw new OptionError(`${name}.jwks and ${name}.jwksUri contradict each other`)
  if (jwksUri !== null) identifierOf(`${name}.jwksUri`, jwksUri)
  if (jwks !== null && createKeySet(jwks).size === 0) throw new OptionError(`${name}.jwks has no public key that can be used`)

  return Object.freeze({
    rule: ruleOf(options, name, defaults),
    advertised,
    jwksUri,
    jwks,
    introspection: introspection === undefined ? null : resolveIntrospection(introspection, `${name}.introspection`)
  })
}

function withPreset ({ preset, ...options }: IssuerOptions): IssuerOptions {
  if (preset === undefined) return options
  const { claims, requiredClaims, ...rest } = issuerPresets[preset]
  return {
    ...rest,
    ...options,
    claims: { ...claims, ...options.claims },
    requiredClaims: { ...requiredClaims, ...options.requiredClaims }
  }
}

function ruleOf (options: IssuerOptions, name: string, defaults: IssuerDefaults): ExpectedToken {
  const {
    issuer, audience = defaults.resource, rejectForeignAudiences = false, algorithms = asymmetricAlgorithms,
    profile = 'rfc9068', claims = {}, requiredClaims = {}, clientTokens = [], tokenRules = []
  } = options
  checkAlgorithms(algorithms, `${name}.algorithms`)
  checkClientTokens(clientTokens, `${name}.clientTokens`)
  return Object.freeze({
    issuer,
    audiences: Object.freeze(typeof audience === 'string' ? [audience] : [...audience]),
    foreignAudiences: rejectForeignAudiences === 'report' ? 'report' : rejectForeignAudiences ? 'refuse' : 'accept',
    algorithms: Object.freeze([...algorithms]),
    profile,
    scopeClaims: Object.freeze([...options.scopeClaims ?? (profile === 'jwt' ? ['scope', 'scp'] : ['scope'])]),
    claims: Object.freeze({
      audience: claims.audience ?? 'aud',
      actor: claims.actor ?? 'act',
      roles: claims.roles ?? 'roles',
      organizations: claims.organizations ?? null,
      teams: claims.teams ?? null,
      session: claims.session ?? 'sid',
      grant: claims.grant ?? null
    }),
    requiredClaims: Object.freeze({ ...requiredClaims }),
    clientTokens: Object.freeze(clientTokens.map(mark => Object.freeze({ ...mark }))),
    tokenRules: Object.freeze(tokenRules.map(rule => Object.freeze({ reportOnly: false, ...rule }))),
    clockToleranceSeconds: options.clockToleranceSeconds ?? defaults.clockToleranceSeconds ?? 5
  })
}

/** A mark that no token can bear would make users of clients. */
function checkClientTokens (marks: readonly ClientMark[], name: string): void {
  const unknown = marks.flatMap(mark => Object.values(mark)).map(unknownPlaceholder).find(found => found !== null)
  if (unknown !== undefined) throw new OptionError(`${name} can speak of {clientId} and {subject}, and speaks of ${unknown}`)
}

function resolveIntrospection (options: IntrospectionOptions, name: string): ResolvedIntrospection {
  const {
    clientId, authentication, endpoint = null, signedResponseAlgorithm = null, opaquePrefix = '', cacheSeconds = 10,
    refusedCacheSeconds = 0, maxConcurrent = 100, allowMissingAudience = false, fetch = null
  } = options
  if (endpoint !== null) identifierOf(`${name}.endpoint`, endpoint)
  if (signedResponseAlgorithm !== null) checkAlgorithms([signedResponseAlgorithm], `${name}.signedResponseAlgorithm`)
  checkAuthentication(authentication, `${name}.authentication`)
  if (authentication.method === 'tls_client_auth' && fetch === null) {
    throw new OptionError(`${name}.authentication tls_client_auth needs ${name}.fetch to present the certificate`)
  }
  return Object.freeze({
    rule: Object.freeze({ clientId, authentication: Object.freeze({ ...authentication }), signedResponseAlgorithm, allowMissingAudience }),
    endpoint,
    opaquePrefix,
    cacheMs: cacheSeconds * 1000,
    refusedCacheMs: refusedCacheSeconds * 1000,
    maxConcurrent,
    fetch
  })
}

const partsOfMethods: Readonly<Record<ConfidentialAuthentication['method'], readonly string[]>> = {
  client_secret_basic: ['clientSecret'],
  client_secret_post: ['clientSecret'],
  private_key_jwt: ['privateKey', 'keyId'],
  tls_client_auth: []
}

function checkAuthentication (authentication: ConfidentialAuthentication, name: string): void {
  const { method, ...parts } = authentication
  const foreign = Object.keys(parts).find(part => !partsOfMethods[method].includes(part))
  if (foreign !== undefined) throw new OptionError(`${name}.${foreign} does not go with ${method}`)
  if (partsOfMethods[method].includes('clientSecret') && !('clientSecret' in parts)) {
    throw new OptionError(`${name}.clientSecret is missing, which ${method} needs`)
  }
  if (authentication.method === 'private_key_jwt' && !isSigningKey(authentication.privateKey)) {
    throw new OptionError(`${name}.privateKey must be a private CryptoKey that may sign`)
  }
}

/** Not by its class, of which another realm has another. */
function isSigningKey (key: unknown): boolean {
  const { type, usages } = (key ?? {}) as { type?: unknown, usages?: unknown }
  return type === 'private' && Array.isArray(usages) && usages.includes('sign')
}

function checkAlgorithms (algorithms: readonly string[], name: string): void {
  const unfit = algorithms.find(algorithm => !asymmetricAlgorithms.includes(algorithm))
  if (unfit !== undefined) {
    throw new OptionError(`${name} must be of ${asymmetricAlgorithms.join(', ')}, and one is ${show(unfit)}`)
  }
}
