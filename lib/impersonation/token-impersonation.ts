import type { AccessToken } from '../token/access-token.ts'
import type { ClaimPath } from '../token/claim-path.ts'
import { readClaim } from '../token/claim-path.ts'
import { impersonationClaim, markedActorOf } from '../token/from-claims.ts'
import type { Impersonated } from './check-grant.ts'
import type { ImpersonationRecord } from './record.ts'

/** What a token, or the introspection response about it, says of the impersonation that it was issued in. */
export interface TokenImpersonation extends Impersonated {
  /** The issuer of the staff account; `null` or absent when the token does not say who impersonates. */
  readonly staffIssuer?: string | null
  /** The session of the impersonation. Default: the token does not say. */
  readonly sessionId?: string | null
  /** Whether the impersonation only reads. Default: false. */
  readonly readOnly?: boolean
  /** When its grant was made, in milliseconds since the epoch. Default: `iat`, which is whole seconds. */
  readonly grantedAt?: number | null
}

/**
 * What marks a token as an impersonated one: a claim that is present and neither null nor false; the issuer of the actor; or
 * the subject of the actor. An `act` alone is delegation (RFC 8693 section 4.1), which the user has agreed to.
 */
export type ImpersonationMarker =
  | { readonly claim: ClaimPath }
  | { readonly actorIssuer: string }
  | { readonly actorSubject: RegExp }

/** It marks a token for every classifier: other markers add to it and do not replace it. */
const ownMarker: ImpersonationMarker = Object.freeze({ claim: impersonationClaim })

/** The claims that mark a token as an impersonated one. */
export interface ImpersonationClaims {
  /** RFC 8693 section 4.1. */
  readonly act: { readonly sub: string, readonly iss?: string }
  readonly impersonation: {
    /**
     * The same actor again: authorization servers and resource servers may drop an `act` that equals the subject, which it does
     * where a member of staff and a customer have the same identifier.
     */
    readonly actor: { readonly sub: string, readonly iss?: string }
    /** Milliseconds since the epoch, as is `ends_at`. */
    readonly granted_at: number
    readonly ends_at: number | null
    readonly session: string | null
    readonly read_only: boolean
  }
}

/**
 * The claims for the access tokens of an impersonated grant, or the members for the introspection response about them. Put
 * them last, so that they replace other claims of these names.
 *
 * @param record that was saved with the grant; `null` for a customer's own
 * @param actorIssuer where staff are accounts of another issuer than the token's
 * @returns no claims for a customer's own grant
 */
export function impersonationClaims (record: ImpersonationRecord | null, actorIssuer?: string): ImpersonationClaims | Record<string, never> {
  if (record === null) return {}
  const { staff, grantedAt, endsAt, sessionId, readOnly } = record
  const actor = { sub: staff, ...actorIssuer !== undefined && { iss: actorIssuer } }
  return { act: actor, impersonation: { actor, granted_at: grantedAt, ends_at: endsAt, session: sessionId, read_only: readOnly } }
}

/**
 * Makes the function that recognizes impersonated tokens, by the claim `impersonation` and by the markers given beside it.
 *
 * An impersonated token without any mark is not found: only its issuer can distinguish it from the customer's own (RFC 8693
 * section 1.1).
 *
 * @returns a function that answers `null` for every other token
 */
export function createTokenClassifier (given: readonly ImpersonationMarker[] = []): (accessToken: AccessToken) => TokenImpersonation | null {
  const markers = [...given, ownMarker]
  const tests = markers.map(testOf)
  return accessToken => tests.some(isMarked => isMarked(accessToken)) ? impersonationOf(accessToken, markers) : null
}

function testOf (marker: ImpersonationMarker): (accessToken: AccessToken) => boolean {
  if ('claim' in marker) {
    return ({ claims }) => {
      const value = readClaim(claims, marker.claim)
      return value !== undefined && value !== null && value !== false
    }
  }
  if ('actorIssuer' in marker) return ({ actor }) => actor?.issuer === marker.actorIssuer
  // A pattern with the flag g or y remembers where it matched and would miss every other token.
  const pattern = new RegExp(marker.actorSubject.source, marker.actorSubject.flags.replace(/[gy]/g, ''))
  return ({ actor }) => actor !== null && pattern.test(actor.subject)
}

/**
 * A member of another type counts as absent. An end that cannot be read has passed, and a grant of an unknown age is as old as
 * its token: what cannot be read of a mark never widens it.
 */
function impersonationOf ({ issuer, subject, actor, claims }: AccessToken, markers: readonly ImpersonationMarker[]): TokenImpersonation {
  const said = readClaim(claims, impersonationClaim)
  const { granted_at: grantedAt, ends_at: endsAt = null, session, read_only: readOnly } =
    (typeof said === 'object' && said !== null ? said : {}) as Partial<Record<string, unknown>>
  const named = actor ?? markedActorOf(claims, issuer)
  const staff = named?.subject ?? textOfMarkers(claims, markers)
  return {
    staff,
    staffIssuer: named?.issuer ?? (staff === null ? null : issuer),
    customer: subject,
    sessionId: typeof session === 'string' ? session : null,
    readOnly: readOnly === true,
    endsAt: endsAt === null ? null : Number.isFinite(endsAt) ? endsAt as number : 0,
    grantedAt: Number.isFinite(grantedAt) ? grantedAt as number : null
  }
}

/** `impersonator: 'sam'` says who it is. */
function textOfMarkers (claims: Readonly<Record<string, unknown>>, markers: readonly ImpersonationMarker[]): string | null {
  for (const marker of markers) {
    const value = 'claim' in marker ? readClaim(claims, marker.claim) : undefined
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}
