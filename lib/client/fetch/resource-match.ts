/**
 * How the `resource` of a metadata document has to fit the URL that was called. `exact`: they are the same string (RFC
 * 9728 section 3.3). `prefix`: they have the same origin, and the path of the resource is that of the URL or, segment by
 * segment, the start of it, as APIs have one identifier for many URLs and the clients of the Model Context Protocol take it.
 */
export type ResourceMatch = 'exact' | 'prefix'

/** Whether a document about `resource` may be used for `url`; both are http(s) URLs. */
export function coversUrl (resource: string, url: string, match: ResourceMatch): boolean {
  if (resource === url) return true
  if (match === 'exact') return false
  const covering = new URL(resource)
  const covered = new URL(url)
  if (covering.origin !== covered.origin) return false
  if (covering.search !== '' && covering.search !== covered.search) return false
  return withSlash(covered.pathname).startsWith(withSlash(covering.pathname))
}

function withSlash (path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
