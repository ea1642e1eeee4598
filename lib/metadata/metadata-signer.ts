import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import type { MetadataDocument } from './document.ts'
import { withSignature } from './document.ts'
import type { LiveDocument } from './live-document.ts'
import type { MetadataKey } from './metadata-key.ts'

/** How the metadata document is signed, and where the keys are. */
export interface SignedMetadataSettings {
  readonly loadKeys: () => Promise<readonly MetadataKey[]>
  /** How often they are loaded again; `Infinity` for a list that does not change. */
  readonly refreshMs: number
  readonly issuer: string
  readonly jwksUri: string
  /** The path of the route that serves the keys. */
  readonly jwksPath: string
  /** How long the keys may be cached. */
  readonly keysMaxAgeMs: number
  /** How long the document may be cached. */
  readonly documentMaxAgeMs: number
  readonly lifetimeMs: number
}

/** The keys of a resource, as they are published. */
export interface PublishedKeys {
  readonly body: string
  readonly etag: string
}

/**
 * Signs a metadata document (RFC 9728 section 2.2) through a rotation of keys: whenever a client has fetched a document, it finds
 * the key in the key set, also when either comes from a cache.
 */
export interface MetadataSigner {
  /** Loads the keys for the first time. Nothing else may be called before it has resolved. */
  ready (): Promise<void>
  sign (document: MetadataDocument): MetadataDocument
  publicKeys (): ReadonlyArray<MetadataKey['publicJwk']>
}

/** A key that is published, or was. */
interface Publication {
  readonly key: MetadataKey
  /** When it was first published, in milliseconds since the epoch. */
  readonly since: number
  /** When it last signed a document that was served. */
  lastUsed: number
}

export function createMetadataSigner (settings: SignedMetadataSettings, clock: Clock, onRenewalFailed: (error: unknown) => void): MetadataSigner {
  const { loadKeys, refreshMs, issuer, keysMaxAgeMs, documentMaxAgeMs, lifetimeMs } = settings
  const isFixed = refreshMs === Infinity
  // Other servers see a change up to one interval later.
  const lagMs = isFixed ? 0 : refreshMs
  const source = createRefreshingValue(async () => ({ value: await loadKeys(), maxAgeSeconds: null }), {
    minAgeMs: 0, maxAgeMs: Infinity, defaultAgeMs: refreshMs, coolDownMs: 0, retryAfterMs: Math.min(refreshMs, 5000), maxStaleMs: Infinity
  }, clock, onRenewalFailed)
  const published = new Map<string, Publication>()
  let signing: Publication | null = null
  let last: { readonly id: string, readonly document: MetadataDocument } | null = null

  /** The keys that are published now, and which one signs: the first of the list that every cached key set has. */
  const update = (): Publication => {
    const now = clock.now()
    const keys = source.peek()!
    const listed = keys.map(key => {
      const known = published.get(key.keyId) ?? { key, since: signing === null ? -Infinity : now, lastUsed: -Infinity }
      published.set(key.keyId, known)
      return known
    })
    signing = listed.find(({ since }) => since + keysMaxAgeMs + lagMs <= now) ?? signing!
    for (const [id, publication] of published) {
      if (!listed.includes(publication) && publication !== signing && publication.lastUsed + documentMaxAgeMs + lagMs < now) published.delete(id)
    }
    return signing
  }

  return {
    async ready () {
      await source.get()
      update()
    },
    sign (document) {
      const now = clock.now()
      const current = update()
      current.lastUsed = now
      // All servers sign the same claims in the same half of a lifetime, so that a key without randomness makes the same document.
      const halfMs = lifetimeMs / 2
      const issuedAt = Math.floor(now / halfMs) * halfMs
      const id = JSON.stringify([document.etag, current.key.keyId, issuedAt])
      if (last?.id !== id) {
        const { signed_metadata: _own, ...members } = document.members
        const claims = { ...members, iss: issuer, iat: Math.floor(issuedAt / 1000), exp: Math.floor((issuedAt + lifetimeMs) / 1000) }
        last = { id, document: withSignature(document, current.key.sign(claims)) }
      }
      return last.document
    },
    publicKeys () {
      update()
      return [...published.values()].map(({ key }) => key.publicJwk)
    }
  }
}

/** The same document, signed whenever it is served. */
export function signedDocument (live: LiveDocument, signer: MetadataSigner): LiveDocument {
  return {
    ...live,
    current () {
      const document = live.current()
      return document instanceof Promise ? document.then(signer.sign) : signer.sign(document)
    }
  }
}

/** One key set of all resources that publish their keys at one URL. */
export function keySetOf (signers: readonly MetadataSigner[]): PublishedKeys {
  const keys = new Map(signers.flatMap(signer => signer.publicKeys()).map(jwk => [JSON.stringify(jwk), jwk]))
  const body = JSON.stringify({ keys: [...keys.values()] })
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}
