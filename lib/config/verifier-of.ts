import { createIssuer } from '../token/issuer.ts'
import { createTokenCache } from '../token/token-cache.ts'
import type { AccessTokenVerifier } from '../token/verifier.ts'
import { createVerifier } from '../token/verifier.ts'
import type { OAuthConfig } from './resolve.ts'

/** Makes the verifier of a configured resource. Nothing is fetched before the first token comes. */
export function createVerifierOf ({ issuers, discovery, tokenCache, fetch, clock }: OAuthConfig): AccessTokenVerifier {
  return createVerifier({
    issuers: issuers.map(({ rule, jwksUri, jwks }) => createIssuer({
      rule,
      jwksUri,
      jwks,
      fetch,
      limits: discovery.limits,
      metadataRefresh: discovery.metadata,
      keysRefresh: discovery.keys,
      clock
    })),
    cache: tokenCache === null ? null : createTokenCache(tokenCache, clock),
    clock
  })
}
