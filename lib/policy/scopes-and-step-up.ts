import type { Clock } from '../clock.ts'
import { InsufficientAuthenticationError, InsufficientScopeError, withoutStackTrace } from '../errors/errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { ScopeImplies, ScopeRequirement } from './scopes.ts'
import { isSatisfied, scopeDetail, scopesToAskFor } from './scopes.ts'
import type { StepUp } from './step-up.ts'
import { isAuthenticatedAs, stepUpDetail } from './step-up.ts'
import type { Decision } from './decision.ts'

/** The slice of a rule that a client can do something about, by asking the user. */
export interface Sufficiency {
  readonly scopes: ScopeRequirement | null
  readonly stepUp: StepUp | null
}

export interface SufficiencyConfig {
  readonly scopeImplies: ScopeImplies | null
  readonly clockToleranceSeconds: number
  readonly clock: Clock
}

type Token = Pick<AccessToken, 'scopes' | 'authenticationContext' | 'authenticatedAt'>

/**
 * Refuses a token that another authorization would make good: step-up and scope in one answer, so that the user is asked
 * once (RFC 9470 section 3).
 */
export function checkScopesAndStepUp ({ scopes, stepUp }: Sufficiency, accessToken: Token, config: SufficiencyConfig): Decision {
  const missing = scopes !== null && !isSatisfied(scopes, accessToken.scopes, config.scopeImplies) ? scopesToAskFor(scopes) : null
  if (stepUp !== null && !isAuthenticatedAs(stepUp, accessToken, config.clock.now() / 1000, config.clockToleranceSeconds)) {
    return withoutStackTrace(() => new InsufficientAuthenticationError({ ...stepUp, requiredScopes: missing ?? [] }, stepUpDetail(stepUp, accessToken)))
  }
  return missing === null ? null : withoutStackTrace(() => new InsufficientScopeError(missing, scopeDetail(scopes!, accessToken.scopes)))
}
