import { bearerChallenge } from '../challenge/bearer.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { formatChallenge } from '../challenge/format.ts'
import type { InsufficientAuthenticationError, OAuthResourceError } from '../errors/errors.ts'
import { errorTable } from '../errors/error-table.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'
import { isScopeOfRoute, scopesToAskFor } from '../policy/scopes.ts'
import { isAcrValue } from '../policy/step-up.ts'

/** The slice of the configuration that challenges are made from. */
export interface ChallengerConfig {
  readonly metadataUrl: string
  readonly realm: string | null
  /** What a challenge says in words: the table's text (default), nothing, or the reason as well. */
  readonly errorDescriptions?: 'public' | 'none' | 'reason'
}

/** Says what the challenges of one resource are. */
export interface Challenger {
  /** The challenge of a request that had no credentials, as a header value; made once for each rule. */
  defaultChallenge (rule: RoutePolicy): string
  /** @param refusal what was wrong, `null` when nothing is known to have been */
  challenge (rule: RoutePolicy, refusal: Refusal | null): Challenge
}

/** What a challenge says about the failure. */
export interface Refusal {
  readonly error: string | null
  readonly description: string | null
  /** The word for the log, which a client sees only when it is to; `null` for what somebody else refused. */
  readonly reason?: string | null
  /** Every scope the operation needs; `null` for what the route's rule says. */
  readonly scopes: readonly string[] | null
  /** What it takes of the authentication of the user; `null` when that is not what was wrong. */
  readonly authentication: RefusedAuthentication | null
}

/** RFC 9470 section 3. */
export interface RefusedAuthentication {
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
}

/** A presented token that somebody else refused. */
export const refusedElsewhere: Refusal = {
  error: 'invalid_token', description: errorTable.FST_OAUTH_TOKEN_INVALID.message, scopes: null, authentication: null
}

/** What a challenge says about one of this package's errors. The text is the table's: details stay in the log. */
export function refusalOf (error: OAuthResourceError): Refusal {
  return {
    error: error.oauthError,
    description: error.oauthError === null ? null : errorTable[error.code].message,
    reason: error.reason,
    // A handler names them at run time: what no challenge may hold is left out, an answer must never fail for it.
    scopes: isInsufficientAuthentication(error) || namesScopes(error) ? error.requiredScopes.filter(isScopeOfRoute) : null,
    authentication: isInsufficientAuthentication(error) ? authenticationOf(error) : null
  }
}

/** A handler names these at run time, too. */
function authenticationOf ({ acrValues, maxAgeSeconds }: InsufficientAuthenticationError): RefusedAuthentication {
  return {
    acrValues: acrValues.filter(isAcrValue),
    maxAgeSeconds: Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds! >= 0 ? maxAgeSeconds : null
  }
}

export function createChallenger ({ metadataUrl, realm, errorDescriptions = 'public' }: ChallengerConfig): Challenger {
  const stock = new WeakMap<RoutePolicy, string>()
  const challenge = (rule: RoutePolicy, refusal: Refusal | null): Challenge => bearerChallenge({
    resourceMetadata: metadataUrl,
    realm,
    scopes: refusal?.scopes ?? (rule.scopes === null ? null : scopesToAskFor(rule.scopes)),
    acrValues: refusal?.authentication?.acrValues ?? null,
    maxAgeSeconds: refusal?.authentication?.maxAgeSeconds ?? null,
    error: refusal?.error ?? null,
    errorDescription: refusal === null || errorDescriptions === 'none' ? null : describe(refusal, errorDescriptions)
  })
  return {
    challenge,
    defaultChallenge (rule) {
      let value = stock.get(rule)
      if (value === undefined) {
        value = formatChallenge(challenge(rule, null))
        stock.set(rule, value)
      }
      return value
    }
  }
}

/** Not by class: another installed copy of the package has classes of its own, an older one without the scopes. */
export function namesScopes (error: OAuthResourceError): error is OAuthResourceError & { requiredScopes: readonly string[] } {
  const { requiredScopes } = error as { requiredScopes?: readonly string[] }
  return requiredScopes !== undefined && requiredScopes.length > 0
}

function isInsufficientAuthentication (error: OAuthResourceError): error is InsufficientAuthenticationError {
  return error.code === 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT'
}

function describe ({ description, reason = null }: Refusal, kind: 'public' | 'reason'): string | null {
  return kind === 'reason' && description !== null && reason !== null ? `${description} (${reason})` : description
}
