import type { Impersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'

/** What a token endpoint is about to issue. */
export interface GrantTerms {
  /** The lifetime of the access token. */
  readonly expiresInSeconds: number
  readonly scopes: readonly string[]
  /** Whether a refresh token is issued. */
  readonly refreshToken: boolean
}

/** The scopes that only read, as a list or as a test. */
export type ReadOnlyScopes = readonly string[] | ((scope: string) => boolean)

export interface NarrowingSettings {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Scopes that only read. Default: none. */
  readonly readOnlyScopes?: ReadOnlyScopes
}

/** It asks for a refresh token (OpenID Connect Core section 11). */
const offlineAccess = 'offline_access'

/**
 * Narrows what an impersonator gets; a customer gets everything. There is no refresh token, and no scope that asks for one.
 * The access token lives for the idle timeout of the session at most, and never past its end: 0 seconds when less than one is
 * left, and then none is to be issued. A read-only session gets read-only scopes; none may be left. Nothing ever gets wider.
 *
 * @param impersonation or the record of the grant; `null` when nobody impersonates
 * @throws TypeError for what is neither null nor an impersonation
 */
export function narrowGrant (terms: GrantTerms, impersonation: Impersonation | null, { now, readOnlyScopes = [] }: NarrowingSettings): GrantTerms {
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
