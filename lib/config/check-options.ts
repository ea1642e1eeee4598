import type { IssuerOptions } from './issuer-options.ts'
import type { OAuthResourceServerOptions, ScopeOptions } from './options.ts'
import { checkOptions } from '../options/check-options.ts'
import { Type } from '../options/type.ts'

const text = Type.String({ minLength: 1 })
const texts = Type.Array(text, { minItems: 1, uniqueItems: true })
const count = Type.Integer({ minimum: 1 })
const seconds = Type.Integer({ minimum: 0, maximum: 31_536_000 })
const tolerance = Type.Integer({ minimum: 0, maximum: 300 })
const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const claimPath = Type.Union([text, Type.Array(text, { minItems: 1 })])

const issuerSchema = Type.Object({
  issuer: text,
  audience: Type.Optional(Type.Union([text, texts])),
  rejectForeignAudiences: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('report')])),
  algorithms: Type.Optional(texts),
  profile: Type.Optional(Type.Enum(['rfc9068', 'jwt'])),
  scopeClaims: Type.Optional(Type.Array(claimPath, { minItems: 1 })),
  claims: Type.Optional(Type.Object({
    audience: Type.Optional(claimPath),
    actor: Type.Optional(claimPath),
    roles: Type.Optional(claimPath),
    organizations: Type.Optional(claimPath),
    teams: Type.Optional(claimPath),
    session: Type.Optional(claimPath),
    grant: Type.Optional(claimPath)
  }, closed)),
  requiredClaims: Type.Optional(Type.Record(Type.String(), Type.String())),
  clientTokens: Type.Optional(Type.Array(
    Type.Record(Type.String(), Type.Union([text, Type.Literal(true)]), { minProperties: 1 }))),
  tokenRules: Type.Optional(Type.Array(Type.Object({
    name: text,
    check: anyFunction,
    reportOnly: Type.Optional(Type.Boolean())
  }, closed))),
  introspection: Type.Optional(Type.Object({
    clientId: text,
    // Which of them go together is left to `resolve-issuer.ts`: the errors of a union would point anywhere.
    authentication: Type.Object({
      method: Type.Enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth']),
      clientSecret: Type.Optional(text),
      privateKey: Type.Optional(Type.Unknown()),
      keyId: Type.Optional(text)
    }, closed),
    endpoint: Type.Optional(text),
    signedResponseAlgorithm: Type.Optional(text),
    opaquePrefix: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    cacheSeconds: Type.Optional(seconds),
    refusedCacheSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600 })),
    maxConcurrent: Type.Optional(count),
    allowMissingAudience: Type.Optional(Type.Boolean()),
    fetch: Type.Optional(anyFunction)
  }, closed)),
  preset: Type.Optional(Type.Enum(['entra', 'keycloak', 'auth0', 'okta', 'cognito'])),
  jwksUri: Type.Optional(text),
  jwks: Type.Optional(Type.Object({ keys: Type.Array(Type.Unknown()) })),
  advertised: Type.Optional(Type.Boolean()),
  clockToleranceSeconds: Type.Optional(tolerance)
}, closed)

const optionsSchema = Type.Object({
  resource: text,
  authorizationServers: Type.Array(Type.Unknown(), { minItems: 1 }),
  scopes: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  resolveIssuer: Type.Optional(anyFunction),
  customTokens: Type.Optional(Type.Array(Type.Object({
    prefix: Type.String(),
    verify: anyFunction,
    issuer: Type.Optional(text),
    cacheSeconds: Type.Optional(seconds)
  }, closed))),
  revocations: Type.Optional(Type.Object({ isRevoked: anyFunction })),
  scopeImplies: Type.Optional(anyFunction),
  organizationOf: Type.Optional(anyFunction),
  teamOf: Type.Optional(anyFunction),
  policy: Type.Optional(anyFunction),
  lookupTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  realm: Type.Optional(text),
  errorDescriptions: Type.Optional(Type.Enum(['public', 'none', 'reason'])),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  metadataMaxAgeSeconds: Type.Optional(seconds),
  scopesSupported: Type.Optional(Type.Enum(['configured', 'routes'])),
  liveScopes: Type.Optional(Type.Object({
    source: anyFunction,
    maxAgeSeconds: Type.Optional(count),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 }))
  }, closed)),
  rootAlias: Type.Optional(Type.Boolean()),
  documentServedElsewhere: Type.Optional(Type.Boolean()),
  authorizationServerMirror: Type.Optional(Type.Boolean()),
  clockToleranceSeconds: Type.Optional(tolerance),
  tokenCache: Type.Optional(Type.Union([
    Type.Literal(false),
    Type.Object({ maxEntries: Type.Optional(count), maxAgeSeconds: Type.Optional(count) }, closed)
  ])),
  discovery: Type.Optional(Type.Object({
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
    maxBytes: Type.Optional(Type.Integer({ minimum: 1024 })),
    keysMaxAgeSeconds: Type.Optional(count),
    metadataMaxAgeSeconds: Type.Optional(count),
    unknownKeyCooldownSeconds: Type.Optional(count),
    retryAfterSeconds: Type.Optional(count),
    maxStaleSeconds: Type.Optional(seconds)
  }, closed)),
  impersonationGuard: Type.Optional(Type.Unknown()),
  impersonatedTokens: Type.Optional(Type.Unknown()),
  openapi: Type.Optional(Type.Union([
    Type.Literal(false),
    Type.Object({
      scheme: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]+$' })),
      type: Type.Optional(Type.Enum(['openIdConnect', 'bearer'])),
      definition: Type.Optional(Type.Object({ type: text })),
      responses: Type.Optional(Type.Boolean())
    }, closed)
  ])),
  audit: Type.Optional(Type.Object({
    level: Type.Optional(Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']))
  }, closed)),
  fetch: Type.Optional(anyFunction),
  clock: Type.Optional(Type.Object({ now: anyFunction }))
}, closed)

const scopeSchema = Type.Object({
  description: Type.Optional(Type.String()),
  advertised: Type.Optional(Type.Boolean())
}, closed)

/**
 * Holds the options against their schema. What a schema cannot say is left to `resolve.ts`.
 *
 * @throws OptionError
 */
export function checkResourceOptions (given: unknown): OAuthResourceServerOptions {
  return checkOptions('', optionsSchema, given)
}

/** @throws OptionError */
export function checkIssuerOptions (given: unknown, name: string): IssuerOptions {
  return checkOptions(name, issuerSchema, given)
}

/** @throws OptionError */
export function checkScopeOptions (given: unknown, name: string): ScopeOptions {
  const options: unknown = typeof given === 'string' ? { description: given } : given
  return checkOptions(name, scopeSchema, options)
}
