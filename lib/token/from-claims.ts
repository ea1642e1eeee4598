import { describeValue } from '../errors/detail.ts'
import type { AccessToken, Actor, PrincipalType } from './access-token.ts'
import type { ClaimPath, Claims } from './claim-path.ts'
import { readClaim, readStrings } from './claim-path.ts'
import type { Confirmation } from './confirmation.ts'
import { parseConfirmation } from './confirmation.ts'
import type { ClientMark, ExpectedToken } from './expected-token.ts'
import { settingOf } from './expected-token.ts'
import { refused } from './jwt.ts'
import { audienceOf, clientIdOf, nameOf, scopesIn, subjectOf } from './token-claims.ts'

/** Nested actors are information for an audit and decide nothing; without a limit a chain would cost what its author likes. */
const maxActorDepth = 8

/**
 * Makes the access token of claims that passed every check.
 *
 * @throws InvalidTokenError when a claim that restricts the token has a shape that cannot be read
 */
export function accessTokenFrom (claims: Claims, expected: ExpectedToken): AccessToken {
  const subject = subjectOf(claims) as string
  const clientId = clientIdOf(claims)
  // Each member is frozen by itself: most of them need not be looked at.
  return Object.freeze({
    issuer: expected.issuer,
    subject,
    principalType: principalTypeOf(claims, { subject, clientId }, expected.clientTokens),
    clientId,
    audience: Object.freeze(audienceOf(claims, expected)!),
    scopes: scopesOf(claims, expected),
    actor: Object.freeze(actorOf(claims, subject, expected)),
    tokenId: firstText(claims.jti),
    expiresAt: (claims.exp as number | null | undefined) ?? null,
    issuedAt: (claims.iat as number | null | undefined) ?? null,
    // Roles of a shape of the issuer's own grant nothing; the claims still have them.
    roles: Object.freeze(readStrings(claims, expected.claims.roles) ?? none),
    organizations: Object.freeze(restrictionAt(claims, expected.claims.organizations)),
    teams: Object.freeze(restrictionAt(claims, expected.claims.teams)),
    sessionId: textAt(claims, expected.claims.session),
    grantId: textAt(claims, expected.claims.grant),
    authenticationContext: textAt(claims, 'acr'),
    authenticatedAt: typeof claims.auth_time === 'number' ? claims.auth_time : null,
    authorizationDetails: authorizationDetailsOf(claims),
    // Checked before: `checkConfirmation` refuses what is unsupported.
    confirmation: parseConfirmation(claims.cnf, expected.allowUnknownConfirmation) as Confirmation | null,
    claims: deepFreeze(claims)
  })
}

const none: readonly never[] = Object.freeze([])

/** Freezes data and everything in it. */
export function deepFreeze<T> (value: T): T {
  // Most claims are no objects, and to ask V8 costs a call.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}

/** The subject and the client of a token. */
export interface Party {
  readonly subject: string
  readonly clientId: string | null
}

/**
 * Whether a token speaks for a user, or for a client that acts for itself (RFC 9068 section 5). That is so when the subject
 * is the client; issuers that give such tokens another subject have marks of their own, any one of which suffices.
 */
export function principalTypeOf (claims: Claims, party: Party, marks: readonly ClientMark[]): PrincipalType {
  return party.subject === party.clientId || marks.some(mark => hasMark(claims, party, mark)) ? 'client' : 'user'
}

function hasMark (claims: Claims, party: Party, mark: ClientMark): boolean {
  return Object.entries(mark).every(([name, wanted]) => {
    const value = readClaim(claims, name)
    if (wanted === true) return value !== undefined && value !== null
    return value === fill(wanted, party)
  })
}

/** `null` where the mark names the client and there is none. */
function fill (wanted: string, { subject, clientId }: Party): string | null {
  if (clientId === null && wanted.includes('{clientId}')) return null
  return wanted.replace(/\{(clientId|subject)\}/g, (_, name) => name === 'subject' ? subject : clientId!)
}

/** RFC 9068 section 2.2.3: a space-delimited string; a list where another claim than `scope` is configured. */
function scopesOf (claims: Claims, expected: ExpectedToken): readonly string[] {
  const { scopeClaims, profile } = expected
  const only = scopeClaims.length === 1 ? readClaim(claims, scopeClaims[0]!) : undefined
  if (typeof only === 'string') return scopesIn(only)
  const scopes = new Set<string>()
  for (const path of scopeClaims) {
    const value = readClaim(claims, path)
    if (value === undefined || (value === null && profile === 'jwt')) continue
    const listAllowed = profile === 'jwt' || path !== 'scope'
    const found = typeof value === 'string' ? value.split(' ') : listAllowed ? value : null
    if (!Array.isArray(found) || found.some(scope => typeof scope !== 'string')) {
      const isList = !listAllowed && Array.isArray(value)
      throw malformed(path, value, 'a string of scopes with spaces between them', isList ? `set ${settingOf(expected, 'profile', 'jwt')}` : undefined)
    }
    for (const scope of found as string[]) if (scope !== '') scopes.add(scope)
  }
  return Object.freeze([...scopes])
}

/** RFC 8693 section 4.1: the outermost `act` is the current actor; only its identity is read. */
function actorOf (claims: Claims, subject: string, { issuer, claims: { actor: path } }: ExpectedToken): Actor | null {
  const mapped = readClaim(claims, path)
  const found = typeof mapped === 'string' && path !== 'act' ? { sub: mapped } : mapped === undefined ? claims.act : mapped
  const markedActor = markedActorOf(claims, issuer)
  if (found === undefined) return markedActor
  let depth = 0
  for (let act: unknown = found; act !== undefined; act = (act as Claims).act) {
    if (++depth > maxActorDepth || typeof act !== 'object' || act === null || Array.isArray(act)) throw actorMalformed(found)
  }
  const { sub, iss = issuer } = found as Claims
  if (typeof sub !== 'string' || sub === '' || typeof iss !== 'string') throw actorMalformed(found)
  // An actor that equals the subject is the subject, unless the mark of an impersonated token says that it is staff.
  return sub === subject && iss === issuer ? markedActor : { issuer: iss, subject: sub }
}

function actorMalformed (found: unknown): Error {
  return refused('actor_malformed', {
    expected: `an actor with a sub, and at most ${maxActorDepth} of them nested (RFC 8693 section 4.1)`, received: `act is ${describeValue(found)}`
  })
}

/** RFC 9396 section 2: objects, each with a type. */
function authorizationDetailsOf (claims: Claims): readonly Claims[] {
  const details = claims.authorization_details
  if (details === undefined) return none
  if (!Array.isArray(details) || details.some(one => typeof one?.type !== 'string')) {
    throw malformed('authorization_details', details, 'a list of objects with a type (RFC 9396)')
  }
  return details as Claims[]
}

/** A claim that binds the token to some values: where it cannot be read, the token cannot be used. */
function restrictionAt (claims: Claims, path: ClaimPath | null): readonly string[] | null {
  const strings = path === null ? null : readStrings(claims, path)
  if (strings === undefined) throw malformed(path!, readClaim(claims, path!), 'a string or a list of strings')
  return strings
}

function malformed (path: ClaimPath, value: unknown, expected: string, fix?: string): Error {
  const name = nameOf(path)
  return refused('claim_malformed', { expected: `${name} is ${expected}`, received: `${name} is ${describeValue(value)}`, ...fix !== undefined && { fix } })
}

function textAt (claims: Claims, path: ClaimPath | null): string | null {
  return path === null ? null : firstText(readClaim(claims, path))
}

function firstText (value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The claim that marks an access token which a member of staff obtained while impersonating the subject. */
export const impersonationClaim = 'impersonation'

/**
 * The member of staff whom the mark names. It stands in for an `act` that is missing, or that was dropped because it equals
 * the subject: staff and customers may have identifiers in common.
 *
 * @param issuer of the token, which is the issuer of the actor where the mark names none
 * @returns `null` when there is no mark, or when it names nobody
 */
export function markedActorOf (claims: Readonly<Record<string, unknown>>, issuer: string): Actor | null {
  const mark = readClaim(claims, impersonationClaim) as { readonly actor?: { readonly sub?: unknown, readonly iss?: unknown } | null } | null | undefined
  const { sub, iss = issuer } = mark?.actor ?? {}
  return typeof sub === 'string' && sub !== '' && typeof iss === 'string' ? { issuer: iss, subject: sub } : null
}
