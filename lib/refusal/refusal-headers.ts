import { formatChallenge } from '../challenge/format.ts'
import { fieldLines, mergeChallenges } from '../challenge/merge.ts'
import { errorTable } from '../errors/error-table.ts'
import type { InsufficientAuthenticationError, NonceRequiredError, OAuthResourceError, UnavailableError } from '../errors/errors.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'
import { isScopeOfRoute, scopesToAskFor } from '../policy/scopes.ts'
import { isAcrValue } from '../policy/step-up.ts'
import type { ChallengedRefusal, Challenger, RefusedAuthentication } from './challenger.ts'

/** The headers of a refusal, for `reply.raw.writeHead` of a reply that was hijacked. */
export type ChallengeHeaders = Record<string, string | string[]>

/** A response that refuses a request: everything that its headers depend on. */
export interface RefusedRequest {
  /** The error of this package that refused it; `null` for a 401 of the application or another plugin. */
  readonly error: OAuthResourceError | null
  /** The policy of the route. */
  readonly policy: RoutePolicy
  /** Whether the request had credentials for this resource. It matters only where `error` is `null`. */
  readonly hasCredentials: boolean
  /** The scheme of these credentials; `null` when there are none, or several. */
  readonly scheme: 'Bearer' | 'DPoP' | null
  /** Whether a script of another origin may read the response. */
  readonly hasOrigin: boolean
  /** The headers that the response has already. */
  readonly existing: {
    readonly challenge: unknown
    readonly exposedHeaders: unknown
    readonly retryAfter: unknown
  }
}

export interface RefusalHeaders {
  readonly headers: ChallengeHeaders
  /** True when an existing challenge did not follow the grammar, so that no client could have read it. */
  readonly droppedUnreadable: boolean
}

/** The headers that complete a refusal, whichever party refused. Status and body stay as they are. */
export function refusalHeaders (refused: RefusedRequest, challenger: Challenger): RefusalHeaders {
  const { error, policy } = refused
  if (error !== null && !needsChallenge(error)) return { headers: retryAfter(error, refused.existing.retryAfter), droppedUnreadable: false }
  const nonce = nonceOf(error)
  const nonceHeaders: ChallengeHeaders = nonce === null ? {} : { 'dpop-nonce': nonce }
  if (policy.challenge === 'none') return { headers: nonceHeaders, droppedUnreadable: false }
  const { values, droppedUnreadable } = challengeValues(refused, challenger)
  const value = values.length === 1 ? values[0]! : [...values]
  const names = nonce === null ? ['WWW-Authenticate'] : ['WWW-Authenticate', 'DPoP-Nonce']
  return {
    headers: {
      'www-authenticate': value,
      ...nonceHeaders,
      'cache-control': 'no-store',
      ...refused.hasOrigin && { 'access-control-expose-headers': exposedHeaders(refused.existing.exposedHeaders, names) }
    },
    droppedUnreadable
  }
}

/** The nonce that the next proof of the client needs (RFC 9449 section 9). Not by class: see {@link namesScopes}. */
function nonceOf (error: OAuthResourceError | null): string | null {
  return error?.code === 'FST_OAUTH_PROOF_NONCE_REQUIRED' ? (error as NonceRequiredError).nonce : null
}

/** RFC 6750 section 3: a refusal for want of a usable token has a challenge, be it 400, 401 or 403. */
function needsChallenge ({ statusCode, oauthError }: OAuthResourceError): boolean {
  return statusCode === 401 || oauthError === 'invalid_request' || oauthError === 'insufficient_scope'
}

/** Of an error that the host made of the base class, which has no time of its own. */
const defaultRetryAfterSeconds = 5

function retryAfter (error: OAuthResourceError, existing: unknown): ChallengeHeaders {
  if (error.statusCode !== 503 || existing !== undefined) return {}
  const { retryAfterSeconds = defaultRetryAfterSeconds } = error as Partial<UnavailableError>
  return { 'retry-after': String(retryAfterSeconds) }
}

/** Pinned, kept, replaced or merged, as the policy of the route says. */
function challengeValues (refused: RefusedRequest, challenger: Challenger): { values: readonly string[], droppedUnreadable: boolean } {
  const { error, policy, existing: { challenge: present } } = refused
  const unchanged = (values: readonly string[]) => ({ values, droppedUnreadable: false })
  if (policy.pinnedChallenge !== null && (error === null || error.statusCode === 401)) return unchanged([policy.pinnedChallenge])
  const existing = policy.challenge === 'replace' ? undefined : present
  if (existing === undefined) return unchanged(ownValues(refused, challenger))
  if (policy.challenge === 'keep') return unchanged(fieldLines(existing))
  return mergeChallenges(existing, ...challenger.challenges(challengedRefusal(refused) ?? nothingPresented(refused), policy.dpop))
}

/** More kinds of refusals than a route has, unless errors of the host have reasons of their own. */
const maxKinds = 100
/** The challenges of each route's refusals, by kind. Policies of routes are as long-lived as their server. */
const challengesByKind = new WeakMap<RoutePolicy, Map<string, readonly string[]>>()

/** The challenges of a response that has none. Anyone can cause as many as they like, so that those of a kind are made once. */
function ownValues (refused: RefusedRequest, challenger: Challenger): readonly string[] {
  const { error, policy, scheme } = refused
  const make = (): readonly string[] => {
    const refusal = challengedRefusal(refused)
    return refusal === null ? policy.defaultChallenges : Object.freeze(challenger.challenges(refusal, policy.dpop).map(formatChallenge))
  }
  // The error of a handler may say itself what to ask for. All other challenges of a route depend on these three alone.
  if (error === null || namesScopes(error) || isInsufficientAuthentication(error)) return make()
  const kind = `${error.code} ${error.reason} ${scheme}`
  const known = challengesByKind.get(policy) ?? new Map<string, readonly string[]>()
  const kept = known.get(kind)
  if (kept !== undefined) return kept
  const values = make()
  if (known.size < maxKinds) challengesByKind.set(policy, known.set(kind, values))
  return values
}

function nothingPresented ({ policy, scheme }: RefusedRequest): ChallengedRefusal {
  return { error: null, description: null, reason: null, scopes: scopesOf(policy), authentication: null, scheme }
}

/** `null` for a request without credentials: only a request that presented a token gets an `error` (RFC 6750 section 3.1). */
function challengedRefusal ({ error, hasCredentials, policy, scheme }: RefusedRequest): ChallengedRefusal | null {
  if (error === null) {
    if (!hasCredentials) return null
    const { message } = errorTable.FST_OAUTH_TOKEN_INVALID
    return { error: 'invalid_token', description: message, reason: null, scopes: scopesOf(policy), authentication: null, scheme }
  }
  if (error.oauthError === null && !namesScopes(error)) return null
  return {
    error: error.oauthError,
    description: error.oauthError === null ? null : errorTable[error.code].message,
    reason: error.reason,
    // A handler may name scopes at run time. Those that no challenge can hold are left out, so that the response never fails.
    scopes: isInsufficientAuthentication(error) || namesScopes(error) ? error.requiredScopes.filter(isScopeOfRoute) : scopesOf(policy),
    authentication: isInsufficientAuthentication(error) ? authenticationOf(error) : null,
    scheme
  }
}

function scopesOf ({ scopes }: RoutePolicy): readonly string[] | null {
  return scopes === null ? null : scopesToAskFor(scopes)
}

/** Not by class: another installed copy of the package has classes of its own, an older one without the scopes. */
function namesScopes (error: OAuthResourceError): error is OAuthResourceError & { requiredScopes: readonly string[] } {
  const { requiredScopes } = error as { requiredScopes?: readonly string[] }
  return requiredScopes !== undefined && requiredScopes.length > 0
}

function isInsufficientAuthentication (error: OAuthResourceError): error is InsufficientAuthenticationError {
  return error.code === 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT'
}

/** A handler may name these at run time, too. */
function authenticationOf ({ acrValues, maxAgeSeconds }: InsufficientAuthenticationError): RefusedAuthentication {
  return {
    acrValues: acrValues.filter(isAcrValue),
    maxAgeSeconds: Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds! >= 0 ? maxAgeSeconds : null
  }
}

/** A script in a browser reads a header only when it is exposed; what the application exposes already stays exposed. */
export function exposedHeaders (existing: unknown, added: readonly string[]): string {
  const names = fieldLines(existing).flatMap(line => line.split(',')).map(name => name.trim()).filter(name => name !== '')
  const isMissing = (name: string): boolean => !names.some(one => one.toLowerCase() === name.toLowerCase())
  return [...names, ...added.filter(isMissing)].join(', ')
}
