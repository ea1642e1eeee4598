import type { Audit, Counters } from '../audit/audit.ts'
import { createAudit, createCounters } from '../audit/audit.ts'
import type { OAuthConfig } from '../config/resolve.ts'
import type { CheckToken } from '../impersonation/check-token.ts'
import { createCheckToken } from '../impersonation/check-token.ts'
import type { RoutePolicies } from '../policy/route-policies.ts'
import { createRoutePolicies } from '../policy/route-policies.ts'
import type { Challenger } from '../refusal/challenger.ts'
import { createChallenger } from '../refusal/challenger.ts'
import type { AccessTokenVerifier, RuleReport } from '../token/verifier.ts'
import type { IssuerLog } from './create-issuer.ts'
import { createPossessionCheck } from '../proof/check-possession.ts'
import { createProofCheck } from '../proof/dpop-proof.ts'
import { createCustomTokenIssuer } from '../token/custom-tokens.ts'
import { createTokenCache } from '../token/token-cache.ts'
import { createTokenRouter, createVerifier } from '../token/verifier.ts'
import { createIssuer } from './create-issuer.ts'
import { createIssuerResolver } from './issuer-resolver.ts'

/** One protected resource at run time: everything that is made once from its configuration. */
export interface ProtectedResource {
  readonly config: OAuthConfig
  /** What its routes ask for. */
  readonly policies: RoutePolicies
  /** Makes its challenges. */
  readonly challenger: Challenger
  /** Verifies its access tokens. It is made when it is first needed, and fetches nothing before the first token. */
  readonly verifier: AccessTokenVerifier
  /** Records what happens at it. */
  readonly audit: Audit
  readonly counters: Counters
  /** Checks the use of impersonated tokens; `null` where they are not distinguished from others. */
  readonly checkToken: CheckToken | null
  /**
   * Accepts DPoP proofs whose `iat` is this far in the future, where the options do not say how far. It is called before the
   * verifier is needed.
   */
  expectProofsAhead (toleranceMs: number): void
}

/** RFC 9449 section 11.1: "within a few seconds". */
const defaultFutureToleranceMs = 5000

/** Makes the runtime of one protected resource. It knows no web framework and needs no server. */
export function createResource (config: OAuthConfig, log: IssuerLog): ProtectedResource {
  const counters = createCounters()
  const challenger = createChallenger(config)
  const { impersonatedTokens, clock, dpop } = config
  let futureToleranceMs = dpop?.futureToleranceMs ?? defaultFutureToleranceMs
  return {
    config,
    counters,
    challenger,
    policies: createRoutePolicies({ dpop: dpop?.requirement ?? 'off', defaultChallenges: challenger.defaultChallenges }),
    audit: createAudit(config.audit, counters),
    checkToken: impersonatedTokens === null ? null : createCheckToken(impersonatedTokens, clock),
    expectProofsAhead (toleranceMs) {
      futureToleranceMs = dpop?.futureToleranceMs ?? toleranceMs
    },
    get verifier () {
      const verifier = createResourceVerifier(config, futureToleranceMs, counters, ({ rule, accessToken: { issuer, subject, clientId, tokenId } }) => {
        log.warn({ rule, issuer, subject, clientId, tokenId }, 'an access token breaks a rule that is not enforced yet')
      }, log)
      Object.defineProperty(this, 'verifier', { value: verifier })
      return verifier
    }
  }
}

/**
 * Makes the verifier of a configured resource. Nothing is fetched before the first token comes.
 *
 * @param futureToleranceMs how far in the future `iat` of a DPoP proof may be
 * @param counters count the hits and misses of the cache
 * @param report called for a token that is accepted though it breaks a rule, as the rule only reports
 */
function createResourceVerifier (
  config: OAuthConfig, futureToleranceMs: number, counters: Counters, report: (report: RuleReport) => void, log: IssuerLog
): AccessTokenVerifier {
  const { issuers, customTokens, resolveIssuer, tokenCache, revocations, lookupTimeoutMs, maxTokenLength, clock, dpop, clientCertificates } = config
  const requiresCertificates = clientCertificates?.required === true
  return createVerifier({
    route: createTokenRouter(
      [...issuers.map(issuer => createIssuer(issuer, config, log)), ...customTokens.map(rule => createCustomTokenIssuer(rule, config))],
      resolveIssuer === null ? null : createIssuerResolver(config, resolveIssuer, log),
      maxTokenLength),
    cache: tokenCache === null ? null : counters.counted(createTokenCache(tokenCache, clock)),
    revocations,
    checkPossession: createPossessionCheck({
      checkProof: dpop === null ? null : createProofCheck({ ...dpop, futureToleranceMs, replayTimeoutMs: lookupTimeoutMs }, clock),
      readsCertificates: clientCertificates !== null,
      requiresCertificates
    }),
    requiresCertificates,
    lookupTimeoutMs,
    report
  })
}
