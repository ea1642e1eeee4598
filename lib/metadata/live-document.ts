import type { MetadataDocument } from './document.ts'
import { withScopes } from './document.ts'
import type { LiveScopes } from './live-scopes.ts'

/** The part of the route policies that a document is made from. */
export interface ScopeSource {
  readonly requiredScopes: ReadonlyMap<string, unknown>
}

/** A document whose scopes are determined late: when all routes are registered, or at each request. */
export interface LiveDocument {
  /** The document as it is configured. */
  readonly configured: MetadataDocument
  /** Adds the scopes of more routes of the resource; they are read when the document is requested. */
  addScopes (source: ScopeSource): void
  /** There is a promise only while the first answer about granted scopes is awaited. */
  current (): MetadataDocument | Promise<MetadataDocument>
}

export interface LiveDocumentSource {
  readonly document: MetadataDocument
  /** `null`: the scopes of the document are advertised, whether routes require them or not. */
  readonly routes: { readonly neverAdvertised: readonly string[] } | null
  readonly liveScopes: LiveScopes | null
}

export function createLiveDocument ({ document, routes, liveScopes }: LiveDocumentSource): LiveDocument {
  const configured = document.members.scopes_supported as readonly string[] | undefined ?? []
  const sources: ScopeSource[] = []
  let last = { scopes: configured.join(' '), document }

  const advertised = (): readonly string[] => {
    if (routes === null) return configured
    const used = new Set(sources.flatMap(source => [...source.requiredScopes.keys()]))
    // In the order of the configuration, so that the document does not depend on the order of the routes.
    const inOrder = [...configured.filter(scope => used.has(scope)), ...[...used].filter(scope => !configured.includes(scope)).sort()]
    return inOrder.filter(scope => !routes.neverAdvertised.includes(scope))
  }
  const withCurrent = (scopes: readonly string[]): MetadataDocument => {
    // With unchanged content, the same object is returned. No scope has a space in it.
    const joined = scopes.join(' ')
    if (joined !== last.scopes) last = { scopes: joined, document: withScopes(document, scopes) }
    return last.document
  }
  return {
    configured: document,
    addScopes (source) { sources.push(source) },
    current () {
      if (routes === null && liveScopes === null) return document
      const scopes = advertised()
      const granted = liveScopes === null ? scopes : liveScopes(scopes)
      return granted instanceof Promise ? granted.then(withCurrent) : withCurrent(granted)
    }
  }
}
