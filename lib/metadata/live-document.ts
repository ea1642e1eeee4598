import type { MetadataDocument } from './document.ts'
import { withScopes } from './document.ts'
import type { LiveScopes } from './live-scopes.ts'

/** A document whose scopes are known late: when all routes are there, or when it is asked for. */
export interface LiveDocument {
  /** The scopes that more routes of the resource ask for; a map is read when the document is asked for. */
  addRoutes (requiredScopes: ReadonlyMap<string, unknown>): void
  current (): Promise<MetadataDocument>
}

export interface LiveDocumentSource {
  /** The document as it is configured. */
  readonly document: MetadataDocument
  /** `null`: those of the document are advertised, whether routes ask for them or not. */
  readonly routes: { readonly neverAdvertised: readonly string[] } | null
  readonly liveScopes: LiveScopes | null
}

export function createLiveDocument ({ document, routes, liveScopes }: LiveDocumentSource): LiveDocument {
  const configured = document.members.scopes_supported as readonly string[] | undefined ?? []
  const required: Array<ReadonlyMap<string, unknown>> = []
  let last = document

  const advertised = (): readonly string[] => {
    if (routes === null) return configured
    const used = new Set(required.flatMap(scopes => [...scopes.keys()]))
    // In the order of the configuration, so that the document does not depend on that of the routes.
    const inOrder = [...configured.filter(scope => used.has(scope)), ...[...used].filter(scope => !configured.includes(scope)).sort()]
    return inOrder.filter(scope => !routes.neverAdvertised.includes(scope))
  }
  return {
    addRoutes (requiredScopes) { required.push(requiredScopes) },
    async current () {
      const scopes = advertised()
      const next = withScopes(document, liveScopes === null ? scopes : await liveScopes(scopes))
      // The same text is the same document.
      if (next.etag !== last.etag) last = next
      return last
    }
  }
}
