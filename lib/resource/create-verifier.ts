import type { Counters } from '../audit/audit.ts'
import type { OAuthConfig } from '../config/resolve.ts'
import { createPossessionCheck } from '../proof/check-possession.ts'
import { createProofCheck } from '../proof/dpop-proof.ts'
import { createCustomTokenIssuer } from '../token/custom-tokens.ts'
import { createTokenCache } from '../token/token-cache.ts'
import { createTokenRouter } from '../token/verifier.ts'
import type { AccessTokenVerifier, RuleReport } from '../token/verifier.ts'
import { createVerifier } from '../token/verifier.ts'
import type { IssuerLog } from './create-issuer.ts'
import { createIssuer } from './create-issuer.ts'
import { createIssuerResolver } from './issuer-resolver.ts'

/**
 * Makes the verifier of a configured resource. Nothing is fetched before the first token comes.
 *
 * @param counters count the hits and misses of the cache
 * @param report called for a token that is accepted though it breaks a rule, as the rule only reports
 */
export function createResourceVerifier (config: OAuthConfig, counters: Counters, report: (report: RuleReport) => void, log: IssuerLog): AccessTokenVerifier {
  const { issuers, customTokens, resolveIssuer, tokenCache, revocations, lookupTimeoutMs, maxTokenLength, clock, dpop, clientCertificates } = config
  return createVerifier({
    route: createTokenRouter(
      [...issuers.map(issuer => createIssuer(issuer, config, log)), ...customTokens.map(rule => createCustomTokenIssuer(rule, config))],
      resolveIssuer === null ? null : createIssuerResolver(config, resolveIssuer, log),
      maxTokenLength),
    cache: tokenCache === null ? null : counters.counted(createTokenCache(tokenCache, clock)),
    revocations,
    checkPossession: createPossessionCheck({
      checkProof: dpop === null ? null : createProofCheck({ ...dpop, replayTimeoutMs: lookupTimeoutMs }, clock),
      readsCertificates: clientCertificates !== null
    }),
    lookupTimeoutMs,
    report
  })
}
