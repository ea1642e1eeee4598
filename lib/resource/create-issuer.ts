import type { OAuthConfig } from '../config/resolve.ts'
import type { ResolvedIssuer } from '../config/issuer.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { MetadataNeeds } from '../metadata/issuer-metadata.ts'
import { findIssuerMetadata } from '../metadata/issuer-metadata.ts'
import { createIntrospector } from '../token/introspector.ts'
import type { Issuer } from '../token/issuer.ts'
import { createIntrospectionIssuer, createJwtIssuer } from '../token/issuer.ts'
import { createSharedAnswers } from '../token/shared-answers.ts'
import { createIssuerKeys } from '../token/issuer-keys.ts'
import { createNegativeCache } from '../token/token-cache.ts'

/** Where it is written what no request is refused for, and an operator has to know. */
export interface IssuerLog {
  debug (details: object, message: string): void
  warn (details: object, message: string): void
}

/** The slice of the configuration that every issuer shares. */
export type IssuerEnvironment = Pick<OAuthConfig, 'discovery' | 'fetch' | 'lookupTimeoutMs' | 'clock'>

/** Makes one issuer, with metadata, keys and caches of its own. Nothing is requested before its first token comes. */
export function createIssuer (resolved: ResolvedIssuer, { discovery, fetch, lookupTimeoutMs, clock }: IssuerEnvironment, log: IssuerLog): Issuer {
  const { rule: expected, jwks, jwksUri, introspection } = resolved
  const { issuer } = expected
  const { limits } = discovery
  const onRenewalFailed = (what: string) => (err: unknown): void =>
    log.warn({ issuer, err }, `the ${what} of an issuer could not be renewed; the last good ones stay in use`)
  const metadata = createRefreshingValue(
    () => findIssuerMetadata(issuer, needsOf(resolved), fetch, limits), discovery.metadata, clock, onRenewalFailed('metadata'))
  const keys = createIssuerKeys({
    jwks,
    jwksUri,
    metadata,
    fetch,
    limits,
    refresh: discovery.keys,
    clock,
    onSkippedKeys: skippedKeys => log.debug({ issuer, skippedKeys }, 'keys of an issuer cannot be used'),
    onRenewalFailed: onRenewalFailed('keys')
  })
  if (introspection === null) return createJwtIssuer(expected, keys, clock)

  const introspector = createIntrospector({
    expected,
    introspection: introspection.rule,
    endpoint: async () => introspection.endpoint ?? (await metadata.get()).introspectionEndpoint!,
    verifySignature: keys.verifySignature,
    refusedTokens: introspection.refusedCacheMs === 0 ? null : createNegativeCache(introspection.refusedCacheMs, clock),
    sharedAnswers: introspection.cache === null
      ? null
      : createSharedAnswers(introspection.cache, expected, { ...introspection, clientId: introspection.rule.clientId, timeoutMs: lookupTimeoutMs, clock }),
    maxConcurrent: introspection.maxConcurrent,
    fetch: introspection.fetch ?? fetch,
    limits,
    retryAfterMs: discovery.keys.retryAfterMs,
    clock
  })
  return createIntrospectionIssuer(expected, introspector, introspection.opaquePrefix, introspection.cacheMs)
}

/** An issuer that is asked about its tokens need not publish keys, and one that is not needs no introspection endpoint. */
function needsOf ({ introspection, jwks, jwksUri }: ResolvedIssuer): MetadataNeeds {
  if (introspection === null) return { keys: true, introspection: 'none' }
  const { authentication, signedResponseAlgorithm } = introspection.rule
  return {
    keys: signedResponseAlgorithm !== null && jwks === null && jwksUri === null,
    introspection: introspection.endpoint !== null ? 'none' : authentication.method === 'tls_client_auth' ? 'mtls' : 'plain'
  }
}
