import { OptionError } from '../../errors/errors.ts'
import type { IdentifierError } from '../../errors/syntax-errors.ts'
import { parseIdentifier } from '../../identifier.ts'
import { show } from '../../options/show.ts'

/**
 * How the `resource` of a metadata document must match the requested URL. `exact`: they are the same string (RFC 9728 section
 * 3.3). `prefix`: they have the same origin, and the segments of the resource's path are the first segments of the URL's path.
 * Many APIs have one identifier for many URLs, and MCP clients match by prefix.
 */
export type ResourceMatch = 'exact' | 'prefix'

/** Whether a token is for a URL. */
export type Cover = (url: URL) => boolean

/** Whether a document about `resource` may be used for `url`; both are http(s) URLs. */
export function coversUrl (resource: string, url: string, match: ResourceMatch): boolean {
  return resource === url || (match === 'prefix' && coverOf(resource)(new URL(url)))
}

/**
 * Compares origin, path (by whole segments) and, if the identifier has one, query. Another path of the same host may belong to
 * another resource, which must not get the token.
 *
 * @throws OptionError
 */
export function createCover (resources: readonly string[]): Cover {
  const covers = resources.map(resource => {
    try {
      parseIdentifier(resource)
    } catch (error) {
      throw new OptionError(`resource ${(error as IdentifierError).message}, got ${show(resource)}`)
    }
    return coverOf(resource)
  })
  return url => covers.some(cover => cover(url))
}

function coverOf (resource: string): Cover {
  const { origin, pathname, search } = new URL(resource)
  const path = withSlash(pathname)
  return url => url.origin === origin && (search === '' || url.search === search) &&
    (url.pathname.startsWith(path) || withSlash(url.pathname) === path)
}

function withSlash (path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
