import type { AccessToken } from '../token/access-token.ts'
import type { ClaimPath } from '../token/claim-path.ts'
import { readClaim } from '../token/claim-path.ts'
import type { Impersonated } from './check-grant.ts'
import type { ImpersonationRecord } from './record.ts'

/** What a token, or what its issuer says of it, tells about the impersonation that it was made in. */
export interface TokenImpersonation extends Impersonated {
  /** Default: the token does not say. */
  readonly sessionId?: string | null
  readonly readOnly?: boolean
  /** When its grant was made, in milliseconds since the epoch. Default: `iat`, which is whole seconds. */
  readonly grantedAt?: number | null
}

/**
 * What makes a token an impersonated one: a claim that is there and is neither null nor false; who acts, by their issuer; or
 * by their subject. An `act` alone is delegation (RFC 8693 section 4.1), which the user has agreed to.
 */
export type ImpersonationMarker =
  | { readonly claim: ClaimPath }
  | { readonly actorIssuer: string }
  | { readonly actorSubject: RegExp }

/** The claim that `impersonationClaims` writes, in tokens and in what an issuer says of them. */
const claimName = 'impersonation'

/** It is a mark wherever it is read: what `impersonationClaims` writes is not lost by naming other marks. */
const ownMarker: ImpersonationMarker = Object.freeze({ claim: claimName })

/** What marks a token, for a resource server to know it by. */
export interface ImpersonationClaims {
  /** RFC 8693 section 4.1. */
  readonly act: { readonly sub: string, readonly iss?: string }
  readonly impersonation: {
    /** Milliseconds since the epoch, as is `ends_at`. */
    readonly granted_at: number
    readonly ends_at: number | null
    readonly session: string | null
    readonly read_only: boolean
  }
}

/**
 * The claims of a stamped grant's access tokens, or the members of what is said of them at introspection. Put them last: what
 * was there of these names is not theirs.
 *
 * @param actorIssuer where staff are accounts of another issuer than the token's
 * @returns nothing for a grant without a stamp
 */
export function impersonationClaims (stamp: ImpersonationRecord | null, actorIssuer?: string): ImpersonationClaims | Record<string, never> {
  if (stamp === null) return {}
  const { staff, grantedAt, endsAt, sessionId, readOnly } = stamp
  return {
    act: { sub: staff, ...actorIssuer !== undefined && { iss: actorIssuer } },
    impersonation: { granted_at: grantedAt, ends_at: endsAt, session: sessionId, read_only: readOnly }
  }
}

/**
 * Makes the function that tells impersonated tokens from all others, by what marks them: the claim `impersonation`, and the
 * markers given beside it.
 *
 * What hides its actor is not found: a token of an impersonator that says nothing of it is the customer's own to everybody
 * but its issuer (RFC 8693 section 1.1).
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
  // One that remembers where it was would see every other token.
  const pattern = new RegExp(marker.actorSubject.source, marker.actorSubject.flags.replace(/[gy]/g, ''))
  return ({ actor }) => actor !== null && pattern.test(actor.subject)
}

/** What is not of its type was not said; a time that cannot be read is over, and a grant of an unknown age is as old as its token. */
function impersonationOf ({ subject, actor, claims }: AccessToken, markers: readonly ImpersonationMarker[]): TokenImpersonation {
  const said = readClaim(claims, claimName)
  const { granted_at: grantedAt, ends_at: endsAt = null, session, read_only: readOnly } =
    (typeof said === 'object' && said !== null ? said : {}) as Partial<Record<string, unknown>>
  return {
    staff: actor?.subject ?? textOfMarkers(claims, markers),
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
