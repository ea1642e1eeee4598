import { formatChallenge } from '../challenge/format.ts'
import { fieldLines, mergeChallenges } from '../challenge/merge.ts'
import type { OAuthResourceError, UnavailableError } from '../errors/errors.ts'
import type { Challenger, Refusal } from './challenger.ts'
import { namesScopes, refusalOf, refusedElsewhere } from './challenger.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'

/** The headers of a refusal, for `reply.raw.writeHead` of a reply that was hijacked. */
export type ChallengeHeaders = Record<string, string | string[]>

/** A reply that refuses a request, as far as its headers depend on it. */
export interface Refused {
  /** Why this package refused; `null` for a 401 that somebody else made. */
  readonly error: OAuthResourceError | null
  readonly rule: RoutePolicy
  /** Whether the request presented credentials of any kind; asked where it matters. */
  readonly hasCredentials: () => boolean
  /** Whether a script of another origin may be reading. */
  readonly hasOrigin: boolean
  /** What the reply has already. */
  readonly header: (name: 'www-authenticate' | 'access-control-expose-headers' | 'retry-after') => unknown
}

export interface RefusalHeaders {
  readonly headers: ChallengeHeaders
  /** True when a challenge that was there was not of the grammar, and so of no use to any client. */
  readonly droppedUnreadable: boolean
}

/** The headers that complete a refusal, whoever made it. Status and body stay as they are. */
export function refusalHeaders (refused: Refused, challenger: Challenger): RefusalHeaders {
  const { error, rule } = refused
  if (error !== null && !needsChallenge(error)) return { headers: retryAfter(error, refused), droppedUnreadable: false }
  if (rule.challenge === 'none') return { headers: {}, droppedUnreadable: false }
  const { values, droppedUnreadable } = challengeValues(refused, challenger)
  const value = values.length === 1 ? values[0]! : [...values]
  return { headers: { 'www-authenticate': value, 'cache-control': 'no-store', ...exposed(refused) }, droppedUnreadable }
}

/** RFC 6750 section 3: a refusal for want of a usable token has a challenge, be it 400, 401 or 403. */
function needsChallenge ({ statusCode, oauthError }: OAuthResourceError): boolean {
  return statusCode === 401 || oauthError === 'invalid_request' || oauthError === 'insufficient_scope'
}

function retryAfter (error: OAuthResourceError, { header }: Refused): ChallengeHeaders {
  if (error.statusCode !== 503 || header('retry-after') !== undefined) return {}
  return { 'retry-after': String((error as UnavailableError).retryAfterSeconds) }
}

/** Pinned, kept, replaced or merged, as the rule of the route says. */
function challengeValues (refused: Refused, challenger: Challenger): { values: readonly string[], droppedUnreadable: boolean } {
  const { error, rule, header } = refused
  const asTheyAre = (values: readonly string[]) => ({ values, droppedUnreadable: false })
  if (rule.pinnedChallenge !== null && (error === null || error.statusCode === 401)) return asTheyAre([rule.pinnedChallenge])
  const existing = rule.challenge === 'replace' ? undefined : header('www-authenticate')
  if (existing !== undefined && rule.challenge === 'keep') return asTheyAre(fieldLines(existing))

  const refusal = refusalFor(refused)
  if (existing !== undefined) return mergeChallenges(existing, challenger.challenge(rule, refusal))
  return asTheyAre([refusal === null ? challenger.defaultChallenge(rule) : formatChallenge(challenger.challenge(rule, refusal))])
}

/** An `error` goes to those alone who presented a token (RFC 6750 section 3.1). */
function refusalFor ({ error, hasCredentials }: Refused): Refusal | null {
  if (error !== null) return error.oauthError === null && !namesScopes(error) ? null : refusalOf(error)
  return hasCredentials() ? refusedElsewhere : null
}

/** Script in a browser reads the challenge only when it is exposed; what the application exposes already stays exposed. */
function exposed ({ hasOrigin, header }: Refused): ChallengeHeaders {
  if (!hasOrigin) return {}
  const names = fieldLines(header('access-control-expose-headers')).flatMap(line => line.split(','))
    .map(name => name.trim()).filter(name => name !== '')
  if (!names.some(name => name.toLowerCase() === 'www-authenticate')) names.push('WWW-Authenticate')
  return { 'access-control-expose-headers': names.join(', ') }
}
