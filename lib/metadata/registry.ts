import type { MetadataDocument } from './document.ts'
import { metadataTarget } from './well-known.ts'
import type { IdentifierParts } from '../identifier.ts'

/** Two resources of one server whose documents would stand at the same place. */
export class MetadataConflictError extends Error {}

interface Entry {
  readonly document: MetadataDocument
  readonly maxAgeSeconds: number
}

/** The metadata documents of one server, found by the very request target that was asked for. */
export interface MetadataRegistry {
  /**
   * @param rootAlias whether this document is also to answer without the path of its resource: `undefined` for
   *   "when it is the only one of the server"
   * @throws MetadataConflictError
   */
  add (parts: IdentifierParts, document: MetadataDocument, maxAgeSeconds: number, rootAlias?: boolean): void
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
      // Two scopes may be of one resource, as long as they say the same about it.
      if (taken?.document.body === document.body) return
      if (taken !== undefined) {
        throw new MetadataConflictError(document.resource === taken.document.resource
          ? `two scopes of this server are of ${document.resource} and say different things about it at ${target}`
          : `the metadata of ${document.resource} and of ${taken.document.resource} would both stand at ${target}`)
      }
      const entry: Entry = { document, maxAgeSeconds }
      const atRoot = target === root || rootAlias === true ? entries.get(root) ?? alias : null
      if (atRoot !== null) {
        throw new MetadataConflictError(
          `${document.resource} and ${atRoot.document.resource} cannot both answer at ${root}: set rootAlias for one of them`)
      }
      if (rootAlias === true) alias = entry
      only = entries.size === 0 ? { entry, aliasAllowed: rootAlias !== false } : null
      entries.set(target, entry)
    },
    find (target) {
      const entry = entries.get(target)
      if (entry !== undefined) return entry
      if (target !== root) return null
      return alias ?? (only?.aliasAllowed === true ? only.entry : null)
    },
    has: resource => [...entries.values()].some(entry => entry.document.resource === resource)
  }
}
