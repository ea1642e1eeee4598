import type { AccessToken, Actor } from './access-token.ts'
import { audienceOf } from './checks.ts'
import type { ClaimPath } from './claim-path.ts'
import { readClaim, readStrings } from './claim-path.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { ExpectedToken } from './expected-token.ts'
import { refused } from './jwt.ts'
import { principalTypeOf } from './principal.ts'

type Claims = Readonly<Record<string, unknown>>

/** Nested actors are of interest to an audit, not to a decision; a chain without end is of interest to an attacker. */
const maxActorDepth = 8

/**
 * Makes the access token of claims that passed every check.
 *
 * @throws InvalidTokenError when a claim that the token is read by has a shape it cannot have
 */
export function accessTokenFrom (claims: Claims, rule: ExpectedToken): AccessToken {
  const subject = claims.sub as string
  const clientId = firstText(claims.client_id, claims.azp, claims.cid)
  return deepFreeze({
    issuer: rule.issuer,
    subject,
    principalType: principalTypeOf(claims, { subject, clientId }, rule.clientTokens),
    clientId,
    audience: [...audienceOf(claims, rule)!],
    scopes: scopesOf(claims, rule),
    actor: actorOf(claims, rule),
    tokenId: firstText(claims.jti),
    expiresAt: (claims.exp as number | undefined) ?? null,
    issuedAt: (claims.iat as number | undefined) ?? null,
    roles: stringsAt(claims, rule.claims.roles) ?? [],
    organizations: stringsAt(claims, rule.claims.organizations),
    teams: stringsAt(claims, rule.claims.teams),
    sessionId: textAt(claims, rule.claims.session),
    grantId: textAt(claims, rule.claims.grant),
    authenticationContext: textAt(claims, 'acr'),
    authenticatedAt: typeof claims.auth_time === 'number' ? claims.auth_time : null,
    authorizationDetails: authorizationDetailsOf(claims),
    claims
  })
}

/** RFC 9068 section 2.2.3: a space-delimited string; a list where the rule names another claim than `scope`. */
function scopesOf (claims: Claims, rule: ExpectedToken): string[] {
  const scopes = new Set<string>()
  for (const path of rule.scopeClaims) {
    const value = readClaim(claims, path)
    if (value === undefined) continue
    const listAllowed = rule.profile === 'jwt' || path !== 'scope'
    const found = typeof value === 'string' ? value.split(' ') : listAllowed ? value : null
    if (!Array.isArray(found) || found.some(scope => typeof scope !== 'string')) throw refused('claim_malformed')
    for (const scope of found as string[]) if (scope !== '') scopes.add(scope)
  }
  return [...scopes]
}

/** RFC 8693 section 4.1: the outermost `act` is who acts now; it is read for its identity and nothing else. */
function actorOf (claims: Claims, { issuer, claims: { actor: path } }: ExpectedToken): Actor | null {
  const mapped = readClaim(claims, path)
  const found = typeof mapped === 'string' && path !== 'act' ? { sub: mapped } : mapped === undefined ? claims.act : mapped
  if (found === undefined) return null
  let depth = 0
  for (let act: unknown = found; act !== undefined; act = (act as Claims).act) {
    if (++depth > maxActorDepth || typeof act !== 'object' || act === null || Array.isArray(act)) throw refused('actor_malformed')
  }
  const { sub, iss = issuer } = found as Claims
  if (typeof sub !== 'string' || sub === '' || typeof iss !== 'string') throw refused('actor_malformed')
  // An actor that is the subject is nobody else.
  return sub === claims.sub && iss === issuer ? null : { issuer: iss, subject: sub }
}

/** RFC 9396 section 2: objects, each with a type. */
function authorizationDetailsOf (claims: Claims): Claims[] {
  const details = claims.authorization_details
  if (details === undefined) return []
  if (!Array.isArray(details) || details.some(one => typeof one?.type !== 'string')) throw refused('claim_malformed')
  return details as Claims[]
}

function stringsAt (claims: Claims, path: ClaimPath | null): readonly string[] | null {
  const strings = path === null ? null : readStrings(claims, path)
  if (strings === undefined) throw refused('claim_malformed')
  return strings
}

function textAt (claims: Claims, path: ClaimPath | null): string | null {
  return path === null ? null : firstText(readClaim(claims, path))
}

function firstText (...values: readonly unknown[]): string | null {
  return values.find((value): value is string => typeof value === 'string' && value !== '') ?? null
}
