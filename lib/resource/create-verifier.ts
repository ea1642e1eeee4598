import { countingOf } from '../audit/counters.ts'
import { createCustomTokenIssuer } from '../token/custom-tokens.ts'
import { createTokenCache } from '../token/token-cache.ts'
import { createTokenRouter } from '../token/token-router.ts'
import type { AccessTokenVerifier, RuleReport } from '../token/verifier.ts'
import { createVerifier } from '../token/verifier.ts'
import type { IssuerLog } from './create-issuer.ts'
import { createIssuer } from './create-issuer.ts'
import { createIssuerResolver } from './issuer-resolver.ts'
import type { OAuthConfig } from '../config/resolve.ts'

/**
 * Makes the verifier of a configured resource. Nothing is fetched before the first token comes.
 *
 * @param report is told of tokens that are accepted though they break a rule, as it is not enforced yet
 */
export function createVerifierOf (config: OAuthConfig, report: (report: RuleReport) => void, log: IssuerLog): AccessTokenVerifier {
  const { issuers, customTokens, resolveIssuer, tokenCache, revocations, lookupTimeoutMs, clock } = config
  return createVerifier({
    route: createTokenRouter(
      [...issuers.map(issuer => createIssuer(issuer, config, log)), ...customTokens.map(rule => createCustomTokenIssuer(rule, config))],
      resolveIssuer === null ? null : createIssuerResolver(config, resolveIssuer, log)),
    cache: tokenCache === null ? null : countingOf(config).counted(createTokenCache(tokenCache, clock)),
    revocations,
    lookupTimeoutMs,
    report
  })
}
