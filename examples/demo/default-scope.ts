/**
 * Gives an authorization request that names no scope the one its resource starts with (RFC 6749 section 3.3 allows a
 * default). oidc-provider has none: the request would end in `access_denied` after the user has signed in.
 *
 * @param target path and query of a request to the authorization server
 * @param scopesOf the scopes for a `resource`, `null` where the request names none
 */
export function withDefaultScope (target: string, scopesOf: (resource: string | null) => readonly string[]): string {
  const [path, query = ''] = target.split('?', 2)
  if (path !== '/auth') return target
  const parameters = new URLSearchParams(query)
  if (parameters.get('scope')) return target
  const scopes = scopesOf(parameters.get('resource'))
  if (scopes.length === 0) return target
  parameters.set('scope', scopes.join(' '))
  return `${path}?${parameters.toString()}`
}
