import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { MetadataNeeds } from '../metadata/issuer-metadata.ts'
import { findIssuerMetadata } from '../metadata/issuer-metadata.ts'
import { createIntrospector } from '../token/introspector.ts'
import type { Issuer } from '../token/issuer.ts'
import { createIntrospectionIssuer, createJwtIssuer } from '../token/issuer.ts'
import { createIssuerKeys } from '../token/issuer-keys.ts'
import { createNegativeCache } from '../token/negative-cache.ts'
import type { OAuthConfig } from '../config/resolve.ts'
import type { ResolvedIssuer } from '../config/issuer.ts'

/** The slice of the configuration that every issuer shares. */
export type IssuerEnvironment = Pick<OAuthConfig, 'discovery' | 'fetch' | 'clock'>

/** Makes one issuer, with metadata, keys and caches of its own. Nothing is fetched before its first token comes. */
export function createIssuer (resolved: ResolvedIssuer, { discovery, fetch, clock }: IssuerEnvironment): Issuer {
  const { rule, jwks, jwksUri, introspection } = resolved
  const { limits } = discovery
  const metadata = createRefreshingValue(() => findIssuerMetadata(rule.issuer, needsOf(resolved), fetch, limits), discovery.metadata, clock)
  const keys = createIssuerKeys({ jwks, jwksUri, metadata, fetch, limits, refresh: discovery.keys, clock })
  if (introspection === null) return createJwtIssuer(rule, keys, clock)

  const introspector = createIntrospector({
    rule,
    introspection: introspection.rule,
    endpoint: async () => introspection.endpoint ?? (await metadata.get()).introspectionEndpoint!,
    verifySignature: keys.verifySignature,
    refusedTokens: introspection.refusedCacheMs === 0 ? null : createNegativeCache(introspection.refusedCacheMs, clock),
    maxConcurrent: introspection.maxConcurrent,
    fetch: introspection.fetch ?? fetch,
    limits,
    retryAfterMs: discovery.keys.retryAfterMs,
    clock
  })
  return createIntrospectionIssuer(rule, introspector, introspection.opaquePrefix, introspection.cacheMs)
}

/** An issuer that is asked about its tokens need not publish keys, and one that is not need not have anything to ask. */
function needsOf ({ introspection, jwks, jwksUri }: ResolvedIssuer): MetadataNeeds {
  if (introspection === null) return { keys: true, introspection: 'none' }
  const { authentication, signedResponseAlgorithm } = introspection.rule
  return {
    keys: signedResponseAlgorithm !== null && jwks === null && jwksUri === null,
    introspection: introspection.endpoint !== null ? 'none' : authentication.method === 'tls_client_auth' ? 'mtls' : 'plain'
  }
}
