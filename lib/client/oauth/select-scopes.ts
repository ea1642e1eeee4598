/** What determines the scopes of an authorization request. Each is `null` where there are none. */
export interface ScopeSources {
  /** `scope` of the challenge: what the operation requires, whatever the metadata lists. */
  readonly challenged: readonly string[] | null
  /** `scopes_supported` of the resource's metadata. */
  readonly ofResource: readonly string[] | null
  /** What the application wants in any case. */
  readonly wanted: readonly string[] | null
  /** What earlier requests had: a token with more scopes must not have fewer elsewhere. */
  readonly requestedBefore: readonly string[] | null
}

/**
 * Selects the scopes to request (Model Context Protocol, scope selection and step-up): those of the challenge; else all
 * scopes of the resource; else none, which leaves the scopes to the authorization server. Wanted scopes and those of earlier
 * requests are always added.
 *
 * @returns `null` to send no `scope` parameter
 */
export function selectScopes ({ challenged, ofResource, wanted, requestedBefore }: ScopeSources): readonly string[] | null {
  const needed = challenged ?? (requestedBefore === null && wanted === null ? ofResource : null)
  return unionOf(requestedBefore, wanted, needed)
}

/** Every scope of the lists, once, in their order; `null` when there is none. */
export function unionOf (...lists: ReadonlyArray<readonly string[] | null>): readonly string[] | null {
  const scopes = new Set(lists.flatMap(list => list ?? []))
  return scopes.size === 0 ? null : [...scopes]
}

/**
 * Adds `offline_access`, if the authorization server lists it and scopes are requested at all. A resource cannot ask for
 * it: a refresh token is a matter between client and authorization server (Model Context Protocol, SEP-2207).
 */
export function withOfflineAccess (
  scopes: readonly string[] | null, ofServer: readonly string[] | undefined, wantsRefreshToken: boolean
): readonly string[] | null {
  if (scopes === null) return null
  const offered = Array.isArray(ofServer) && ofServer.includes('offline_access')
  const rest = scopes.filter(scope => scope !== 'offline_access')
  return unionOf(rest, offered && wantsRefreshToken ? ['offline_access'] : null)
}
