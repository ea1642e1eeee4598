/** What a client goes by when it decides what to ask for. Each is `null` where nobody says anything. */
export interface ScopeSources {
  /** Of the challenge: what the operation needs, whatever the metadata lists. */
  readonly challenged: readonly string[] | null
  /** `scopes_supported` of the resource. */
  readonly ofResource: readonly string[] | null
  /** What the host wants whatever the resource says. */
  readonly wanted: readonly string[] | null
  /** What was asked for before: a wider token must not be narrower elsewhere. */
  readonly requestedBefore: readonly string[] | null
}

/**
 * The scopes to ask for (Model Context Protocol, scope selection and step-up): those of the challenge; else all that the
 * resource lists; else none, which leaves it to the authorization server. What was asked for before, and what the host
 * wants, is added and never lost.
 *
 * @returns `null` to send no `scope` at all
 */
export function selectScopes ({ challenged, ofResource, wanted, requestedBefore }: ScopeSources): readonly string[] | null {
  const needed = challenged ?? (requestedBefore === null && wanted === null ? ofResource : null)
  return unionOf(requestedBefore, wanted, needed)
}

/** Every scope of the lists, once, in the order in which they come; `null` when there is none. */
export function unionOf (...lists: ReadonlyArray<readonly string[] | null>): readonly string[] | null {
  const scopes = new Set(lists.flatMap(list => list ?? []))
  return scopes.size === 0 ? null : [...scopes]
}

/**
 * The same with `offline_access`, where the authorization server lists that and scopes are asked for at all. It never
 * comes from a resource: a challenge that names it is about something else than access (SEP-2207).
 */
export function withOfflineAccess (
  scopes: readonly string[] | null, ofServer: readonly string[] | undefined, wantsRefreshToken: boolean
): readonly string[] | null {
  if (scopes === null) return null
  const offered = Array.isArray(ofServer) && ofServer.includes('offline_access')
  const rest = scopes.filter(scope => scope !== 'offline_access')
  return unionOf(rest, offered && wantsRefreshToken ? ['offline_access'] : null)
}
