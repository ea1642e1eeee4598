import type { Impersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'

/** What a token endpoint is about to give. */
export interface GrantTerms {
  /** How long the access token would be good. */
  readonly expiresInSeconds: number
  readonly scopes: readonly string[]
  /** Whether there would be a refresh token. */
  readonly refreshToken: boolean
}

/** Says of a scope whether it only reads. */
export type ReadOnlyScopes = readonly string[] | ((scope: string) => boolean)

export interface NarrowingRules {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Scopes that only read. No name is taken for granted: by default there are none. */
  readonly readOnlyScopes?: ReadOnlyScopes
}

/** It asks for a refresh token (OpenID Connect Core section 11). */
const offlineAccess = 'offline_access'

/**
 * Narrows what an impersonator gets; a customer gets everything. There is no refresh token, and no scope that asks for one.
 * The token is good for the idle timeout of the session at most, and never past its end: 0 when there is no second left, and
 * then none is to be made. Where the session only reads, so do the scopes; none may be left. Nothing ever gets wider.
 *
 * @param impersonation or the stamp of the grant; `null` when nobody impersonates
 * @throws TypeError for what is neither null nor an impersonation
 */
export function narrowGrant (terms: GrantTerms, impersonation: Impersonation | null, { now, readOnlyScopes = [] }: NarrowingRules): GrantTerms {
  const known = checkImpersonation(impersonation)
  if (known === null) return terms
  const { endsAt, idleTimeoutSeconds, readOnly } = known
  const remaining = endsAt === null ? Infinity : (endsAt - now) / 1000
  const onlyReads = typeof readOnlyScopes === 'function' ? readOnlyScopes : (scope: string) => readOnlyScopes.includes(scope)
  return {
    expiresInSeconds: Math.max(0, Math.floor(Math.min(terms.expiresInSeconds, idleTimeoutSeconds ?? Infinity, remaining))),
    scopes: terms.scopes.filter(scope => scope !== offlineAccess && (!readOnly || onlyReads(scope) === true)),
    refreshToken: false
  }
}
