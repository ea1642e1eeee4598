import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import type { ImpersonationRecord } from '../impersonation/record.ts'
import type { OidcGrant, OidcInteraction } from './types.ts'

/** A grant of oidc-provider, with what the guard saved in it. */
export interface SavedGrant {
  readonly id: string
  readonly account: string
  readonly client: string
  /** What the grant gives access to. */
  readonly access: GrantAccess
  /** Who made the grant; `null` for a customer's own. */
  readonly record: ImpersonationRecord | null
}

/** The type of the authorization detail (RFC 9396) in which a grant carries what the guard has to know of it, in any store. */
const carrier = 'urn:fastify-oauth-resource-server:guarded-grant'

/**
 * Reads what the guard saved in a grant.
 *
 * @returns `null` for a grant that was made without the guard. A customer's own grant has the record `null`: one whose record is
 * missing is not a customer's
 */
export function readSavedGrant (grant: OidcGrant | undefined): SavedGrant | null {
  const { access, record } = (grant?.rar?.find(({ type }) => type === carrier) ?? {}) as Partial<Pick<SavedGrant, 'access' | 'record'>>
  if (grant === undefined || access === undefined || record === undefined) return null
  return { id: grant.jti!, account: grant.accountId!, client: grant.clientId!, access, record }
}

/**
 * Saves in a new grant what the guard has to know of it, and repeats the answers of an earlier grant, as far as this request asks
 * for the same scopes: oidc-provider lists only what the earlier grant lacks.
 */
export function fillGrant (
  grant: OidcGrant, saved: Pick<SavedGrant, 'access' | 'record'>, earlier: OidcGrant | undefined, params: OidcInteraction['params']
): OidcGrant {
  grant.addRar({ type: carrier, ...saved })
  const asked = new Set(String(params.scope ?? '').split(' '))
  const again = (scope: string | undefined): string[] => scope?.split(' ').filter(one => asked.has(one)) ?? []
  for (const scope of again(earlier?.openid?.scope)) grant.addOIDCScope(scope)
  for (const scope of again(earlier?.rejected?.openid?.scope)) grant.rejectOIDCScope(scope)
  for (const resource of [params.resource].flat().map(String)) {
    for (const scope of again(earlier?.resources?.[resource])) grant.addResourceScope(resource, scope)
    for (const scope of again(earlier?.rejected?.resources?.[resource])) grant.rejectResourceScope(resource, scope)
  }
  return grant
}

/** Adds the scopes that an interaction asked for, narrowed; the others are rejected, so that they are not asked for again and again. */
export function addAskedScopes (
  grant: OidcGrant, { missingOIDCScope = [], missingResourceScopes = {} }: OidcInteraction['prompt']['details'], narrow: (scopes: readonly string[]) => readonly string[]
): void {
  const given = narrow(missingOIDCScope)
  for (const scope of missingOIDCScope) given.includes(scope) ? grant.addOIDCScope(scope) : grant.rejectOIDCScope(scope)
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
    const givenHere = narrow(scopes)
    for (const scope of scopes) givenHere.includes(scope) ? grant.addResourceScope(resource, scope) : grant.rejectResourceScope(resource, scope)
  }
}
