import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import type { LiveDocument } from './live-document.ts'
import { metadataTarget } from './well-known.ts'

interface Entry {
  readonly document: LiveDocument
  readonly maxAgeSeconds: number
}

/** How a document is served. */
export interface DocumentPlacement {
  readonly maxAgeSeconds: number
  /** Whether it is also served without the path of its resource: `null` for "when it is the only one of the server". */
  readonly rootAlias: boolean | null
  /** Path and query of another URL at which it is also served; `null` for none. */
  readonly publishedAt: string | null
}

/** The metadata documents of one server, found by the request target as it was sent. */
export interface MetadataRegistry {
  /**
   * @returns the document that is served: the one that another scope of the same resource added earlier, if any
   * @throws OptionError when two resources of one host would have their documents at the same URL
   */
  add (parts: IdentifierParts, document: LiveDocument, placement: DocumentPlacement): LiveDocument
  /**
   * Finds a document by path and query, exactly as they are in the request line; `null` if there is none. The host is compared
   * only when several hosts have a document at this path, because a reverse proxy may have changed the `Host` header.
   */
  find (target: string, host: string): Entry | null
  /** Whether the document of a resource, named by its identifier, is served. */
  has (resource: string): boolean
}

/** The documents at one path, by host. */
type ByHost = Map<string, Entry>

export function createMetadataRegistry (): MetadataRegistry {
  const places = new Map<string, ByHost>()
  const aliases: ByHost = new Map()
  const root = metadataTarget({ path: '', query: '' })
  let only: { entry: Entry, aliasAllowed: boolean } | null = null

  return {
    add (parts, document, { maxAgeSeconds, rootAlias, publishedAt }) {
      const target = metadataTarget(parts)
      const host = hostOf(parts)
      const taken = places.get(target)?.get(host)
      const { resource, body } = document.configured
      if (taken !== undefined) {
        // Several Fastify scopes may protect one resource, if their documents are the same.
        if (taken.document.configured.body === body) return taken.document
        const { resource: other } = taken.document.configured
        throw new OptionError(resource === other
          ? `two scopes of this server belong to ${resource} and describe it differently at ${target}`
          : `the metadata of ${resource} and of ${other} would both be at ${target}`)
      }
      const entry: Entry = { document, maxAgeSeconds }
      const atRoot = target === root || rootAlias === true ? places.get(root)?.get(host) ?? aliases.get(host) : undefined
      if (atRoot !== undefined) {
        throw new OptionError(`${resource} and ${atRoot.document.configured.resource} cannot both be at ${root}: set rootAlias for one of them`)
      }
      if (rootAlias === true) aliases.set(host, entry)
      only = places.size === 0 ? { entry, aliasAllowed: rootAlias !== false } : null
      for (const place of publishedAt === null ? [target] : [target, publishedAt]) {
        const byHost = places.get(place) ?? new Map<string, Entry>()
        places.set(place, byHost.set(host, entry))
      }
      return document
    },
    find (target, host) {
      const byHost = places.get(target)
      if (byHost !== undefined) return pick(byHost, host)
      if (target !== root) return null
      return pick(aliases, host) ?? (only?.aliasAllowed === true ? only.entry : null)
    },
    has: resource => [...places.values()].some(byHost => [...byHost.values()].some(({ document }) => document.configured.resource === resource))
  }
}

function pick (byHost: ByHost, host: string): Entry | null {
  const [first] = byHost.values()
  return (byHost.size === 1 ? first : byHost.get(host.toLowerCase())) ?? null
}

/** In the form of a `Host` header: in lower case, without the default port. */
function hostOf ({ origin }: IdentifierParts): string {
  return new URL(origin).host
}
