import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { LiveDocument } from './live-document.ts'
import { metadataTarget } from './well-known.ts'

interface Entry {
  readonly document: LiveDocument
  readonly maxAgeSeconds: number
}

/** The metadata documents of one server, found by the request target as it was sent. */
export interface MetadataRegistry {
  /**
   * @param rootAlias whether this document is also served without the path of its resource: `null` for
   *   "when it is the only one of the server"
   * @returns the document that is served: the one that another scope of the same resource added earlier, if any
   * @throws OptionError when two resources of the server would have their documents at the same place
   */
  add (parts: IdentifierParts, document: LiveDocument, maxAgeSeconds: number, rootAlias: boolean | null): LiveDocument
  /** By path and query, exactly as they stand in the request line; `null` for no resource of this server. */
  find (target: string): Entry | null
  /** Whether the document of a resource, named by its identifier, is served. */
  has (resource: string): boolean
}

export function createMetadataRegistry (): MetadataRegistry {
  const entries = new Map<string, Entry>()
  const root = metadataTarget({ path: '', query: '' })
  let alias: Entry | null = null
  let only: { entry: Entry, aliasAllowed: boolean } | null = null

  return {
    add (parts, document, maxAgeSeconds, rootAlias) {
      const target = metadataTarget(parts)
      const taken = entries.get(target)
      const { resource, body } = document.configured
      if (taken !== undefined) {
        // Two scopes may belong to one resource, as long as they describe it alike.
        if (taken.document.configured.body === body) return taken.document
        const { resource: other } = taken.document.configured
        throw new OptionError(resource === other
          ? `two scopes of this server belong to ${resource} and describe it differently at ${target}`
          : `the metadata of ${resource} and of ${other} would both be at ${target}`)
      }
      const entry: Entry = { document, maxAgeSeconds }
      const atRoot = target === root || rootAlias === true ? entries.get(root) ?? alias : null
      if (atRoot !== null) {
        throw new OptionError(`${resource} and ${atRoot.document.configured.resource} cannot both be at ${root}: set rootAlias for one of them`)
      }
      if (rootAlias === true) alias = entry
      only = entries.size === 0 ? { entry, aliasAllowed: rootAlias !== false } : null
      entries.set(target, entry)
      return document
    },
    find (target) {
      const entry = entries.get(target)
      if (entry !== undefined) return entry
      if (target !== root) return null
      return alias ?? (only?.aliasAllowed === true ? only.entry : null)
    },
    has: resource => [...entries.values()].some(({ document }) => document.configured.resource === resource)
  }
}
